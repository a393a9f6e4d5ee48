//! How long things take: counted in buckets, without locks.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use mcp_domain::Times;

/// Each doubling is split in this many buckets, so that a value is told from its
/// neighbours to an eighth.
const PARTS: u64 = 8;
const PARTS_BITS: u32 = PARTS.trailing_zeros();

/// Durations are counted in microseconds, from one to more than an hour: 2^32 µs.
const DOUBLINGS: usize = 32;

/// One bucket for each of the first `PARTS` microseconds, then `PARTS` for each doubling.
const BUCKETS: usize = PARTS as usize * (DOUBLINGS - PARTS_BITS as usize + 1);

/// Durations, counted by their order of magnitude.
///
/// Adding one costs two uncontended atomic operations and never waits. A snapshot
/// that is taken meanwhile may lack the latest.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    max_micros: AtomicU64,
}

impl Histogram {
    pub(crate) const fn new() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            max_micros: AtomicU64::new(0),
        }
    }

    pub(crate) fn add(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(micros)].fetch_add(1, Relaxed);
        // Mostly it is not the longest: reading does not take the line from others.
        if micros > self.max_micros.load(Relaxed) {
            self.max_micros.fetch_max(micros, Relaxed);
        }
    }
}

/// The contents of histograms, added up.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    buckets: Vec<u64>,
    max_micros: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            max_micros: 0,
        }
    }
}

impl Tally {
    pub(crate) fn add(&mut self, histogram: &Histogram) {
        for (sum, count) in self.buckets.iter_mut().zip(&histogram.buckets) {
            *sum += count.load(Relaxed);
        }
        let max = histogram.max_micros.load(Relaxed);
        self.max_micros = self.max_micros.max(max);
    }

    /// What it tells, in short.
    pub(crate) fn times(&self) -> Times {
        let count = self.buckets.iter().sum();
        let mut times = Times::default();
        times.count = count;
        times.p50 = self.quantile(count, 50);
        times.p90 = self.quantile(count, 90);
        times.p99 = self.quantile(count, 99);
        times.max = Duration::from_micros(self.max_micros);
        times
    }

    /// What this many percent do not exceed, to an eighth: the end of their bucket,
    /// or the longest there was.
    fn quantile(&self, count: u64, percent: u64) -> Duration {
        let rank = (count * percent).div_ceil(100);
        let mut seen = 0;
        let found = self.buckets.iter().position(|in_bucket| {
            seen += in_bucket;
            seen >= rank
        });
        let end = found.map_or(0, end_of);
        Duration::from_micros(end.min(self.max_micros))
    }
}

/// The bucket that counts this many microseconds. What is longer than the last can
/// tell is counted there.
fn bucket(micros: u64) -> usize {
    let index = if micros < PARTS {
        micros
    } else {
        let doubling = micros.ilog2() - PARTS_BITS;
        let part = (micros >> doubling) - PARTS;
        PARTS + u64::from(doubling) * PARTS + part
    };
    usize::try_from(index).map_or(BUCKETS - 1, |index| index.min(BUCKETS - 1))
}

/// The most microseconds that this bucket counts.
fn end_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < PARTS {
        return bucket;
    }
    let doubling = bucket / PARTS - 1;
    let part = bucket % PARTS + PARTS;
    ((part + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_the_bucket_whose_end_is_no_more_than_an_eighth_away() {
        for micros in (0..5000).chain((12..32).map(|bits| (1 << bits) + 12_345)) {
            let end = end_of(bucket(micros));
            assert!(end >= micros, "{micros} µs end at {end}");
            assert!(end - micros <= micros / 8, "{micros} µs end at {end}");
        }
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        for index in 1..BUCKETS {
            assert_eq!(bucket(end_of(index - 1) + 1), index);
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[track_caller]
    fn close(told: Duration, expected: u64) {
        let told = told.as_micros() as f64;
        let expected = expected as f64;
        assert!(
            (told / expected - 1.0).abs() <= 0.125,
            "{told} for {expected}"
        );
    }

    #[test]
    fn quantiles_are_right_to_an_eighth_and_the_longest_is_exact() {
        let histogram = Histogram::new();
        for micros in 1..=100_000 {
            histogram.add(Duration::from_micros(micros));
        }
        let mut tally = Tally::default();
        tally.add(&histogram);
        let times = tally.times();
        assert_eq!(times.count, 100_000);
        close(times.p50, 50_000);
        close(times.p90, 90_000);
        close(times.p99, 99_000);
        assert_eq!(times.max, Duration::from_micros(100_000));
    }

    #[test]
    fn nothing_is_told_of_nothing_and_hours_are_told_as_they_are() {
        assert_eq!(Tally::default().times(), Times::default());
        let histogram = Histogram::new();
        histogram.add(Duration::from_secs(7 * 3600));
        let mut tally = Tally::default();
        tally.add(&histogram);
        assert_eq!(tally.times().max, Duration::from_secs(7 * 3600));
    }

    #[test]
    fn histograms_add_up() {
        let (short, long) = (Histogram::new(), Histogram::new());
        for _ in 0..9 {
            short.add(Duration::from_millis(1));
        }
        long.add(Duration::from_secs(1));
        let mut tally = Tally::default();
        tally.add(&short);
        tally.add(&long);
        let times = tally.times();
        assert_eq!(times.count, 10);
        close(times.p90, 1_000);
        close(times.p99, 1_000_000);
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        let histogram = Histogram::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for micros in 0..10_000 {
                        histogram.add(Duration::from_micros(micros));
                    }
                });
            }
        });
        let mut tally = Tally::default();
        tally.add(&histogram);
        assert_eq!(tally.times().count, 40_000);
    }
}
