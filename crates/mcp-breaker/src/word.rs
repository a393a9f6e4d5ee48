//! The state of a breaker in one machine word.
//!
//! State, failures in a row and generation change together or not at all, so that
//! a late failure cannot count in a state that began meanwhile.

use mcp_domain::BreakerState;

/// Thirty bits are left for counting.
pub(crate) const MOST_FAILURES: u32 = (1 << 30) - 1;

/// State (2 bits), failures in a row (30 bits), generation (32 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u64);

impl Word {
    /// The first state.
    pub(crate) const CLOSED: Self = Self(0);

    pub(crate) fn state(self) -> BreakerState {
        match self.0 & 0b11 {
            0 => BreakerState::Closed,
            1 => BreakerState::Open,
            _ => BreakerState::HalfOpen,
        }
    }

    pub(crate) fn failures(self) -> u32 {
        (self.0 >> 2) as u32 & MOST_FAILURES
    }

    pub(crate) fn generation(self) -> u64 {
        self.0 >> 32
    }

    /// The next generation, in this state, without failures.
    pub(crate) fn next(self, state: BreakerState) -> Self {
        let code = match state {
            BreakerState::Closed => 0,
            BreakerState::Open => 1,
            BreakerState::HalfOpen => 2,
        };
        // After 2^32 changes the generation starts over; a ticket that old is gone.
        let generation = (self.generation() as u32).wrapping_add(1);
        Self(u64::from(generation) << 32 | code)
    }

    /// The same with so many failures.
    pub(crate) fn with_failures(self, failures: u32) -> Self {
        let rest = self.0 & !(u64::from(MOST_FAILURES) << 2);
        Self(rest | u64::from(failures.min(MOST_FAILURES)) << 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_touch_each_other() {
        let word = Word::CLOSED.next(BreakerState::HalfOpen).with_failures(7);
        assert_eq!(word.state(), BreakerState::HalfOpen);
        assert_eq!((word.failures(), word.generation()), (7, 1));
        let full = word.with_failures(MOST_FAILURES);
        assert_eq!(full.state(), BreakerState::HalfOpen);
        assert_eq!((full.failures(), full.generation()), (MOST_FAILURES, 1));
        assert_eq!(full.with_failures(7), word);
    }

    #[test]
    fn the_generation_starts_over_without_harm() {
        let last = Word(u64::MAX << 32);
        assert_eq!(last.next(BreakerState::Open).generation(), 0);
        assert_eq!(last.next(BreakerState::Open).state(), BreakerState::Open);
    }
}
