//! When a breaker looks at the clock, and what that may show.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_breaker::{Breaker, BreakerBuilder, Clock, ManualClock, Window};
use mcp_domain::{BreakerMode, BreakerState, CircuitBreaker, Outcome, Permit};

/// Counts how often somebody looks, and goes on only then.
#[derive(Clone, Debug)]
struct Counting {
    looks: Arc<AtomicUsize>,
    pace: Duration,
}

impl Clock for Counting {
    fn now(&self) -> Duration {
        let before = self.looks.fetch_add(1, Ordering::Relaxed);
        self.pace * (before as u32 + 1)
    }
}

/// How often it looks during ten of these, while time stands still.
#[track_caller]
fn check(builder: BreakerBuilder, expected: usize, step: fn(&dyn CircuitBreaker)) {
    check_at(Duration::ZERO, builder, expected, step);
}

#[track_caller]
fn check_at(
    pace: Duration,
    builder: BreakerBuilder,
    expected: usize,
    step: fn(&dyn CircuitBreaker),
) {
    let looks = Arc::default();
    let clock = Counting { looks, pace };
    let breaker = builder.build_with_clock(clock.clone()).unwrap();
    step(&breaker);
    let before = clock.looks.load(Ordering::Relaxed);
    for _ in 0..10 {
        step(&breaker);
    }
    assert_eq!(clock.looks.load(Ordering::Relaxed) - before, expected);
}

fn succeed(breaker: &dyn CircuitBreaker) {
    breaker.settle(breaker.try_admit().unwrap(), Outcome::Success);
}

fn fail(breaker: &dyn CircuitBreaker) {
    if let Ok(ticket) = breaker.try_admit() {
        breaker.settle(ticket, Outcome::failure());
    }
}

#[test]
fn a_success_needs_the_clock_only_where_time_counts() {
    let rate = || Breaker::builder().failure_rate(0.5);
    let time = Window::Time(Duration::from_secs(10));
    let slow = |builder: BreakerBuilder| {
        let builder = builder.slow_call_rate(0.5);
        builder.slow_call_duration(Duration::from_secs(1))
    };
    check(Breaker::builder(), 0, succeed);
    check(rate().window(Window::Calls(5)), 0, succeed);
    // Also where it has not begun at zero.
    let minute = Duration::from_secs(60);
    check_at(minute, Breaker::builder(), 0, succeed);
    check_at(minute, rate().window(Window::Calls(5)), 0, succeed);
    check(rate().window(time), 10, succeed);
    check(slow(rate()), 20, succeed);
    check(slow(rate().window(time)), 20, succeed);
}

/// Who tells how long a call took saves the breaker a look.
#[test]
fn a_time_that_is_told_is_not_measured() {
    let slow = Breaker::builder().slow_call_rate(0.5);
    let slow = slow.slow_call_duration(Duration::from_secs(1));
    check(slow, 10, |breaker| {
        let permit = Permit::acquire(breaker).unwrap();
        permit.record_taking(Duration::ZERO, Outcome::Success);
    });
}

#[test]
fn a_time_that_is_told_counts_instead_of_the_breakers_own() {
    let slow = || {
        let builder = Breaker::builder().failure_threshold(None);
        let builder = builder.slow_call_rate(1.0).minimum_calls(1);
        let clock = ManualClock::default();
        let builder = builder.slow_call_duration(Duration::from_secs(5));
        (builder.build_with_clock(clock.clone()).unwrap(), clock)
    };
    for (passes, took, state) in [
        (60, 4, BreakerState::Closed),
        (0, 5, BreakerState::Open),
        (4, 4, BreakerState::Closed),
    ] {
        let (breaker, clock) = slow();
        let permit = Permit::acquire(&breaker).unwrap();
        clock.advance(Duration::from_secs(passes));
        permit.record_taking(Duration::from_secs(took), Outcome::Success);
        assert_eq!(breaker.snapshot().state, state, "{passes} s, told {took} s");
    }
}

#[test]
fn a_refusal_needs_the_clock_only_where_the_wait_ends() {
    check(Breaker::builder().failure_threshold(1), 10, fail);
    let forced = Breaker::builder().mode(BreakerMode::ForcedOpen);
    check(forced, 0, fail);
}

/// Not even the end of a part of the window makes it ask the state machine, which would
/// look once more.
#[test]
fn disabled_a_success_asks_nobody() {
    let disabled = Breaker::builder().mode(BreakerMode::Disabled);
    check(disabled.clone(), 0, succeed);
    let minute = Duration::from_secs(60);
    let timed = disabled.failure_rate(0.5).window(Window::Time(minute));
    check_at(minute, timed, 10, succeed);
}

const WAIT: Duration = Duration::from_secs(10);

/// Opens it, waits, and closes it again.
#[track_caller]
fn goes_round(breaker: &Breaker<ManualClock>, clock: &ManualClock) {
    fail(breaker);
    assert!(breaker.try_admit().is_err());
    clock.advance(WAIT);
    breaker.settle(breaker.try_admit().unwrap(), Outcome::Success);
    assert_eq!(breaker.snapshot().state, BreakerState::Closed);
}

#[test]
fn a_clock_may_begin_anywhere_and_come_to_its_end() {
    let end = Duration::from_nanos(u64::MAX);
    let time = Window::Time(Duration::from_secs(30));
    for window in [None, Some(Window::Calls(9)), Some(time)] {
        for begin in [end - 9 * WAIT, end - WAIT / 2, end, Duration::MAX] {
            let clock = ManualClock::default();
            clock.set(begin);
            let breaker = Breaker::builder().failure_threshold(1).window(window);
            let breaker = breaker.open_timeout(WAIT).jitter(0.0);
            let breaker = breaker.build_with_clock(clock.clone()).unwrap();
            // At its end no wait is kept, but none lasts for ever.
            if begin < end - WAIT {
                goes_round(&breaker, &clock);
            }
            for _ in 0..3 {
                fail(&breaker);
                clock.advance(WAIT);
                breaker.settle(breaker.try_admit().unwrap(), Outcome::Success);
                assert_eq!(breaker.snapshot().state, BreakerState::Closed);
            }
            // And it can be set right again.
            clock.set(Duration::ZERO);
            breaker.tick();
            goes_round(&breaker, &clock);
        }
    }
}

#[test]
fn a_manual_clock_stops_at_its_end() {
    let clock = ManualClock::default();
    clock.set(Duration::MAX);
    let end = clock.now();
    clock.advance(Duration::from_secs(5));
    clock.advance(Duration::MAX);
    assert!(clock.now() >= end);
}

/// Nobody but those who are refused looks at the breaker.
#[test]
fn who_is_refused_notices_a_clock_that_has_gone_back() {
    let clock = ManualClock::default();
    clock.set(100 * WAIT);
    let breaker = Breaker::builder().failure_threshold(1);
    let breaker = breaker.open_timeout(WAIT).jitter(0.0);
    let breaker = breaker.build_with_clock(clock.clone()).unwrap();
    fail(&breaker);
    clock.set(Duration::ZERO);
    let rejected = breaker.try_admit().unwrap_err();
    assert_eq!(rejected.retry_after, Some(WAIT));
    clock.advance(WAIT);
    assert!(breaker.try_admit().is_ok());
}

/// Nobody but those whose calls succeed looks at the breaker.
#[test]
fn who_succeeds_notices_a_clock_that_has_gone_back() {
    let clock = ManualClock::default();
    clock.set(100 * WAIT);
    let breaker = Breaker::builder().failure_threshold(None);
    let breaker = breaker.failure_rate(0.5).window(Window::Time(WAIT));
    let breaker = breaker.build_with_clock(clock.clone()).unwrap();
    fail(&breaker);
    clock.set(Duration::ZERO);
    succeed(&breaker);
    clock.advance(WAIT);
    assert_eq!(breaker.snapshot().calls, 0, "all results are too old");
}
