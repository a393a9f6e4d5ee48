//! The breaker under every order of events that a few threads can make with two or three
//! preemptions, which is where such faults show.

use std::sync::{Arc, Mutex as StdMutex};

use loom::thread;

use super::*;
use crate::{ManualClock, Reason};

const WAIT: Duration = Duration::from_secs(10);

type Shared = Arc<Breaker<ManualClock>>;

/// Tries every order in which so many preemptions interrupt the threads of a story.
#[track_caller]
fn every_order(preemptions: usize, story: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(story);
}

fn shared(builder: BreakerBuilder, clock: &ManualClock) -> Shared {
    let builder = builder.open_timeout(WAIT).jitter(0.0);
    Arc::new(builder.build_with_clock(clock.clone()).unwrap())
}

/// One that has opened, with its wait over.
fn due(builder: BreakerBuilder) -> Shared {
    let clock = ManualClock::default();
    let breaker = shared(builder.failure_threshold(1), &clock);
    breaker.settle(breaker.try_admit().unwrap(), Outcome::failure());
    clock.advance(WAIT);
    breaker
}

/// Runs all of them at once to their ends, the last one on this thread.
fn together<T: 'static>(mut tasks: Vec<Box<dyn FnOnce() -> T + Send>>) -> Vec<T> {
    let last = tasks.pop().unwrap();
    let threads: Vec<_> = tasks.into_iter().map(thread::spawn).collect();
    let last = last();
    let ends = threads.into_iter().map(|thread| thread.join().unwrap());
    ends.chain([last]).collect()
}

/// Asks for leave.
fn asks(breaker: &Shared) -> Box<dyn FnOnce() -> Option<Ticket> + Send> {
    let breaker = Arc::clone(breaker);
    Box::new(move || breaker.try_admit().ok())
}

/// Ends a call that has been admitted.
fn ends(breaker: &Shared, ticket: Ticket, outcome: Outcome) -> Box<dyn FnOnce() + Send> {
    let breaker = Arc::clone(breaker);
    Box::new(move || breaker.settle(ticket, outcome))
}

#[test]
fn of_all_who_come_when_the_wait_is_over_one_passes() {
    every_order(3, || {
        let breaker = due(Breaker::builder());
        let admitted = together(vec![asks(&breaker), asks(&breaker)]);
        assert_eq!(admitted.iter().flatten().count(), 1);
        assert_eq!(breaker.snapshot().rejected, 1);
    });
}

/// The wait is over: nobody may be refused, whoever it is that makes it half-open.
#[test]
fn nobody_is_refused_while_another_makes_it_half_open() {
    every_order(3, || {
        let breaker = due(Breaker::builder().probes(2));
        let admitted = together(vec![asks(&breaker), asks(&breaker)]);
        assert_eq!(admitted.iter().flatten().count(), 2);
    });
}

/// The word and the time until when it is good are two things, and must be seen as one.
#[test]
fn who_is_refused_hears_the_time_that_is_left() {
    every_order(3, || {
        let builder = Breaker::builder().failure_threshold(1);
        let breaker = shared(builder, &ManualClock::default());
        let ticket = breaker.try_admit().unwrap();
        let fails = thread::spawn(ends(&breaker, ticket, Outcome::failure()));
        if let Err(rejected) = breaker.try_admit() {
            assert_eq!(rejected.retry_after, Some(WAIT));
        }
        fails.join().unwrap();
    });
}

/// Threads that come to the lock in another order than they looked at the clock must not
/// take that for a clock that has gone back.
#[test]
fn time_passes_once_for_all() {
    every_order(3, || {
        let clock = ManualClock::default();
        let breaker = shared(Breaker::builder(), &clock);
        let second_passes = |times: usize| -> Box<dyn FnOnce() + Send> {
            let (breaker, clock) = (Arc::clone(&breaker), clock.clone());
            Box::new(move || {
                for _ in 0..times {
                    clock.advance(Duration::from_secs(1));
                    breaker.tick();
                }
            })
        };
        together(vec![second_passes(2), second_passes(1)]);
        let age = breaker.snapshot().in_state_for;
        assert_eq!(age, Some(Duration::from_secs(3)));
    });
}

#[test]
fn a_tick_takes_no_place_away() {
    every_order(3, || {
        let breaker = due(Breaker::builder());
        let timer = Arc::clone(&breaker);
        let timer = thread::spawn(move || timer.tick());
        assert!(breaker.try_admit().is_ok());
        timer.join().unwrap();
        assert_eq!(breaker.snapshot().state, BreakerState::HalfOpen);
    });
}

#[test]
fn a_place_that_is_freed_is_taken_by_one_and_never_lost() {
    every_order(2, || {
        let breaker = due(Breaker::builder());
        let probe = breaker.try_admit().unwrap();
        let freed = Arc::clone(&breaker);
        let freed = thread::spawn(move || freed.settle(probe, Outcome::Cancelled));
        let admitted = together(vec![asks(&breaker), asks(&breaker)]);
        freed.join().unwrap();
        let admitted = admitted.iter().flatten().count();
        assert!(admitted <= 1);
        assert_eq!(breaker.try_admit().is_ok(), admitted == 0);
    });
}

/// It has taken too long, and comes back while another takes its place: it decides if it
/// has something to say, and its place is taken by one and never lost.
#[test]
fn a_probe_that_comes_back_late_decides() {
    for late in [Outcome::Success, Outcome::failure(), Outcome::Cancelled] {
        every_order(3, move || {
            let clock = ManualClock::default();
            let breaker = shared(Breaker::builder(), &clock);
            for _ in 0..5 {
                breaker.settle(breaker.try_admit().unwrap(), Outcome::failure());
            }
            clock.advance(WAIT);
            let probe = breaker.try_admit().unwrap();
            clock.advance(WAIT);
            let comes_back = thread::spawn(ends(&breaker, probe, late));
            let admitted = breaker.try_admit();
            comes_back.join().unwrap();
            let state = || breaker.snapshot().state;
            match late {
                Outcome::Success => {
                    assert_eq!(state(), BreakerState::Closed);
                    breaker.settle(admitted.unwrap(), Outcome::failure());
                    assert_eq!(state(), BreakerState::Closed);
                }
                Outcome::Failure { .. } => {
                    assert_eq!(state(), BreakerState::Open);
                    if let Ok(other) = admitted {
                        breaker.settle(other, Outcome::Success);
                    }
                    assert_eq!(state(), BreakerState::Open);
                }
                _ => {
                    assert_eq!(breaker.snapshot().probes, 1);
                    breaker.settle(admitted.unwrap(), Outcome::Success);
                    assert_eq!(state(), BreakerState::Closed);
                }
            }
        });
    }
}

#[test]
fn probes_of_two_rounds_close_it_once() {
    every_order(2, || {
        let told = Arc::new(StdMutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let clock = ManualClock::default();
        let builder = Breaker::builder().failure_threshold(1).probes(2);
        let builder = builder.on_change(move |change| tell.lock().unwrap().push(change.reason));
        let breaker = shared(builder, &clock);
        breaker.settle(breaker.try_admit().unwrap(), Outcome::failure());
        clock.advance(WAIT);
        let (first, _lost) = (breaker.try_admit().unwrap(), breaker.try_admit().unwrap());
        clock.advance(WAIT);
        let second = breaker.try_admit().unwrap();
        together(vec![
            ends(&breaker, first, Outcome::Success),
            ends(&breaker, second, Outcome::Success),
        ]);
        assert_eq!(breaker.snapshot().state, BreakerState::Closed);
        let reasons = [
            Reason::FailuresInARow,
            Reason::WaitOver,
            Reason::ProbesSucceeded,
        ];
        assert_eq!(*told.lock().unwrap(), reasons);
    });
}

#[test]
fn failures_that_come_together_open_it_once() {
    every_order(2, || {
        let breaker = shared(
            Breaker::builder().failure_threshold(2),
            &ManualClock::default(),
        );
        let fails = || {
            let ticket = breaker.try_admit().unwrap();
            ends(&breaker, ticket, Outcome::failure())
        };
        together(vec![fails(), fails(), fails()]);
        let snapshot = breaker.snapshot();
        assert_eq!(snapshot.state, BreakerState::Open);
        assert_eq!((snapshot.opened, snapshot.failure_count), (1, 2));
    });
}

#[test]
fn a_success_ends_a_run_before_or_after_a_failure() {
    every_order(3, || {
        let breaker = shared(
            Breaker::builder().failure_threshold(2),
            &ManualClock::default(),
        );
        let tickets = [(); 3].map(|()| breaker.try_admit().unwrap());
        let [first, second, third] = tickets;
        breaker.settle(first, Outcome::failure());
        together(vec![
            ends(&breaker, second, Outcome::failure()),
            ends(&breaker, third, Outcome::Success),
        ]);
        // In the one order it opens; in the other the run begins anew.
        let snapshot = breaker.snapshot();
        match snapshot.state {
            BreakerState::Open => assert_eq!(snapshot.failure_count, 2),
            _ => assert_eq!(snapshot.failure_count, 1),
        }
    });
}

#[test]
fn every_result_counts_once() {
    every_order(2, || {
        let builder = Breaker::builder()
            .failure_threshold(None)
            .failure_rate(1.0)
            .window(Window::Calls(9))
            .minimum_calls(3);
        let breaker = shared(builder, &ManualClock::default());
        let end = |outcome| ends(&breaker, breaker.try_admit().unwrap(), outcome);
        let (one, two) = (end(Outcome::Success), end(Outcome::Success));
        together(vec![one, two, end(Outcome::failure())]);
        let snapshot = breaker.snapshot();
        assert_eq!((snapshot.calls, snapshot.failure_count), (3, 1));
    });
}

#[test]
fn every_result_counts_in_its_part_of_the_time() {
    every_order(3, || {
        let clock = ManualClock::default();
        let builder = Breaker::builder()
            .failure_threshold(None)
            .failure_rate(1.0)
            .window(Window::Time(Duration::from_secs(10)));
        let breaker = shared(builder, &clock);
        let end = |outcome| ends(&breaker, breaker.try_admit().unwrap(), outcome);
        end(Outcome::Success)();
        clock.advance(Duration::from_secs(1));
        together(vec![end(Outcome::Success), end(Outcome::failure())]);
        assert_eq!(breaker.snapshot().calls, 3);
        clock.advance(Duration::from_secs(9));
        assert_eq!(breaker.snapshot().calls, 2);
        clock.advance(Duration::from_secs(1));
        assert_eq!(breaker.snapshot().calls, 0);
    });
}

/// One thread takes the breaker all the way round while the other ends a call from
/// before: it can never count in the state that the round ends with.
#[test]
fn a_late_result_never_counts_in_a_later_state() {
    for late in [Outcome::Success, Outcome::failure(), Outcome::Cancelled] {
        every_order(3, move || {
            let clock = ManualClock::default();
            let builder = Breaker::builder().failure_threshold(1).failure_rate(1.0);
            let breaker = shared(builder, &clock);
            let (first, second) = (breaker.try_admit().unwrap(), breaker.try_admit().unwrap());
            let late = thread::spawn(ends(&breaker, second, late));
            breaker.settle(first, Outcome::failure());
            clock.advance(WAIT);
            breaker.settle(breaker.try_admit().unwrap(), Outcome::Success);
            late.join().unwrap();
            let snapshot = breaker.snapshot();
            assert_eq!(snapshot.state, BreakerState::Closed);
            assert_eq!((snapshot.calls, snapshot.failure_count), (0, 0));
            assert_eq!(snapshot.opened, 1);
        });
    }
}

/// It is cancelled while the breaker goes on to the next round of probes, whose places
/// are not its own.
#[test]
fn a_probe_of_an_earlier_round_frees_no_place() {
    every_order(3, || {
        let clock = ManualClock::default();
        let builder = Breaker::builder().failure_threshold(1).growth(1.0);
        let breaker = shared(builder.probes(2), &clock);
        breaker.settle(breaker.try_admit().unwrap(), Outcome::failure());
        clock.advance(WAIT);
        let (first, second) = (breaker.try_admit().unwrap(), breaker.try_admit().unwrap());
        let late = thread::spawn(ends(&breaker, second, Outcome::Cancelled));
        breaker.settle(first, Outcome::failure());
        clock.advance(WAIT);
        let _this_round = [(); 2].map(|()| breaker.try_admit().unwrap());
        late.join().unwrap();
        assert!(breaker.try_admit().is_err());
        assert_eq!(breaker.snapshot().probes, 2);
    });
}

/// Changes are told one after another in their order, whoever made them.
#[test]
fn no_change_is_lost_or_told_out_of_turn() {
    every_order(3, || {
        // One of loom's, for others to go on while this is told.
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let builder = Breaker::builder()
            .failure_threshold(1)
            .on_change(move |change| {
                tell.lock().unwrap().push((change.from, change.now.state));
            });
        let breaker = shared(builder, &ManualClock::default());
        let ticket = breaker.try_admit().unwrap();
        let resets = Arc::clone(&breaker);
        together(vec![
            ends(&breaker, ticket, Outcome::failure()),
            Box::new(move || resets.set_mode(BreakerMode::ForcedOpen)),
        ]);
        breaker.set_mode(BreakerMode::Automatic);
        let told = told.lock().unwrap();
        for pair in told.windows(2) {
            assert_eq!(pair[0].1, pair[1].0, "{told:?}");
        }
        let (first, last) = (told.first().unwrap(), told.last().unwrap());
        assert_eq!(first.0, BreakerState::Closed);
        assert_eq!(last.1, BreakerState::Closed);
        assert_eq!(told.len() as u64, 2 + breaker.snapshot().opened);
    });
}
