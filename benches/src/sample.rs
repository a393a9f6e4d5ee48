//! Samples, and what is told of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Durations of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<Duration>);

impl Samples {
    /// Takes the time since `start`.
    pub(crate) fn since(&mut self, start: Instant) {
        self.0.push(start.elapsed());
    }

    pub(crate) fn push(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    pub(crate) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// What `count` of them take one after the other, as often as there are as many.
    pub(crate) fn sums(&self, count: usize) -> Self {
        let sums = self.0.chunks_exact(count);
        Self(sums.map(|chunk| chunk.iter().sum()).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them, one after the other.
    pub(crate) fn total(&self) -> Duration {
        self.0.iter().sum()
    }

    /// `None` where nothing was measured.
    pub(crate) fn summary(&self) -> Option<Summary> {
        let micros = self.0.iter();
        Summary::of(micros.map(|sample| sample.as_nanos() as f64 / 1000.0))
    }
}

impl Summary {
    /// `None` where nothing was measured.
    pub(crate) fn of(figures: impl Iterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<_> = figures.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let ranked = |index: usize| sorted[index.min(sorted.len() - 1)];
        // The smallest sample that so many of a thousand do not exceed.
        let at = |share: usize| ranked((sorted.len() * share).div_ceil(1000).saturating_sub(1));
        if sorted.is_empty() {
            return None;
        }
        // The ranks between which the true median lies in 95 of 100 cases, whatever
        // the distribution: n/2 and 1.96 standard deviations of a fair coin around it.
        let half = sorted.len() as f64 / 2.0;
        let reach = 0.98 * (sorted.len() as f64).sqrt();
        Some(Self {
            n: sorted.len(),
            p50: at(500),
            p99: at(990),
            low: ranked((half - reach).floor().max(0.0) as usize),
            high: ranked((half + reach).floor() as usize),
            quantiles: SHARES.map(at),
        })
    }
}

/// The shares of a thousand whose quantiles are told, for plots of a distribution.
pub(crate) const SHARES: [usize; 12] = [0, 50, 100, 250, 500, 750, 900, 950, 980, 990, 995, 1000];

/// Many samples in a few numbers; of times, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) n: usize,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// The median lies between `low` and `high`, with 95 % confidence.
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// The samples at [`SHARES`].
    pub(crate) quantiles: [f64; SHARES.len()],
}

impl Summary {
    /// The median of figures that are ratios themselves.
    pub(crate) fn ratio(&self) -> Ratio {
        Ratio {
            value: self.p50,
            low: self.low,
            high: self.high,
            n: self.n,
            few: self.n < FEW,
        }
    }

    /// How many times slower than another.
    pub(crate) fn times(&self, other: &Self) -> Ratio {
        let n = self.n.min(other.n);
        Ratio {
            value: self.p50 / other.p50,
            low: self.low / other.high,
            high: self.high / other.low,
            n,
            few: n < FEW,
        }
    }
}

/// How many times slower one is than another, by the medians.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ratio {
    pub(crate) value: f64,
    /// The ratio of the true medians lies between `low` and `high`.
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// How many samples there are of the one that has fewer; 0 where nothing is left to chance.
    #[serde(default)]
    pub(crate) n: usize,
    /// Are there so few samples that all of one run may lie beyond all of another by chance?
    #[serde(default)]
    pub(crate) few: bool,
}

#[cfg(test)]
impl Ratio {
    /// One of many samples.
    pub(crate) fn of([low, value, high]: [f64; 3]) -> Self {
        Self {
            value,
            low,
            high,
            n: 100,
            few: false,
        }
    }
}

/// With fewer samples, two runs of one build lie apart by chance more often than once in a
/// hundred times: of two samples each, once in three times.
const FEW: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(range: impl Iterator<Item = u64>) -> Summary {
        let samples = Samples(range.map(Duration::from_micros).collect());
        samples.summary().unwrap()
    }

    #[test]
    fn percentiles_are_samples_that_were_taken() {
        let many = micros((1..=200).rev());
        assert_eq!((many.p50, many.p99, many.n), (100.0, 198.0, 200));
        assert_eq!((many.quantiles[0], many.quantiles[11]), (1.0, 200.0));
        let one = micros(7..8);
        assert_eq!((one.p50, one.p99, one.n), (7.0, 7.0, 1));
        assert_eq!((one.low, one.high), (7.0, 7.0));
        assert_eq!(Samples::default().summary(), None);
    }

    #[test]
    fn sums_are_of_samples_that_were_taken_one_after_the_other() {
        let five = Samples((1..=5).map(Duration::from_millis).collect());
        let sums = [3, 7].map(Duration::from_millis);
        assert_eq!(five.sums(2).0, sums);
        assert_eq!(five.sums(6).len(), 0);
    }

    #[test]
    fn the_median_lies_where_it_is_said_to() {
        let many = micros(1..=100);
        // A coin that is thrown 100 times shows heads 40 to 60 times.
        assert_eq!((many.low, many.high), (41.0, 60.0));
        let twice = micros((1..=100).map(|value| 2 * value));
        let ratio = twice.times(&many);
        assert_eq!(ratio.value, 2.0);
        assert_eq!((ratio.low, ratio.high), (82.0 / 60.0, 120.0 / 41.0));
        assert!(!ratio.few && !micros(1..=5).ratio().few);
        assert!(micros(1..=4).ratio().few && twice.times(&micros(1..=4)).few);
    }
}
