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
    /// How long to wait when the breaker opens for the n-th time in a row, n from 0, and
    /// the server asks to be left alone for so long. `chance` is between 0 and 1.
    ///
    /// Chance makes the breaker's own wait shorter, and the server's longer: it is never
    /// asked earlier than it wants.
    pub(crate) fn wait(&self, nth: u32, asked: Duration, chance: f64) -> Duration {
        let left_to_chance = self.jitter * chance;
        let first = self.open_timeout.as_secs_f64();
        let grown = first * self.growth.powf(f64::from(nth));
        let own = grown.min(self.max_open_timeout.as_secs_f64()) * (1.0 - left_to_chance);
        let more = asked.as_secs_f64() * left_to_chance;
        // Beyond what a duration can hold is only a wait that nobody lives to see.
        let seconds = |s| Duration::try_from_secs_f64(s).unwrap_or(Duration::MAX);
        seconds(own).max(asked.saturating_add(seconds(more)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Breaker;

    fn config(jitter: f64) -> Config {
        let builder = Breaker::builder().open_timeout(Duration::from_secs(10));
        builder.jitter(jitter).config().unwrap()
    }

    #[track_caller]
    fn check(jitter: f64, asked: u64, chance: f64, expected: f64) {
        let wait = config(jitter).wait(0, Duration::from_secs(asked), chance);
        assert_eq!(wait, Duration::from_secs_f64(expected));
    }

    #[test]
    fn chance_makes_the_own_wait_shorter() {
        check(0.5, 0, 0.0, 10.0);
        check(0.5, 0, 0.5, 7.5);
        check(0.5, 0, 1.0, 5.0);
    }

    #[test]
    fn chance_makes_the_servers_wait_longer_and_never_shorter() {
        check(0.5, 40, 0.0, 40.0);
        check(0.5, 40, 0.5, 50.0);
        check(0.5, 40, 1.0, 60.0);
        // Also where chance has made the own wait shorter than what it asked for.
        check(0.5, 8, 1.0, 12.0);
    }

    #[test]
    fn without_jitter_nothing_is_left_to_chance() {
        check(0.0, 0, 1.0, 10.0);
        check(0.0, 40, 1.0, 40.0);
    }
}
