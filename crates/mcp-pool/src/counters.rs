//! What happened so far, counted without locks.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use mcp_domain::{Closures, PoolStats};

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

/// The counters of one server and scope.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) opened: AtomicU64,
    pub(crate) failed_connects: AtomicU64,
    pub(crate) timeouts: AtomicU64,
    pub(crate) refusals: AtomicU64,
    pub(crate) retries: AtomicU64,
    hits: AtomicU64,
    shares: AtomicU64,
    waits: AtomicU64,
    connects: AtomicU64,
    closed: [AtomicU64; 8],
}

impl Counters {
    pub(crate) fn checkout(&self, how: Checkout) {
        let counter = match how {
            Checkout::Connect => &self.connects,
            Checkout::Hit => &self.hits,
            Checkout::Share => &self.shares,
            Checkout::Wait => &self.waits,
        };
        add(counter);
    }

    pub(crate) fn closed(&self, reason: Reason) {
        add(&self.closed[reason as usize]);
    }

    /// Adds these counters to `stats`.
    pub(crate) fn add_to(&self, stats: &mut PoolStats) {
        let closed = |reason: Reason| self.closed[reason as usize].load(Relaxed);
        stats.opened += self.opened.load(Relaxed);
        stats.failed_connects += self.failed_connects.load(Relaxed);
        stats.timeouts += self.timeouts.load(Relaxed);
        stats.refusals += self.refusals.load(Relaxed);
        stats.retries += self.retries.load(Relaxed);
        stats.hits += self.hits.load(Relaxed);
        stats.shares += self.shares.load(Relaxed);
        stats.waits += self.waits.load(Relaxed);
        stats.connects += self.connects.load(Relaxed);
        add_closures(&mut stats.closed, closed);
    }
}

/// Adds one to a counter.
pub(crate) fn add(counter: &AtomicU64) {
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
