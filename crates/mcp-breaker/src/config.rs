//! What can be set.

use std::time::Duration;

use crate::{Breaker, Clock, SystemClock};

/// Settings of a breaker, checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    pub(crate) failure_threshold: u32,
    pub(crate) open_timeout: Duration,
    pub(crate) growth: f64,
    pub(crate) max_open_timeout: Duration,
    pub(crate) jitter: f64,
    pub(crate) probes: u32,
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

/// Builds a [`Breaker`]. Unset values keep their defaults.
#[derive(Clone, Debug)]
#[must_use]
pub struct BreakerBuilder {
    config: Config,
}

impl BreakerBuilder {
    /// The defaults of the session pool that this project measures itself against
    /// (`docs/benchmarks.md`): 5 failures in a row, 60 s.
    pub(crate) fn new() -> Self {
        Self {
            config: Config {
                failure_threshold: 5,
                open_timeout: Duration::from_secs(60),
                growth: 2.0,
                max_open_timeout: Duration::from_secs(600),
                jitter: 0.1,
                probes: 1,
            },
        }
    }

    /// The breaker opens after so many failures in a row. Default: 5.
    pub fn failure_threshold(mut self, failures: u32) -> Self {
        self.config.failure_threshold = failures;
        self
    }

    /// How long a breaker that opens waits before it lets probes through. Default: 60 s.
    pub fn open_timeout(mut self, wait: Duration) -> Self {
        self.config.open_timeout = wait;
        self
    }

    /// By how much the wait grows each time a probe fails; it starts anew when the
    /// breaker closes. Default: 2; 1 turns it off.
    pub fn growth(mut self, factor: f64) -> Self {
        self.config.growth = factor;
        self
    }

    /// What the wait grows to. Default: 600 s, or `open_timeout` if that is longer.
    pub fn max_open_timeout(mut self, most: Duration) -> Self {
        self.config.max_open_timeout = most;
        self
    }

    /// The part of the wait that is left to chance, so that many clients do not all
    /// come back at once: 0.1 makes it up to a tenth shorter. Default: 0.1; 0 turns it off.
    pub fn jitter(mut self, part: f64) -> Self {
        self.config.jitter = part;
        self
    }

    /// How many probes pass at a time, and must succeed, before the breaker closes. Default: 1.
    pub fn probes(mut self, count: u32) -> Self {
        self.config.probes = count;
        self
    }

    /// Builds the breaker.
    ///
    /// # Errors
    ///
    /// [`BuildError`] names the first setting that cannot be.
    pub fn build(self) -> Result<Breaker, BuildError> {
        self.build_with_clock(SystemClock::default())
    }

    /// Builds the breaker with a clock of yours.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_with_clock<K: Clock>(self, clock: K) -> Result<Breaker<K>, BuildError> {
        let Config {
            failure_threshold,
            open_timeout,
            growth,
            max_open_timeout: _,
            jitter,
            probes,
        } = self.config;
        let zero = |name| BuildError::Zero { name };
        if failure_threshold == 0 {
            return Err(zero("failure_threshold"));
        }
        if failure_threshold > crate::word::MOST_FAILURES {
            return Err(BuildError::TooMany {
                value: failure_threshold,
                most: crate::word::MOST_FAILURES,
            });
        }
        if open_timeout.is_zero() {
            return Err(zero("open_timeout"));
        }
        if probes == 0 {
            return Err(zero("probes"));
        }
        let outside = |name, value, allowed| BuildError::Outside {
            name,
            value,
            allowed,
        };
        if !(growth >= 1.0 && growth.is_finite()) {
            return Err(outside("growth", growth, "1 or more"));
        }
        if !(0.0..=1.0).contains(&jitter) {
            return Err(outside("jitter", jitter, "between 0 and 1"));
        }
        Ok(Breaker::new(self.config, clock))
    }
}

/// A setting that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A number that makes no sense here.
    #[error("{name} is {value}; it must be {allowed}")]
    Outside {
        /// The setting.
        name: &'static str,
        /// What was asked for.
        value: f64,
        /// What would be right.
        allowed: &'static str,
    },
    /// More failures than can be counted.
    #[error("failure_threshold is {value}; it must be at most {most}")]
    TooMany {
        /// What was asked for.
        value: u32,
        /// The most there can be.
        most: u32,
    },
    /// A breaker that could never close, or would never open.
    #[error("{name} is 0; it must be more")]
    Zero {
        /// The setting.
        name: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_to_its_cap_and_leaves_a_part_to_chance() {
        let mut config = BreakerBuilder::new().config;
        let seconds = |nth, chance| config.wait(nth, chance).as_secs();
        assert_eq!(seconds(0, 0.0), 60);
        assert_eq!(seconds(1, 0.0), 120);
        assert_eq!(seconds(3, 0.0), 480);
        assert_eq!(seconds(4, 0.0), 600);
        assert_eq!(seconds(u32::MAX, 0.0), 600);
        assert_eq!(seconds(0, 1.0), 54);
        config.max_open_timeout = Duration::from_secs(1);
        assert_eq!(config.wait(9, 0.0), Duration::from_secs(60));
        config.open_timeout = Duration::MAX;
        assert_eq!(config.wait(9, 0.0), Duration::MAX);
    }
}
