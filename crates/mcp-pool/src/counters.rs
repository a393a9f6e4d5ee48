//! What happened so far, counted without locks.

#[cfg(feature = "metrics")]
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use mcp_domain::{Closures, Connector, PoolStats};

#[cfg(feature = "metrics")]
use crate::meters::Meters;
use crate::server::Core;

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Abandoned,
    Age,
    Died,
    Discarded,
    Evicted,
    FailedCheck,
    Idle,
    Shutdown,
}

impl Reason {
    /// In the order in which they are counted.
    pub(crate) const ALL: [Self; 8] = [
        Self::Abandoned,
        Self::Age,
        Self::Died,
        Self::Discarded,
        Self::Evicted,
        Self::FailedCheck,
        Self::Idle,
        Self::Shutdown,
    ];

    /// A label for logs and metrics; the name of its figure in [`Closures`].
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Abandoned => "abandoned",
            Self::Age => "age",
            Self::Died => "died",
            Self::Discarded => "discarded",
            Self::Evicted => "evicted",
            Self::FailedCheck => "failed_check",
            Self::Idle => "idle",
            Self::Shutdown => "shutdown",
        }
    }
}

/// How a caller came by a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checkout {
    /// It waited and was given one that was just opened.
    Connect,
    /// It found an idle one at once.
    Hit,
    /// It joined one in use.
    Share,
    /// It waited and was given one that came back.
    Wait,
}

#[cfg(feature = "metrics")]
impl Checkout {
    /// In the order in which they are counted.
    pub(crate) const ALL: [Self; 4] = [Self::Connect, Self::Hit, Self::Share, Self::Wait];

    /// A label for metrics.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Hit => "hit",
            Self::Share => "share",
            Self::Wait => "wait",
        }
    }
}

/// The counters of one server and scope.
///
/// Those of checkouts come last, beside what else a checkout looks at (but the meters, where
/// there are any).
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Counters {
    #[cfg(feature = "metrics")]
    meters: Arc<Meters>,
    opened: AtomicU64,
    failed_connects: AtomicU64,
    timeouts: AtomicU64,
    refusals: AtomicU64,
    retries: AtomicU64,
    suspected_leaks: AtomicU64,
    closed: [AtomicU64; Reason::ALL.len()],
    connects: AtomicU64,
    waits: AtomicU64,
    shares: AtomicU64,
    hits: AtomicU64,
}

impl Counters {
    #[cfg_attr(
        not(feature = "metrics"),
        expect(unused_variables, reason = "nothing else is asked of it")
    )]
    pub(crate) fn of<C: Connector>(core: &Core<C>) -> Self {
        Self {
            #[cfg(feature = "metrics")]
            meters: Arc::clone(&core.meters),
            opened: AtomicU64::new(0),
            failed_connects: AtomicU64::new(0),
            timeouts: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            suspected_leaks: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            shares: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            connects: AtomicU64::new(0),
            closed: Default::default(),
        }
    }

    pub(crate) fn opened(&self) {
        add(&self.opened);
        #[cfg(feature = "metrics")]
        self.meters.count(|meters| &meters.opened);
    }

    pub(crate) fn failed_connect(&self) {
        add(&self.failed_connects);
        #[cfg(feature = "metrics")]
        self.meters.count(|meters| &meters.failed_connects);
    }

    /// How many attempts to connect have failed so far.
    pub(crate) fn failed_connects(&self) -> u64 {
        self.failed_connects.load(Relaxed)
    }

    pub(crate) fn timeout(&self) {
        add(&self.timeouts);
        #[cfg(feature = "metrics")]
        self.meters.count(|meters| &meters.timeouts);
    }

    pub(crate) fn refusal(&self) {
        add(&self.refusals);
        #[cfg(feature = "metrics")]
        self.meters.count(|meters| &meters.refusals);
    }

    pub(crate) fn retry(&self) {
        add(&self.retries);
        #[cfg(feature = "metrics")]
        self.meters.count(|meters| &meters.retries);
    }

    pub(crate) fn suspected_leak(&self) {
        add(&self.suspected_leaks);
        #[cfg(feature = "metrics")]
        self.meters.count(|meters| &meters.suspected_leaks);
    }

    pub(crate) fn checkout(&self, how: Checkout) {
        let counter = match how {
            Checkout::Connect => &self.connects,
            Checkout::Hit => &self.hits,
            Checkout::Share => &self.shares,
            Checkout::Wait => &self.waits,
        };
        add(counter);
        #[cfg(feature = "metrics")]
        self.meters.checkout(how);
    }

    pub(crate) fn closed(&self, reason: Reason) {
        add(&self.closed[reason as usize]);
        #[cfg(feature = "metrics")]
        self.meters.closed(reason);
    }

    /// Adds these counters to `stats`.
    pub(crate) fn add_to(&self, stats: &mut PoolStats) {
        let closed = |reason: Reason| self.closed[reason as usize].load(Relaxed);
        stats.opened += self.opened.load(Relaxed);
        stats.failed_connects += self.failed_connects.load(Relaxed);
        stats.timeouts += self.timeouts.load(Relaxed);
        stats.refusals += self.refusals.load(Relaxed);
        stats.retries += self.retries.load(Relaxed);
        stats.suspected_leaks += self.suspected_leaks.load(Relaxed);
        stats.hits += self.hits.load(Relaxed);
        stats.shares += self.shares.load(Relaxed);
        stats.waits += self.waits.load(Relaxed);
        stats.connects += self.connects.load(Relaxed);
        add_closures(&mut stats.closed, closed);
    }
}

/// Adds one to a counter.
fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

fn add_closures(closed: &mut Closures, count: impl Fn(Reason) -> u64) {
    closed.abandoned += count(Reason::Abandoned);
    closed.age += count(Reason::Age);
    closed.died += count(Reason::Died);
    closed.discarded += count(Reason::Discarded);
    closed.evicted += count(Reason::Evicted);
    closed.failed_check += count(Reason::FailedCheck);
    closed.idle += count(Reason::Idle);
    closed.shutdown += count(Reason::Shutdown);
}
