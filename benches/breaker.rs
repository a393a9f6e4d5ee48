//! What a breaker costs a call that succeeds, and one that is refused: every policy,
//! beside other breakers and the floor.
//!
//! `cargo bench -p mcp-bench --bench breaker`

use std::{
    hint::{self, black_box},
    io,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use failsafe::{CircuitBreaker as _, Config, backoff, failure_policy};
use mcp_breaker::{Breaker, BreakerBuilder, ManualClock, Window};
use mcp_domain::{BreakerMode, CircuitBreaker, Outcome, Permit};
use recloser::Recloser;
use tokio::time::Instant;

#[path = "parts/turns.rs"]
mod turns;

use self::turns::Turns;

const WAIT: Duration = Duration::from_secs(60);
const WINDOW: Duration = Duration::from_secs(30);

const FLOOR: &str = "floor: two atomic read-modify-writes";

/// The calls of one batch.
const BATCH: usize = 20 * BURST;

/// So few that they are seldom interrupted.
const BURST: usize = 256;

fn main() -> io::Result<()> {
    let calls = calls();
    let mut turns = Turns::new("A call that succeeds, one thread");
    for (name, call) in &calls {
        turns.way(*name, BATCH, || timed(|| repeat(BATCH, call)));
        if name.starts_with("mcp-breaker") {
            turns.aim(name, FLOOR, 1.0 / 3.0);
        }
    }
    turns.measure(&[FLOOR])?;

    let mut turns = Turns::new("A call that succeeds, while another thread makes as many");
    for (name, call) in &calls {
        turns.way(*name, BATCH, || together(BATCH / BURST, call));
    }
    turns.measure(&[FLOOR])?;
    refusals()
}

type Call = Box<dyn Fn() + Sync>;

fn repeat(calls: usize, call: &Call) {
    (0..calls).for_each(|_| call());
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The time of so many bursts on each of two threads.
fn together(bursts: usize, call: &Call) -> Duration {
    let other = Bursts::default();
    thread::scope(|scope| {
        scope.spawn(|| other.join_in(call));
        let spent = other.measure(bursts, call);
        other.end();
        spent
    })
}

/// Two threads that make calls at the same time, in bursts that are short enough not to
/// be interrupted, and that begin together.
#[derive(Default)]
struct Bursts {
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Bursts {
    /// What the other thread does.
    fn join_in(&self, call: &Call) {
        for burst in 1.. {
            wait_until(|| self.begun.load(Ordering::Acquire) >= burst);
            if self.begun.load(Ordering::Acquire) == u64::MAX {
                return;
            }
            repeat(BURST, call);
            self.ended.store(burst, Ordering::Release);
        }
    }

    /// What so many bursts take, from their beginning to the end of both threads.
    fn measure(&self, bursts: usize, call: &Call) -> Duration {
        let mut spent = Duration::ZERO;
        for burst in 1..=bursts as u64 {
            spent += timed(|| {
                self.begun.store(burst, Ordering::Release);
                repeat(BURST, call);
                wait_until(|| self.ended.load(Ordering::Acquire) == burst);
            });
        }
        spent
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

/// A call that succeeds, through each of the breakers.
fn calls() -> Vec<(&'static str, Call)> {
    let (one, two) = (AtomicU64::new(0), AtomicU64::new(0));
    let floor = move || {
        one.fetch_add(1, Ordering::AcqRel);
        black_box(two.fetch_add(1, Ordering::AcqRel));
    };
    let mut calls: Vec<(_, Call)> = vec![(FLOOR, Box::new(floor))];
    for (name, _, builder) in policies() {
        let ours = builder.build().expect("settings that can be");
        calls.push((name, Box::new(move || call(&ours))));
    }
    for (_, name, builder) in policies() {
        let clock = ManualClock::default();
        let ours = builder.build_with_clock(clock);
        let ours = ours.expect("settings that can be");
        calls.push((name, Box::new(move || call(&ours))));
    }
    let object: Box<dyn CircuitBreaker> = Box::new(Breaker::default());
    let behind_the_port = move || call(black_box(&*object));
    calls.push((
        "mcp-breaker: in a row, behind the port",
        Box::new(behind_the_port),
    ));

    let in_a_row = failure_policy::consecutive_failures(5, backoff::constant(WAIT));
    let in_a_row = Config::new().failure_policy(in_a_row).build();
    let in_a_row = move || assert!(in_a_row.call(|| Ok::<_, ()>(black_box(1))).is_ok());
    calls.push(("failsafe: in a row", Box::new(in_a_row)));
    let rate = backoff::constant(WAIT);
    let rate = failure_policy::success_rate_over_time_window(0.5, 10, WINDOW, rate);
    let rate = Config::new().failure_policy(rate).build();
    let rate = move || assert!(rate.call(|| Ok::<_, ()>(black_box(1))).is_ok());
    calls.push(("failsafe: window of time", Box::new(rate)));
    let ring = Recloser::custom().closed_len(100).build();
    let ring = move || assert!(ring.call(|| Ok::<_, ()>(black_box(1))).is_ok());
    calls.push(("recloser: window of 100 calls", Box::new(ring)));
    calls
}

/// Each policy, with its name and that with a coarse clock.
fn policies() -> [(&'static str, &'static str, BreakerBuilder); 5] {
    let rate = || Breaker::builder().failure_threshold(None).failure_rate(0.5);
    let calls = || rate().window(Window::Calls(100));
    let time = || rate().window(Window::Time(WINDOW));
    let slow = |builder: BreakerBuilder| {
        let builder = builder.slow_call_rate(0.5);
        builder.slow_call_duration(Duration::from_secs(5))
    };
    [
        (
            "mcp-breaker: in a row",
            "mcp-breaker: in a row, coarse clock",
            Breaker::builder(),
        ),
        (
            "mcp-breaker: window of 100 calls",
            "mcp-breaker: window of 100 calls, coarse clock",
            calls(),
        ),
        (
            "mcp-breaker: window of time",
            "mcp-breaker: window of time, coarse clock",
            time(),
        ),
        (
            "mcp-breaker: window of 100 calls, slow calls",
            "mcp-breaker: window of 100 calls, slow calls, coarse clock",
            slow(calls()),
        ),
        (
            "mcp-breaker: window of time, slow calls",
            "mcp-breaker: window of time, slow calls, coarse clock",
            slow(time()),
        ),
    ]
}

/// One call that succeeds.
fn call<B: CircuitBreaker + ?Sized>(breaker: &B) {
    match Permit::acquire(black_box(breaker)) {
        Ok(permit) => permit.record(Outcome::Success),
        Err(rejected) => panic!("{rejected}"),
    }
}

/// A call that is refused.
fn refusals() -> io::Result<()> {
    let mut turns = Turns::new("A call that is refused");
    let mut way = |name: &str, refused: Box<dyn Fn() -> bool>| {
        turns.way(name, BATCH, move || {
            timed(|| assert!((0..BATCH).all(|_| refused())))
        });
    };
    let open = Breaker::builder().failure_threshold(1);
    let open = open.build().expect("settings that can be");
    open.settle(open.try_admit().expect("closed"), Outcome::failure());
    let open = move || black_box(&open).try_admit().is_err();
    way("mcp-breaker: open", Box::new(open));
    let forced = Breaker::builder().mode(BreakerMode::ForcedOpen);
    let forced = forced.build().expect("settings that can be");
    let forced = move || black_box(&forced).try_admit().is_err();
    way("mcp-breaker: forced open", Box::new(forced));
    let policy = failure_policy::consecutive_failures(1, backoff::constant(WAIT));
    let theirs = Config::new().failure_policy(policy).build();
    let _ = theirs.call(|| Err::<(), _>(()));
    let theirs = move || !black_box(&theirs).is_call_permitted();
    way("failsafe: open", Box::new(theirs));
    let ring = Recloser::custom().closed_len(1).open_wait(WAIT).build();
    for _ in 0..2 {
        let _ = ring.call(|| Err::<(), _>(()));
    }
    let ring = move || black_box(&ring).call(|| Ok::<_, ()>(())).is_err();
    way("recloser: open", Box::new(ring));
    turns.measure(&["failsafe: open", "recloser: open"])
}
