//! What a breaker costs a call that succeeds, beside another breaker and the floor.
//!
//! `cargo bench -p mcp-bench --bench breaker`

use std::{
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use criterion::{Criterion, criterion_group, criterion_main};
use failsafe::{CircuitBreaker as _, Config, backoff, failure_policy};
use mcp_breaker::Breaker;
use mcp_domain::{CircuitBreaker, Outcome, Permit};

fn one_thread(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("breaker, one thread");
    let (one, two) = (AtomicU64::new(0), AtomicU64::new(0));
    group.bench_function("floor: two atomic read-modify-writes", |bencher| {
        bencher.iter(|| {
            one.fetch_add(1, Ordering::AcqRel);
            two.fetch_add(1, Ordering::AcqRel)
        });
    });
    let ours = Breaker::default();
    group.bench_function("mcp-breaker", |bencher| {
        bencher.iter(|| call(black_box(&ours)));
    });
    let object: &dyn CircuitBreaker = &ours;
    group.bench_function("mcp-breaker behind the port", |bencher| {
        bencher.iter(|| call(black_box(object)));
    });
    let policy =
        failure_policy::consecutive_failures(5, backoff::constant(Duration::from_secs(60)));
    let theirs = Config::new().failure_policy(policy).build();
    group.bench_function("failsafe", |bencher| {
        bencher.iter(|| black_box(&theirs).call(|| Ok::<_, ()>(black_box(1))));
    });
    group.finish();
}

/// One call that succeeds.
fn call<B: CircuitBreaker + ?Sized>(breaker: &B) -> bool {
    match Permit::acquire(breaker) {
        Ok(permit) => {
            permit.record(Outcome::Success);
            true
        }
        Err(_) => false,
    }
}

/// The time of one call while another thread makes calls as fast as it can.
fn two_threads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("breaker, two threads");
    let ours = Breaker::default();
    beside(
        || assert!(call(&ours)),
        || {
            group.bench_function("mcp-breaker", |bencher| bencher.iter(|| call(&ours)));
        },
    );
    let policy =
        failure_policy::consecutive_failures(5, backoff::constant(Duration::from_secs(60)));
    let theirs = Config::new().failure_policy(policy).build();
    let their_call = || theirs.call(|| Ok::<_, ()>(black_box(1)));
    beside(
        || assert!(their_call().is_ok()),
        || {
            group.bench_function("failsafe", |bencher| bencher.iter(their_call));
        },
    );
    group.finish();
}

/// Runs `measure` while another thread does `noise` over and over.
fn beside(noise: impl Fn() + Sync, measure: impl FnOnce()) {
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                noise();
            }
        });
        measure();
        done.store(true, Ordering::Relaxed);
    });
}

criterion_group!(benches, one_thread, two_threads);
criterion_main!(benches);
