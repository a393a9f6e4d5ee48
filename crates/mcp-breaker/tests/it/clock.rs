//! When a breaker looks at the clock, and when it need not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_breaker::{Breaker, BreakerBuilder, Clock, Window};
use mcp_domain::{BreakerMode, CircuitBreaker, Outcome};

/// Counts how often somebody looks, and goes on only then.
#[derive(Clone, Debug)]
struct Counting {
    looks: Arc<AtomicUsize>,
    pace: Duration,
}

impl Clock for Counting {
    fn now(&self) -> Duration {
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        self.pace * looks as u32
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
    check(rate().window(time), 10, succeed);
    check(slow(rate()), 20, succeed);
    check(slow(rate().window(time)), 20, succeed);
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
