//! Samples, and what is told of them.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

/// Durations of one kind.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<Duration>);

impl Samples {
    /// Takes the time since `start`.
    pub(crate) fn since(&mut self, start: Instant) {
        self.0.push(start.elapsed());
    }

    pub(crate) fn summary(mut self) -> Summary {
        self.0.sort_unstable();
        let at = |percent: usize| {
            // The smallest sample that so many percent do not exceed.
            let rank = (self.0.len() * percent).div_ceil(100);
            let sample = self.0.get(rank.saturating_sub(1));
            sample.copied().unwrap_or_default().as_nanos() as f64 / 1000.0
        };
        Summary {
            p50: at(50),
            p99: at(99),
            n: self.0.len(),
        }
    }
}

/// The middle and the tail of many samples, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) n: usize,
}

impl Summary {
    /// How many times slower than another, by the medians.
    pub(crate) fn times(&self, other: &Self) -> f64 {
        self.p50 / other.p50
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_that_were_taken() {
        let micros = (1..=200).rev().map(Duration::from_micros);
        let summary = Samples(micros.collect()).summary();
        assert_eq!((summary.p50, summary.p99, summary.n), (100.0, 198.0, 200));
        let one = Samples(vec![Duration::from_micros(7)]).summary();
        assert_eq!((one.p50, one.p99, one.n), (7.0, 7.0, 1));
    }
}
