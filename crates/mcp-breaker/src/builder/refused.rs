//! What is refused, and what is said then.

use std::time::Duration;

/// A setting that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting means nothing without another one.
    #[error("{name} is not set; {needed_by} needs it")]
    Missing {
        /// The one that is not set.
        name: &'static str,
        /// The one that is.
        needed_by: &'static str,
    },
    /// Nothing is set that could open it, in a mode that goes by results.
    #[error("none of failure_threshold, failure_rate and slow_call_rate is set; one must be")]
    NeverOpens,
    /// The window is too small for a rate ever to be taken.
    #[error("minimum_calls is {value}; it must be at most the window, which is {most} calls")]
    NeverReached {
        /// What was asked for.
        value: u32,
        /// The window.
        most: u32,
    },
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
    /// The longest wait is shorter than the first.
    #[error("max_open_timeout is {value:?}; it must be at least open_timeout, which is {least:?}")]
    WaitShrinks {
        /// What was asked for.
        value: Duration,
        /// The first wait.
        least: Duration,
    },
    /// A setting that is nothing, where that makes no sense.
    #[error("{name} is 0; it must be more")]
    Zero {
        /// The setting.
        name: &'static str,
    },
}

/// What a number may be: a test, and the same in words.
pub(super) type Allowed = (fn(f64) -> bool, &'static str);

pub(super) const GROWTH: Allowed = (|x| x >= 1.0 && x.is_finite(), "finite and 1 or more");
pub(super) const JITTER: Allowed = (|x| (0.0..=1.0).contains(&x), "between 0 and 1");
pub(super) const RATE: Allowed = (|x| x > 0.0 && x <= 1.0, "more than 0 and at most 1");

pub(super) fn within(
    name: &'static str,
    value: f64,
    (is_allowed, allowed): Allowed,
) -> Result<f64, BuildError> {
    if is_allowed(value) {
        Ok(value)
    } else {
        Err(BuildError::Outside {
            name,
            value,
            allowed,
        })
    }
}

pub(super) fn not_zero<T: Default + PartialEq>(
    name: &'static str,
    value: T,
) -> Result<T, BuildError> {
    if value == T::default() {
        Err(BuildError::Zero { name })
    } else {
        Ok(value)
    }
}
