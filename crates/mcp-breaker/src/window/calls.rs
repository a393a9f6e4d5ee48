//! The latest so many results.

use std::collections::VecDeque;

use crate::policy::{Call, Tally};

/// Remembers where among all results the failures and the slow ones were; the rest
/// is counting. So a success costs nothing but a number.
#[derive(Clone, Debug)]
pub(crate) struct LatestCalls {
    size: u64,
    /// All results so far.
    seen: u64,
    /// The marked results among the latest `size`, oldest first: which one it was, and how.
    marked: VecDeque<(u64, Call)>,
    /// Failures and slow calls among `marked`; its calls are not counted.
    marks: Tally,
}

impl LatestCalls {
    pub(crate) fn new(size: u32) -> Self {
        Self {
            size: u64::from(size),
            seen: 0,
            marked: VecDeque::new(),
            marks: Tally::default(),
        }
    }

    pub(crate) fn absorb(&mut self, successes: u64) {
        self.seen += successes;
        while let Some(&(position, call)) = self.marked.front()
            && position + self.size < self.seen
        {
            self.marked.pop_front();
            let mut old = Tally::default();
            old.add(call);
            self.marks = self.marks.minus(old);
        }
    }

    pub(crate) fn record(&mut self, call: Call) {
        if call.is_marked() {
            self.marked.push_back((self.seen, call));
            self.marks.add(call);
        }
        self.absorb(1);
    }

    pub(crate) fn tally(&self) -> Tally {
        Tally {
            calls: self.seen.min(self.size),
            ..self.marks
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILURE: Call = Call {
        failed: true,
        slow: false,
    };

    #[test]
    fn the_oldest_result_makes_room_for_the_newest() {
        let mut calls = LatestCalls::new(3);
        let failures = |calls: &LatestCalls| (calls.tally().failures, calls.tally().calls);
        calls.record(FAILURE);
        assert_eq!(failures(&calls), (1, 1));
        calls.absorb(2);
        assert_eq!(failures(&calls), (1, 3));
        calls.record(FAILURE);
        assert_eq!(failures(&calls), (1, 3));
        calls.absorb(2);
        assert_eq!(failures(&calls), (1, 3));
        calls.absorb(1);
        assert_eq!(failures(&calls), (0, 3));
    }

    #[test]
    fn a_call_can_be_both_failed_and_slow() {
        let mut calls = LatestCalls::new(2);
        calls.record(Call {
            slow: true,
            ..FAILURE
        });
        calls.record(Call {
            slow: true,
            ..Call::default()
        });
        let tally = calls.tally();
        assert_eq!((tally.calls, tally.failures, tally.slow), (2, 1, 2));
        calls.absorb(1);
        let tally = calls.tally();
        assert_eq!((tally.calls, tally.failures, tally.slow), (2, 0, 1));
    }

    #[test]
    fn only_marked_results_take_memory() {
        let mut calls = LatestCalls::new(1_000_000);
        for _ in 0..3 {
            calls.absorb(100_000);
            calls.record(FAILURE);
        }
        assert_eq!(calls.marked.len(), 3);
        assert_eq!(calls.tally().calls, 300_003);
    }
}
