//! How long waiting, connecting and using take, for each server.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mcp_domain::PoolStats;

#[cfg(feature = "metrics")]
use crate::meters::Meters;
use crate::{
    histogram::{Histogram, Tally},
    sweep::Sweep,
};

/// The times of one server, over all its scopes.
///
/// Only what takes time is timed: a checkout or a call that never suspends asks no
/// clock.
#[derive(Debug)]
pub(crate) struct Timings {
    waiting: Histogram,
    connecting: Histogram,
    using: Histogram,
    #[cfg(feature = "metrics")]
    meters: Arc<Meters>,
}

impl Timings {
    #[cfg(not(feature = "metrics"))]
    pub(crate) const fn new() -> Self {
        Self {
            waiting: Histogram::new(),
            connecting: Histogram::new(),
            using: Histogram::new(),
        }
    }

    #[cfg(feature = "metrics")]
    pub(crate) const fn new(meters: Arc<Meters>) -> Self {
        Self {
            waiting: Histogram::new(),
            connecting: Histogram::new(),
            using: Histogram::new(),
            meters,
        }
    }

    /// A caller waited for a connection, in vain or not.
    pub(crate) fn waited(&self, time: Option<Duration>) {
        if let Some(time) = time {
            self.waiting.add(time);
            #[cfg(feature = "metrics")]
            self.meters.record(time, |meters| &meters.wait_time);
        }
    }

    /// A connection was opened.
    pub(crate) fn connected(&self, time: Duration) {
        self.connecting.add(time);
        #[cfg(feature = "metrics")]
        self.meters.record(time, |meters| &meters.create_time);
    }

    /// A call or a lease has ended.
    pub(crate) fn used(&self, time: Option<Duration>) {
        if let Some(time) = time {
            self.using.add(time);
            #[cfg(feature = "metrics")]
            self.meters.record(time, |meters| &meters.use_time);
        }
    }
}

/// The times of several servers, added up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sum {
    waiting: Tally,
    connecting: Tally,
    using: Tally,
}

impl Sum {
    pub(crate) fn add(&mut self, timings: &Timings) {
        self.waiting.add(&timings.waiting);
        self.connecting.add(&timings.connecting);
        self.using.add(&timings.using);
    }

    pub(crate) fn write_to(&self, stats: &mut PoolStats) {
        stats.wait_time = self.waiting.times();
        stats.connect_time = self.connecting.times();
        stats.use_time = self.using.times();
    }
}

/// The times of all servers of a pool, also of those that have disappeared.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    open: Vec<Arc<Timings>>,
    gone: Sum,
    sweep: Sweep,
}

impl Ledger {
    /// Adds a server.
    pub(crate) fn add(&self, timings: &Arc<Timings>) {
        let mut pages = self.lock();
        if pages.sweep.is_due(pages.open.len()) {
            pages.close();
        }
        pages.open.push(Arc::clone(timings));
    }

    pub(crate) fn sum(&self) -> Sum {
        let pages = self.lock();
        let mut sum = pages.gone.clone();
        for timings in &pages.open {
            sum.add(timings);
        }
        sum
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    /// Adds up the times of servers that nobody holds but this ledger.
    fn close(&mut self) {
        let Self { open, gone, sweep } = self;
        open.retain(|timings| {
            let is_gone = Arc::strong_count(timings) == 1;
            if is_gone {
                gone.add(timings);
            }
            !is_gone
        });
        sweep.done(open.len());
    }
}
