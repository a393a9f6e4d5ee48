//! How long to wait before a call or a connect is repeated.
//!
//! The only file that knows the `backoff` crate, which is unmaintained
//! (RUSTSEC-2025-0012): we use it for nothing but the intervals, so that a swap
//! touches this file alone.

use std::time::Duration;

use backoff::{ExponentialBackoff, ExponentialBackoffBuilder, backoff::Backoff as _};

/// Waits between attempts: doubling, each up to half shorter or longer at random.
pub(crate) struct Waits(ExponentialBackoff);

impl Waits {
    /// Between the attempts of one operation: from 50 ms to at most 5 s.
    pub(crate) fn between_calls() -> Self {
        Self::new(Duration::from_millis(50), Duration::from_secs(5))
    }

    /// Between connects that nobody waits for, or that others may make unnecessary: from
    /// 500 ms to at most 10 s.
    pub(crate) fn between_connects() -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(10))
    }

    fn new(first: Duration, last: Duration) -> Self {
        let intervals = ExponentialBackoffBuilder::new()
            .with_initial_interval(first)
            .with_multiplier(2.0)
            .with_randomization_factor(0.5)
            .with_max_interval(last)
            .with_max_elapsed_time(None)
            .build();
        Self(intervals)
    }

    /// The next wait, no shorter than what the server asked for.
    pub(crate) fn next(&mut self, asked_for: Option<Duration>) -> Duration {
        // Without a maximum elapsed time there is always a next interval.
        let wait = self.0.next_backoff().unwrap_or_default();
        wait.max(asked_for.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_cap_and_respect_the_server() {
        let mut waits = Waits::between_calls();
        let first = waits.next(None);
        assert!(first >= Duration::from_millis(25) && first <= Duration::from_millis(75));
        for _ in 0..20 {
            assert!(waits.next(None) <= Duration::from_millis(7500));
        }
        let asked = Duration::from_secs(30);
        assert_eq!(waits.next(Some(asked)), asked);
    }
}
