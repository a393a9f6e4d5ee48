//! What the hot path needs to know, in one machine word.
//!
//! State, generation and what is lent change together or not at all, so that a late
//! result cannot count in a state that began meanwhile.

use mcp_domain::BreakerState;

/// Any number of successes may end without a word: nothing is counted at present.
pub(crate) const UNCOUNTED: u32 = (1 << 29) - 1;

/// The most successes that can be lent.
pub(crate) const MOST_LENT: u32 = UNCOUNTED - 1;

/// State (2 bits), observe-only (1 bit), lent (29 bits), generation (32 bits).
///
/// *Lent* is how many successes may end without asking the state machine, because
/// they cannot change its mind; those who use one up take one off. Open, and half-open
/// while no more probes may pass, it is 1: calls may be refused without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u64);

impl Word {
    /// All bits of `lent`.
    pub(crate) const LENT: u64 = (UNCOUNTED as u64) << 3;
    /// One of `lent`.
    pub(crate) const ONE: u64 = 1 << 3;

    pub(crate) fn new(state: BreakerState, observe: bool, lent: u32, generation: u32) -> Self {
        let code = match state {
            BreakerState::Closed => 0,
            BreakerState::Open => 1,
            BreakerState::HalfOpen => 2,
        };
        let lent = u64::from(lent.min(UNCOUNTED)) << 3;
        Self(u64::from(generation) << 32 | lent | u64::from(observe) << 2 | code)
    }

    pub(crate) fn state(self) -> BreakerState {
        match self.0 & 0b11 {
            0 => BreakerState::Closed,
            1 => BreakerState::Open,
            _ => BreakerState::HalfOpen,
        }
    }

    /// Calls pass even where the state forbids it.
    pub(crate) fn observes(self) -> bool {
        self.0 & 0b100 != 0
    }

    pub(crate) fn lent(self) -> u32 {
        (self.0 >> 3) as u32 & UNCOUNTED
    }

    pub(crate) fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_touch_each_other() {
        let states = [
            BreakerState::Closed,
            BreakerState::HalfOpen,
            BreakerState::Open,
        ];
        for state in states {
            for observe in [false, true] {
                for lent in [0, 1, 77, MOST_LENT, UNCOUNTED] {
                    for generation in [0, 1, 77, u32::MAX] {
                        let word = Word::new(state, observe, lent, generation);
                        assert_eq!(word.state(), state);
                        assert_eq!(word.observes(), observe);
                        assert_eq!(word.lent(), lent);
                        assert_eq!(word.generation(), generation);
                    }
                }
            }
        }
    }

    #[test]
    fn taking_one_changes_nothing_else() {
        let word = Word::new(BreakerState::Closed, true, 7, 9);
        let less = Word(word.0 - Word::ONE);
        assert_eq!(less, Word::new(BreakerState::Closed, true, 6, 9));
        let none = Word(word.0 & !Word::LENT);
        assert_eq!(none, Word::new(BreakerState::Closed, true, 0, 9));
    }
}
