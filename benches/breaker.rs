//! What a breaker costs a call that succeeds, and one that is refused: every policy,
//! beside other breakers and the floor.
//!
//! `cargo bench -p mcp-bench --bench breaker`

use std::{
    hint::{self, black_box},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use criterion::{
    BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use failsafe::{CircuitBreaker as _, Config, backoff, failure_policy};
use mcp_breaker::{Breaker, BreakerBuilder, ManualClock, Window};
use mcp_domain::{BreakerMode, CircuitBreaker, Outcome, Permit};
use recloser::Recloser;

const WAIT: Duration = Duration::from_secs(60);
const WINDOW: Duration = Duration::from_secs(30);

fn one_thread(criterion: &mut Criterion) {
    let group = criterion.benchmark_group("breaker, one thread");
    successes(group, |group, name, call| {
        group.bench_function(name, |bencher| bencher.iter(call));
    });
}

/// The time of one call while another thread makes as many.
fn two_threads(criterion: &mut Criterion) {
    let group = criterion.benchmark_group("breaker, two threads");
    successes(group, |group, name, call| {
        let bursts = Bursts::default();
        thread::scope(|scope| {
            scope.spawn(|| bursts.join_in(call));
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|calls| bursts.measure(calls, call));
            });
            bursts.end();
        });
    });
}

/// Two threads that make calls at the same time, in bursts that are short enough not to
/// be interrupted, and that begin together.
#[derive(Default)]
struct Bursts {
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Bursts {
    const CALLS: u64 = 256;

    /// What the other thread does.
    fn join_in(&self, call: &dyn Fn()) {
        for burst in 1.. {
            wait_until(|| self.begun.load(Ordering::Acquire) >= burst);
            if self.begun.load(Ordering::Acquire) == u64::MAX {
                return;
            }
            (0..Self::CALLS).for_each(|_| call());
            self.ended.store(burst, Ordering::Release);
        }
    }

    /// What so many calls take on each of both threads.
    fn measure(&self, calls: u64, call: &dyn Fn()) -> Duration {
        let bursts = calls.div_ceil(Self::CALLS);
        let mut spent = Duration::ZERO;
        for _ in 0..bursts {
            let burst = self.ended.load(Ordering::Acquire) + 1;
            let start = now();
            self.begun.store(burst, Ordering::Release);
            (0..Self::CALLS).for_each(|_| call());
            wait_until(|| self.ended.load(Ordering::Acquire) == burst);
            spent += start.elapsed();
        }
        spent.mul_f64(calls as f64 / (bursts * Self::CALLS) as f64)
    }

    fn end(&self) {
        self.begun.store(u64::MAX, Ordering::Release);
    }
}

fn wait_until(condition: impl Fn() -> bool) {
    for turn in 0_u64.. {
        if condition() {
            return;
        }
        // Where there is one core only, the other thread needs it.
        if turn % 4096 == 4095 {
            thread::yield_now();
        }
        hint::spin_loop();
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where the time is taken")]
fn now() -> Instant {
    Instant::now()
}

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// Measures a call that succeeds through each of the breakers.
fn successes(mut group: Group<'_>, measure: impl Fn(&mut Group<'_>, &str, &(dyn Fn() + Sync))) {
    let (one, two) = (AtomicU64::new(0), AtomicU64::new(0));
    measure(&mut group, "floor: two atomic read-modify-writes", &|| {
        one.fetch_add(1, Ordering::AcqRel);
        black_box(two.fetch_add(1, Ordering::AcqRel));
    });
    for (name, builder) in policies() {
        let ours = builder.build().expect("settings that can be");
        measure(&mut group, &format!("mcp-breaker: {name}"), &|| call(&ours));
    }
    for (name, builder) in policies() {
        let clock = ManualClock::default();
        let ours = builder
            .build_with_clock(clock)
            .expect("settings that can be");
        let name = format!("mcp-breaker: {name}, coarse clock");
        measure(&mut group, &name, &|| call(&ours));
    }
    let object: &dyn CircuitBreaker = &Breaker::default();
    let name = "mcp-breaker: in a row, behind the port";
    measure(&mut group, name, &|| call(black_box(object)));

    let in_a_row = failure_policy::consecutive_failures(5, backoff::constant(WAIT));
    let in_a_row = Config::new().failure_policy(in_a_row).build();
    measure(&mut group, "failsafe: in a row", &|| {
        assert!(in_a_row.call(|| Ok::<_, ()>(black_box(1))).is_ok());
    });
    let rate = backoff::constant(WAIT);
    let rate = failure_policy::success_rate_over_time_window(0.5, 10, WINDOW, rate);
    let rate = Config::new().failure_policy(rate).build();
    measure(&mut group, "failsafe: window of time", &|| {
        assert!(rate.call(|| Ok::<_, ()>(black_box(1))).is_ok());
    });
    let ring = Recloser::custom().closed_len(100).build();
    measure(&mut group, "recloser: window of 100 calls", &|| {
        assert!(ring.call(|| Ok::<_, ()>(black_box(1))).is_ok());
    });
    group.finish();
}

fn policies() -> [(&'static str, BreakerBuilder); 5] {
    let rate = || Breaker::builder().failure_threshold(None).failure_rate(0.5);
    let calls = || rate().window(Window::Calls(100));
    let time = || rate().window(Window::Time(WINDOW));
    let slow = |builder: BreakerBuilder| {
        let builder = builder.slow_call_rate(0.5);
        builder.slow_call_duration(Duration::from_secs(5))
    };
    [
        ("in a row", Breaker::builder()),
        ("window of 100 calls", calls()),
        ("window of time", time()),
        ("window of 100 calls, slow calls", slow(calls())),
        ("window of time, slow calls", slow(time())),
    ]
}

/// One call that succeeds.
fn call<B: CircuitBreaker + ?Sized>(breaker: &B) {
    match Permit::acquire(black_box(breaker)) {
        Ok(permit) => permit.record(Outcome::Success),
        Err(rejected) => panic!("{rejected}"),
    }
}

/// One call that is refused.
fn refusals(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("breaker, refused");
    let open = Breaker::builder().failure_threshold(1);
    let open = open.build().expect("settings that can be");
    open.settle(open.try_admit().expect("closed"), Outcome::failure());
    group.bench_function("mcp-breaker: open", |bencher| {
        bencher.iter(|| black_box(&open).try_admit().is_err());
    });
    let forced = Breaker::builder().mode(BreakerMode::ForcedOpen);
    let forced = forced.build().expect("settings that can be");
    group.bench_function("mcp-breaker: forced open", |bencher| {
        bencher.iter(|| black_box(&forced).try_admit().is_err());
    });
    let policy = failure_policy::consecutive_failures(1, backoff::constant(WAIT));
    let theirs = Config::new().failure_policy(policy).build();
    let _ = theirs.call(|| Err::<(), _>(()));
    group.bench_function("failsafe: open", |bencher| {
        bencher.iter(|| black_box(&theirs).is_call_permitted());
    });
    let ring = Recloser::custom().closed_len(1).open_wait(WAIT).build();
    for _ in 0..2 {
        let _ = ring.call(|| Err::<(), _>(()));
    }
    group.bench_function("recloser: open", |bencher| {
        bencher.iter(|| black_box(&ring).call(|| Ok::<_, ()>(())).is_err());
    });
    group.finish();
}

criterion_group!(benches, one_thread, two_threads, refusals);
criterion_main!(benches);
