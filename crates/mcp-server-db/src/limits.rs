//! What one call may cost.

use std::time::Duration;

/// What one call may cost. Every value is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most rows in one answer. Default: 1,000.
    pub rows: usize,
    /// The most bytes of values in one answer, and in one value. Default: 1 MiB.
    pub bytes: usize,
    /// How long one statement may run. Default: 10 s.
    pub time: Duration,
    /// How many statements may run at the same time. Default: 4.
    pub statements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 1000,
            bytes: 1024 * 1024,
            time: Duration::from_secs(10),
            statements: 4,
        }
    }
}
