//! How long something took, over many times.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// How long something took, in short. Serialized in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Times {
    /// How often it was measured.
    pub count: u64,
    /// Half of all took no longer.
    #[serde(serialize_with = "seconds")]
    pub p50: Duration,
    /// Nine in ten took no longer.
    #[serde(serialize_with = "seconds")]
    pub p90: Duration,
    /// Ninety-nine in a hundred took no longer.
    #[serde(serialize_with = "seconds")]
    pub p99: Duration,
    /// The longest.
    #[serde(serialize_with = "seconds")]
    pub max: Duration,
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}
