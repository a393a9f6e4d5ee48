//! The settings of a breaker, checked.

use std::time::Duration;

use mcp_domain::BreakerMode;

use crate::policy::Policy;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    pub(crate) mode: BreakerMode,
    pub(crate) policy: Policy,
    pub(crate) open_timeout: Duration,
    pub(crate) growth: f64,
    pub(crate) max_open_timeout: Duration,
    pub(crate) jitter: f64,
    /// The most that a server can ask for.
    pub(crate) max_retry_after: Duration,
    /// When a probe counts as lost, in nanoseconds.
    pub(crate) probe_timeout: u64,
}

impl Config {
    /// How long to wait when the breaker opens for the n-th time in a row, n from 0.
    /// `chance` is between 0 and 1.
    pub(crate) fn wait(&self, nth: u32, chance: f64) -> Duration {
        let first = self.open_timeout.as_secs_f64();
        let grown = first * self.growth.powf(f64::from(nth));
        let most = self.max_open_timeout.max(self.open_timeout).as_secs_f64();
        let wait = grown.min(most) * (1.0 - self.jitter * chance);
        // Beyond what a duration can hold is only a wait that nobody lives to see.
        Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX)
    }
}
