//! The results of the latest so long a time.

use std::{collections::VecDeque, time::Duration};

use crate::{
    clock::as_nanos,
    policy::{Call, Tally},
};

/// The parts of a window. A result counts for nine to ten of them.
const PARTS: u64 = 10;

/// Counts per part of the time. The parts begin at multiples of their width, so that
/// a result belongs to a part whenever somebody looks.
#[derive(Clone, Debug)]
pub(crate) struct LatestTime {
    width: u64,
    /// The number of the part that is under way.
    current: u64,
    /// Parts with results, oldest first, with their numbers.
    parts: VecDeque<(u64, Tally)>,
    sum: Tally,
}

impl LatestTime {
    pub(crate) fn new(length: Duration, now: u64) -> Self {
        let width = (as_nanos(length) / PARTS).max(1);
        Self {
            width,
            current: now / width,
            parts: VecDeque::with_capacity(PARTS as usize),
            sum: Tally::default(),
        }
    }

    pub(crate) fn absorb(&mut self, successes: u64) {
        if successes > 0 {
            self.part().calls += successes;
            self.sum.calls += successes;
        }
    }

    pub(crate) fn record(&mut self, call: Call) {
        self.part().add(call);
        self.sum.add(call);
    }

    /// The counts of the part that is under way.
    fn part(&mut self) -> &mut Tally {
        if self.parts.back().map(|(number, _)| *number) != Some(self.current) {
            self.parts.push_back((self.current, Tally::default()));
        }
        let last = self.parts.len() - 1;
        &mut self.parts[last].1
    }

    pub(crate) fn roll(&mut self, now: u64) {
        self.current = self.current.max(now / self.width);
        while let Some(&(number, old)) = self.parts.front()
            && number.saturating_add(PARTS) <= self.current
        {
            self.parts.pop_front();
            self.sum = self.sum.minus(old);
        }
    }

    pub(crate) fn tally(&self) -> Tally {
        self.sum
    }

    /// The part that is under way.
    pub(crate) fn span(&self) -> (u64, u64) {
        let from = self.current.saturating_mul(self.width);
        (from, from.saturating_add(self.width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILURE: Call = Call {
        failed: true,
        slow: false,
    };

    fn counted(time: &LatestTime) -> (u64, u64) {
        (time.tally().failures, time.tally().calls)
    }

    #[test]
    fn results_count_for_nine_to_ten_parts() {
        // Parts of 10 ns each.
        let mut time = LatestTime::new(Duration::from_nanos(100), 1_234);
        time.absorb(2);
        time.roll(1_239);
        time.record(FAILURE);
        time.roll(1_240);
        time.record(FAILURE);
        assert_eq!(counted(&time), (2, 4));
        time.roll(1_329);
        assert_eq!(counted(&time), (2, 4));
        time.roll(1_330);
        assert_eq!(counted(&time), (1, 1));
        time.roll(1_340);
        assert_eq!(counted(&time), (0, 0));
    }

    #[test]
    fn a_long_silence_forgets_all() {
        let mut time = LatestTime::new(Duration::from_nanos(100), 0);
        time.absorb(5);
        time.roll(u64::MAX);
        assert_eq!(counted(&time), (0, 0));
        time.record(FAILURE);
        assert_eq!(counted(&time), (1, 1));
        assert_eq!(time.span().1, u64::MAX);
    }

    #[test]
    fn the_span_is_the_part_that_is_under_way() {
        let mut time = LatestTime::new(Duration::from_nanos(100), 25);
        assert_eq!(time.span(), (20, 30));
        time.roll(30);
        assert_eq!(time.span(), (30, 40));
    }
}
