//! Many threads at one breaker.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use mcp_breaker::{Breaker, ManualClock};
use mcp_domain::{BreakerState, CircuitBreaker as _, Outcome};

const THREADS: usize = 8;

#[test]
fn of_all_who_rush_in_at_the_half_open_moment_one_passes() {
    for _ in 0..200 {
        let clock = ManualClock::default();
        let breaker = Breaker::builder()
            .failure_threshold(1)
            .open_timeout(Duration::from_secs(1))
            .build_with_clock(clock.clone())
            .unwrap();
        breaker.settle(breaker.try_admit().unwrap(), Outcome::failure());
        clock.advance(Duration::from_secs(1));
        let (start, passed) = (Barrier::new(THREADS), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    if breaker.try_admit().is_ok() {
                        passed.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 1);
    }
}

#[test]
fn no_failure_is_lost_when_threads_fail_together() {
    for _ in 0..200 {
        let breaker = Breaker::builder()
            .failure_threshold(THREADS as u32)
            .build()
            .unwrap();
        let start = Barrier::new(THREADS);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let ticket = breaker.try_admit().unwrap();
                    start.wait();
                    breaker.settle(ticket, Outcome::failure());
                });
            }
        });
        assert_eq!(breaker.snapshot().state, BreakerState::Open);
    }
}
