//! How long to wait before a call is repeated.
//!
//! The only file that knows the `backoff` crate, which is unmaintained
//! (RUSTSEC-2025-0012): we use it for nothing but the intervals, so that a swap
//! touches this file alone.

use std::time::Duration;

use backoff::{ExponentialBackoff, ExponentialBackoffBuilder, backoff::Backoff as _};

/// The waits between the attempts of one operation: growing, with jitter.
pub(crate) struct Waits(ExponentialBackoff);

impl Waits {
    /// From 50 ms, doubling, each up to half shorter or longer at random, to at most 5 s.
    pub(crate) fn new() -> Self {
        let intervals = ExponentialBackoffBuilder::new()
            .with_initial_interval(Duration::from_millis(50))
            .with_multiplier(2.0)
            .with_randomization_factor(0.5)
            .with_max_interval(Duration::from_secs(5))
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
        let mut waits = Waits::new();
        let first = waits.next(None);
        assert!(first >= Duration::from_millis(25) && first <= Duration::from_millis(75));
        for _ in 0..20 {
            assert!(waits.next(None) <= Duration::from_millis(7500));
        }
        let asked = Duration::from_secs(30);
        assert_eq!(waits.next(Some(asked)), asked);
    }
}
