//! What can be set.

use std::time::Duration;

use crate::{Breaker, Clock, SystemClock};

/// Settings of a breaker, checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    pub(crate) failure_threshold: u32,
    pub(crate) open_timeout: Duration,
    pub(crate) probes: u32,
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
                probes: 1,
            },
        }
    }

    /// The breaker opens after so many failures in a row. Default: 5.
    pub fn failure_threshold(mut self, failures: u32) -> Self {
        self.config.failure_threshold = failures;
        self
    }

    /// How long an open breaker waits before it lets probes through. Default: 60 s.
    pub fn open_timeout(mut self, wait: Duration) -> Self {
        self.config.open_timeout = wait;
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
        Ok(Breaker::new(self.config, clock))
    }
}

/// A setting that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
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
