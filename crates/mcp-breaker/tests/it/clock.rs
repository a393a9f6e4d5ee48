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

/// Stands still, and counts how often somebody looks.
#[derive(Clone, Debug, Default)]
struct Counting {
    looks: Arc<AtomicUsize>,
}

impl Clock for Counting {
    fn now(&self) -> Duration {
        self.looks.fetch_add(1, Ordering::Relaxed);
        Duration::from_secs(100)
    }
}

/// How often it looks during ten of these.
#[track_caller]
fn check(builder: BreakerBuilder, expected: usize, step: fn(&dyn CircuitBreaker)) {
    let clock = Counting::default();
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
    let disabled = Breaker::builder().mode(BreakerMode::Disabled);
    check(disabled, 0, succeed);
}
