//! The breaker against a plain model, over random stories.

use std::time::Duration;

use mcp_breaker::{Breaker, ManualClock};
use mcp_domain::{BreakerState, CircuitBreaker as _, Outcome, Ticket};
use proptest::prelude::*;

const THRESHOLD: usize = 3;
const WAIT: u64 = 10;

/// The states as one would write them on paper; each permit is kept with the
/// number of the state in which it was given.
struct Model {
    probes: usize,
    now: u64,
    /// Counts the states.
    epoch: usize,
    state: State,
}

enum State {
    Closed { failures: usize },
    Open { until: u64 },
    HalfOpen { out: usize, won: usize, until: u64 },
}

impl Model {
    fn enter(&mut self, state: State) {
        self.epoch += 1;
        self.state = state;
    }

    fn admit(&mut self) -> Option<usize> {
        let fresh = State::HalfOpen {
            out: 1,
            won: 0,
            until: self.now + WAIT,
        };
        match &mut self.state {
            State::Closed { .. } => {}
            State::HalfOpen { out, won, .. } if *out + *won < self.probes => *out += 1,
            State::HalfOpen { until, .. } | State::Open { until } if self.now >= *until => {
                self.enter(fresh);
            }
            State::HalfOpen { .. } | State::Open { .. } => return None,
        }
        Some(self.epoch)
    }

    fn settle(&mut self, epoch: usize, result: Ending) {
        if epoch != self.epoch {
            return;
        }
        let open = State::Open {
            until: self.now + WAIT,
        };
        match (&mut self.state, result) {
            (State::Closed { failures }, Ending::Success) => *failures = 0,
            (State::Closed { failures }, Ending::Failure) => {
                *failures += 1;
                if *failures == THRESHOLD {
                    self.enter(open);
                }
            }
            (State::HalfOpen { out, won, .. }, Ending::Success) => {
                *out -= 1;
                *won += 1;
                if *won == self.probes {
                    self.enter(State::Closed { failures: 0 });
                }
            }
            (State::HalfOpen { .. }, Ending::Failure) => self.enter(open),
            (State::HalfOpen { out, .. }, Ending::Cancelled) => *out -= 1,
            (State::Closed { .. }, Ending::Cancelled) | (State::Open { .. }, _) => {}
        }
    }

    fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Cancelled,
    Failure,
    Success,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Admit,
    Advance(u64),
    Settle(prop::sample::Index, Ending),
}

fn step() -> impl Strategy<Value = Step> {
    let result = prop_oneof![
        2 => Just(Ending::Failure),
        1 => Just(Ending::Success),
        1 => Just(Ending::Cancelled),
    ];
    prop_oneof![
        4 => Just(Step::Admit),
        4 => (any::<prop::sample::Index>(), result).prop_map(|(i, r)| Step::Settle(i, r)),
        1 => (0..WAIT + 2).prop_map(Step::Advance),
    ]
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(probes in 1..4_u32, story in prop::collection::vec(step(), 0..200)) {
        let clock = ManualClock::default();
        let breaker = Breaker::builder()
            .failure_threshold(THRESHOLD as u32)
            .open_timeout(Duration::from_secs(WAIT))
            .growth(1.0)
            .jitter(0.0)
            .probes(probes)
            .build_with_clock(clock.clone())
            .unwrap();
        let mut model = Model {
            probes: probes as usize,
            now: 0,
            epoch: 0,
            state: State::Closed { failures: 0 },
        };
        let mut permits: Vec<(Ticket, usize)> = Vec::new();
        for step in story {
            match step {
                Step::Advance(seconds) => {
                    model.now += seconds;
                    clock.advance(Duration::from_secs(seconds));
                }
                Step::Admit => match (breaker.try_admit(), model.admit()) {
                    (Ok(ticket), Some(epoch)) => permits.push((ticket, epoch)),
                    (Err(_), None) => {}
                    (real, model) => prop_assert!(false, "{real:?}, the model says {model:?}"),
                },
                Step::Settle(index, result) if !permits.is_empty() => {
                    let (ticket, epoch) = permits.swap_remove(index.index(permits.len()));
                    let outcome = match result {
                        Ending::Cancelled => Outcome::Cancelled,
                        Ending::Failure => Outcome::failure(),
                        Ending::Success => Outcome::Success,
                    };
                    breaker.settle(ticket, outcome);
                    model.settle(epoch, result);
                }
                Step::Settle(..) => {}
            }
            prop_assert_eq!(breaker.snapshot().state, model.state());
        }
    }
}
