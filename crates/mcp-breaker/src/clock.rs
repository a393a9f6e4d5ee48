//! Where a breaker gets the time from.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::sync::{AtomicU64, Ordering};

/// Tells the time since some fixed moment.
///
/// A breaker asks it with no lock held. It should not go backwards; when it does,
/// the breaker carries on from where it was, and a wait gets longer by no more than it
/// had lasted. It may begin anywhere; what it shows beyond 584 years is its end, where a
/// breaker counts every wait as over.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Time since that moment.
    fn now(&self) -> Duration;
}

/// The monotonic clock of the operating system.
///
/// Reading it takes longer than all else a breaker does for a call that succeeds
/// (`docs/benchmarks.md`). It is read for such calls only where slow calls count or the
/// window is one of time.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the time comes from"
    )]
    fn default() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that stands still until it is moved. Clones are the same clock.
///
/// For tests; and for programs with a timer of their own that sets it every few
/// milliseconds: reading it costs no more than a look into memory.
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    nanos: Arc<AtomicU64>,
}

impl ManualClock {
    /// Moves the clock on, at most to its end after 584 years.
    pub fn advance(&self, by: Duration) {
        let on = |nanos: u64| Some(nanos.saturating_add(as_nanos(by)));
        // It always moves: there is no reading that cannot be moved on.
        let _ = self
            .nanos
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, on);
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, now: Duration) {
        self.nanos.store(as_nanos(now), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::SeqCst))
    }
}

/// In nanoseconds; what does not fit, 584 years and more, counts as that much.
pub(crate) fn as_nanos(time: Duration) -> u64 {
    // Not `Duration::as_nanos`: its 128 bits are felt on the hot path.
    time.as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::from(time.subsec_nanos()))
}
