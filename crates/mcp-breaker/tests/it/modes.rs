//! What its owner can tell a breaker, and what it tells.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use mcp_breaker::{Breaker, BreakerBuilder, Change, ManualClock, Reason, Window};
use mcp_domain::{BreakerMode, BreakerState, CircuitBreaker as _, Outcome, Permit};

type Told = Arc<Mutex<Vec<Change>>>;

fn listening(builder: BreakerBuilder) -> (Breaker<ManualClock>, ManualClock, Told) {
    let (clock, told) = (ManualClock::default(), Told::default());
    let tell = Arc::clone(&told);
    let breaker = builder
        .open_timeout(Duration::from_secs(10))
        .jitter(0.0)
        .on_change(move |change| tell.lock().unwrap().push(change.clone()))
        .build_with_clock(clock.clone())
        .unwrap();
    (breaker, clock, told)
}

fn call(breaker: &Breaker<ManualClock>, outcome: Outcome) {
    breaker.settle(breaker.try_admit().unwrap(), outcome);
}

#[test]
fn listeners_hear_of_every_change_why_and_with_the_figures() {
    let (breaker, clock, told) = listening(Breaker::builder().failure_rate(0.5).minimum_calls(4));
    for outcome in [Outcome::Success, Outcome::failure()].repeat(2) {
        call(&breaker, outcome);
    }
    assert!(breaker.try_admit().is_err());
    clock.advance(Duration::from_secs(10));
    call(&breaker, Outcome::Success);
    let told: Vec<_> = told.lock().unwrap().drain(..).collect();
    let lines: Vec<_> = told.iter().map(ToString::to_string).collect();
    let figures = "failures: 2 (50.0 %), slow: 0, of 4 calls";
    assert_eq!(
        lines,
        [
            format!(
                "closed to open, too many failures: open for 0.0 s, {figures}, next probe in 10.0 s"
            ),
            format!(
                "open to half-open, the wait is over: half-open for 0.0 s, {figures}, probes under way: 1, refused: 1"
            ),
            "half-open to closed, the probes succeeded: closed for 0.0 s, failures: 0, refused: 1"
                .to_owned(),
        ]
    );
}

#[test]
fn a_change_serializes_in_plain_words() {
    let (breaker, _, told) = listening(Breaker::builder().failure_threshold(1));
    call(&breaker, Outcome::failure());
    let told = told.lock().unwrap();
    let json = serde_json::to_value(&told[0]).unwrap();
    assert_eq!(json["from"], "closed");
    assert_eq!(json["reason"], "failures-in-a-row");
    assert_eq!(json["now"]["state"], "open");
    assert_eq!(json["now"]["failure_count"], 1);
    assert_eq!(json["now"]["retry_after"], 10.0);
}

#[test]
fn a_listener_may_use_the_breaker() {
    let own = Arc::new(OnceLock::<Arc<Breaker<ManualClock>>>::new());
    let mine = Arc::clone(&own);
    let story = Arc::new(Mutex::new(Vec::new()));
    let write = Arc::clone(&story);
    let builder = Breaker::builder().failure_threshold(1);
    let builder = builder.on_change(move |change| {
        let breaker = mine.get().unwrap();
        let state = breaker.snapshot().state;
        write
            .lock()
            .unwrap()
            .push(format!("told of {}", change.now.state));
        if state == BreakerState::Open {
            // Makes another change, which is told when this one has been.
            breaker.reset();
            write.lock().unwrap().push("reset".to_owned());
        }
    });
    let (breaker, ..) = listening(builder);
    let breaker = own.get_or_init(|| Arc::new(breaker));
    call(breaker, Outcome::failure());
    assert_eq!(
        *story.lock().unwrap(),
        ["told of open", "reset", "told of closed"]
    );
}

struct ForcesOpen<'a>(&'a Breaker<ManualClock>);

impl Drop for ForcesOpen<'_> {
    fn drop(&mut self) {
        self.0.set_mode(BreakerMode::ForcedOpen);
    }
}

#[test]
fn a_listener_that_panics_harms_nobody() {
    let builder = Breaker::builder().failure_threshold(1);
    let (breaker, clock, told) = listening(builder.on_change(|_| panic!("as planned")));
    call(&breaker, Outcome::failure());
    clock.advance(Duration::from_secs(10));
    // Also while a panic of the caller is under way, and makes a change.
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _permit = Permit::acquire(&breaker).unwrap();
        let _last = ForcesOpen(&breaker);
        panic!("as planned");
    }));
    assert!(caught.is_err());
    breaker.set_mode(BreakerMode::Automatic);
    call(&breaker, Outcome::Success);
    let reasons: Vec<_> = told.lock().unwrap().iter().map(|c| c.reason).collect();
    let (opened, set) = (Reason::FailuresInARow, Reason::ModeSet);
    assert_eq!(reasons, [opened, Reason::WaitOver, set, set]);
}

/// What a panic can carry, and when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("as planned, too");
    }
}

#[test]
fn a_listener_whose_panic_panics_harms_nobody() {
    let builder = Breaker::builder().failure_threshold(1);
    let (breaker, _, told) = listening(builder.on_change(|_| panic_any(Bomb)));
    call(&breaker, Outcome::failure());
    breaker.reset();
    assert_eq!(told.lock().unwrap().len(), 2, "it goes on telling");
}

#[test]
fn what_probes_open_again_is_told_with_their_figures() {
    let builder = Breaker::builder().failure_threshold(3).failure_rate(0.5);
    let (breaker, clock, told) = listening(builder.probes(4).minimum_calls(100));
    for _ in 0..3 {
        call(&breaker, Outcome::failure());
    }
    clock.advance(Duration::from_secs(10));
    for outcome in [Outcome::Success, Outcome::failure(), Outcome::failure()] {
        call(&breaker, outcome);
    }
    let told = told.lock().unwrap();
    let figures = |change: &Change| (change.now.failure_count, change.now.calls);
    let all: Vec<_> = told.iter().map(figures).collect();
    assert_eq!(all, [(3, 3), (3, 3), (2, 3)]);
    let again = told.last().unwrap();
    assert_eq!(again.reason, Reason::ProbesFailed);
    assert_eq!(again.now.failure_rate, Some(2.0 / 3.0));
    drop(told);
    breaker.reset();
    assert_eq!(breaker.snapshot().failure_count, 0);
}

#[test]
fn the_figures_of_probes_need_no_window() {
    let (breaker, clock, told) = listening(Breaker::builder().failure_threshold(3));
    for _ in 0..3 {
        call(&breaker, Outcome::failure());
    }
    clock.advance(Duration::from_secs(10));
    call(&breaker, Outcome::failure());
    let last = told.lock().unwrap().last().unwrap().now.to_string();
    let figures = "failures: 1 (100.0 %), slow: 0, of 1 calls";
    assert_eq!(
        last,
        format!("open for 0.0 s, {figures}, next probe in 20.0 s")
    );
}

#[test]
fn all_modes_can_be_set_at_any_time() {
    let (breaker, _, told) = listening(Breaker::builder().failure_threshold(1));
    let before = breaker.try_admit().unwrap();
    breaker.set_mode(BreakerMode::ForcedOpen);
    breaker.set_mode(BreakerMode::ForcedOpen);
    assert_eq!(told.lock().unwrap().len(), 1, "it is told only what is new");
    let refused = breaker.try_admit().unwrap_err();
    assert_eq!(refused.retry_after, None, "nobody knows until when");
    breaker.set_mode(BreakerMode::Disabled);
    call(&breaker, Outcome::failure());
    breaker.set_mode(BreakerMode::ObserveOnly);
    breaker.settle(before, Outcome::failure());
    assert_eq!(breaker.snapshot().state, BreakerState::Closed);
    call(&breaker, Outcome::failure());
    call(&breaker, Outcome::failure());
    let snapshot = breaker.snapshot();
    assert_eq!(snapshot.state, BreakerState::Open);
    assert_eq!(snapshot.mode, BreakerMode::ObserveOnly);
    assert_eq!((snapshot.let_through, snapshot.rejected), (1, 1));
    breaker.set_mode(BreakerMode::Automatic);
    assert_eq!(breaker.snapshot().state, BreakerState::Closed);
}

#[test]
fn reset_closes_it_and_forgets_all_results() {
    let builder = Breaker::builder().failure_threshold(2).failure_rate(1.0);
    let (breaker, clock, told) = listening(builder.growth(3.0));
    for _ in 0..2 {
        call(&breaker, Outcome::failure());
    }
    clock.advance(Duration::from_secs(10));
    call(&breaker, Outcome::failure());
    assert_eq!(breaker.tick(), Some(Duration::from_secs(30)));
    breaker.reset();
    assert_eq!(told.lock().unwrap().last().unwrap().reason, Reason::Reset);
    let snapshot = breaker.snapshot();
    assert_eq!(snapshot.state, BreakerState::Closed);
    assert_eq!((snapshot.failure_count, snapshot.calls), (0, 0));
    call(&breaker, Outcome::failure());
    assert_eq!(breaker.snapshot().state, BreakerState::Closed);
    call(&breaker, Outcome::failure());
    assert_eq!(
        breaker.tick(),
        Some(Duration::from_secs(10)),
        "the first wait again"
    );
}

#[test]
fn a_tick_says_when_the_next_is_due() {
    let (breaker, clock, _) = listening(Breaker::builder().failure_threshold(1));
    let seconds = Duration::from_secs;
    assert_eq!(breaker.tick(), None);
    call(&breaker, Outcome::failure());
    clock.advance(seconds(4));
    assert_eq!(breaker.tick(), Some(seconds(6)));
    clock.advance(seconds(6));
    assert_eq!(breaker.tick(), None, "it waits for a probe");
    let probe = breaker.try_admit().unwrap();
    assert_eq!(breaker.tick(), None, "and then for its end");
    breaker.settle(probe, Outcome::failure());
    assert_eq!(breaker.tick(), Some(seconds(20)));
    breaker.set_mode(BreakerMode::ForcedOpen);
    assert_eq!(breaker.tick(), None, "nobody knows until when");
}

#[test]
fn a_window_without_a_rate_fills_the_snapshot() {
    let builder = Breaker::builder().window(Window::Calls(5)).minimum_calls(3);
    let (breaker, ..) = listening(builder);
    call(&breaker, Outcome::Success);
    call(&breaker, Outcome::failure());
    assert_eq!(breaker.snapshot().failure_rate, None);
    call(&breaker, Outcome::Success);
    call(&breaker, Outcome::Success);
    let snapshot = breaker.snapshot();
    assert_eq!(snapshot.failure_rate, Some(0.25));
    assert_eq!(snapshot.slow_rate, None, "nobody looks at the time");
    assert_eq!(
        snapshot.to_string(),
        "closed for 0.0 s, failures: 1 (25.0 %), slow: 0, of 4 calls"
    );
}
