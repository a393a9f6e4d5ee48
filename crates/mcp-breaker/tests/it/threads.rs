//! Many threads at one breaker.

use std::{
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use mcp_breaker::{Breaker, ManualClock, Window};
use mcp_domain::{BreakerState, CircuitBreaker as _, Outcome, Permit};

const THREADS: usize = 8;

/// Runs the task on all threads at the same time, with their numbers.
fn all_at_once(task: impl Fn(usize) + Sync) {
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (task, start) = (&task, &start);
            scope.spawn(move || {
                start.wait();
                task(thread);
            });
        }
    });
}

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
        let passed = AtomicUsize::new(0);
        all_at_once(|_| {
            if breaker.try_admit().is_ok() {
                passed.fetch_add(1, Ordering::Relaxed);
            }
        });
        assert_eq!(passed.into_inner(), 1);
    }
}

#[test]
fn no_failure_is_lost_when_threads_fail_together() {
    for _ in 0..200 {
        let breaker = Breaker::builder().failure_threshold(THREADS as u32);
        let breaker = breaker.build().unwrap();
        let tickets = [(); THREADS].map(|()| Mutex::new(breaker.try_admit().ok()));
        all_at_once(|thread| {
            let ticket = tickets[thread].lock().unwrap().take().unwrap();
            breaker.settle(ticket, Outcome::failure());
        });
        assert_eq!(breaker.snapshot().state, BreakerState::Open);
    }
}

#[test]
fn no_result_is_lost_when_threads_succeed_and_fail_together() {
    const CALLS: u64 = 4_000;
    const FAILURES: u64 = 40;
    for window in [
        Window::Calls(1_000_000),
        Window::Time(Duration::from_secs(3600)),
    ] {
        let breaker = Breaker::builder()
            .failure_threshold(None)
            .failure_rate(0.5)
            .window(window)
            .minimum_calls(1_000_000)
            .build()
            .unwrap();
        all_at_once(|_| {
            for n in 0..CALLS {
                let outcome = match n % (CALLS / FAILURES) {
                    0 => Outcome::failure(),
                    _ => Outcome::Success,
                };
                breaker.settle(breaker.try_admit().unwrap(), outcome);
            }
        });
        let (snapshot, threads) = (breaker.snapshot(), THREADS as u64);
        assert_eq!(snapshot.failure_count, threads * FAILURES);
        assert_eq!(snapshot.calls, threads * CALLS);
    }
}

/// Threads go on making calls while the breaker goes round and round; nobody holds
/// anything up, and whoever listens hears a story that hangs together.
#[test]
fn through_all_its_states_under_many_threads() {
    let clock = ManualClock::default();
    let story = Arc::new(Mutex::new(Vec::new()));
    let write = Arc::clone(&story);
    let breaker = Breaker::builder()
        .failure_threshold(3)
        .failure_rate(0.5)
        .probes(2)
        .open_timeout(Duration::from_millis(1))
        .growth(1.0)
        .on_change(move |change| write.lock().unwrap().push((change.from, change.now.state)))
        .build_with_clock(clock.clone())
        .unwrap();
    all_at_once(|thread| {
        for n in 0..4_000 {
            clock.advance(Duration::from_micros(5));
            let Ok(permit) = Permit::acquire(&breaker) else {
                continue;
            };
            match (n / 500 + thread) % 7 {
                0..3 => permit.record(Outcome::failure()),
                3 => drop(permit),
                _ => permit.record(Outcome::Success),
            }
        }
    });
    let story = story.lock().unwrap().clone();
    assert_eq!(story[0].0, BreakerState::Closed);
    for pair in story.windows(2) {
        assert_eq!(pair[0].1, pair[1].0);
    }
    let opened = story.iter().filter(|(_, now)| *now == BreakerState::Open);
    assert_eq!(opened.count() as u64, breaker.snapshot().opened);
    // And it recovers: no place is lost.
    clock.advance(Duration::from_secs(1));
    for _ in 0..2 {
        if let Ok(permit) = Permit::acquire(&breaker) {
            permit.record(Outcome::Success);
        }
    }
    assert_eq!(breaker.snapshot().state, BreakerState::Closed);
}
