//! All servers and scopes of one pool, and the limit over all of them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use mcp_domain::{BreakerState, Connector, PoolStats, Scope};
use tokio::{runtime::Handle, sync::Notify};

use crate::{counters::Counters, keyed::Keyed, server::Core, settings::Settings, upkeep};

/// Connections by server and scope.
type Keys<C> = HashMap<(u64, Scope), Arc<Keyed<C>>>;

/// What a pool consists of.
pub(crate) struct Registry<C: Connector> {
    pub(crate) settings: Settings,
    keys: Mutex<Keys<C>>,
    servers: AtomicU64,
    /// Places taken, over all servers and scopes.
    reserved: AtomicUsize,
    /// Of these, the places of connections that are closing.
    closing: AtomicUsize,
    /// Wakes whoever waits for places to become free.
    freed: Notify,
    /// Has somebody been refused a place because all were taken?
    starving: AtomicBool,
    is_closed: AtomicBool,
    kept_up: AtomicBool,
    /// Ends the upkeep task.
    ended: Arc<Notify>,
    /// The figures of servers and scopes that have disappeared.
    gone: Mutex<PoolStats>,
}

impl<C: Connector> Registry<C> {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            keys: Mutex::default(),
            servers: AtomicU64::new(0),
            reserved: AtomicUsize::new(0),
            closing: AtomicUsize::new(0),
            freed: Notify::new(),
            starving: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            kept_up: AtomicBool::new(false),
            ended: Arc::default(),
            gone: Mutex::default(),
        }
    }

    // ----- servers and scopes

    /// A number for a server that is added.
    pub(crate) fn next_server(&self) -> u64 {
        self.servers.fetch_add(1, Ordering::Relaxed)
    }

    /// The connections of this server and scope.
    pub(crate) fn keyed(self: &Arc<Self>, core: &Arc<Core<C>>, scope: Scope) -> Arc<Keyed<C>> {
        let mut keys = self.lock();
        let keyed = keys.entry((core.id, scope)).or_insert_with_key(|key| {
            let scope = key.1.clone();
            Arc::new(Keyed::new(Arc::clone(core), scope, Arc::downgrade(self)))
        });
        let keyed = Arc::clone(keyed);
        drop(keys);
        if self.is_closed() {
            keyed.close();
        }
        keyed
    }

    /// Every server and scope at this moment.
    pub(crate) fn all(&self) -> Vec<Arc<Keyed<C>>> {
        self.lock().values().cloned().collect()
    }

    /// Forgets the scopes that nobody holds and that have no connection.
    pub(crate) fn forget_unused(&self) {
        self.lock().retain(|_, keyed| {
            let unused = Arc::strong_count(keyed) == 1 && keyed.census().reserved == 0;
            if unused {
                let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
                Counters::add_to(&keyed.counters, &mut gone);
            }
            !unused
        });
    }

    // ----- the limit over all

    /// Takes up to this many places.
    pub(crate) fn reserve(&self, wanted: usize) -> usize {
        let mut granted = 0;
        let take = |reserved: usize| {
            granted = wanted.min(self.settings.max_total.saturating_sub(reserved));
            Some(reserved + granted)
        };
        // Never fails: `take` always has an answer.
        let _ = self
            .reserved
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, take);
        granted
    }

    /// Gives one place back.
    pub(crate) fn free(&self) {
        self.reserved.fetch_sub(1, Ordering::AcqRel);
        self.freed.notify_waiters();
    }

    /// Notes that somebody was refused a place, and makes room by closing the least
    /// recently used idle connections of any server and scope.
    pub(crate) fn starve(&self, places: usize) {
        self.starving.store(true, Ordering::Release);
        let coming = self.closing.load(Ordering::Acquire);
        for _ in coming..places {
            let keys = self.all();
            let idlest = keys
                .iter()
                .filter_map(|keyed| Some((keyed.idlest()?, keyed)))
                .min_by_key(|(since, _)| *since);
            let Some((since, keyed)) = idlest else { return };
            keyed.evict(since);
        }
    }

    /// A connection has begun to close: its place will be free soon.
    pub(crate) fn closing(&self) {
        self.closing.fetch_add(1, Ordering::AcqRel);
    }

    /// A connection has been closed.
    pub(crate) fn closed(&self) {
        self.closing.fetch_sub(1, Ordering::AcqRel);
    }

    /// Lets those grow who were refused a place.
    pub(crate) fn feed_the_starving(&self) {
        if self.starving.swap(false, Ordering::AcqRel) {
            for keyed in self.all() {
                if keyed.census().waiting() > 0 {
                    keyed.grow();
                }
            }
        }
    }

    // ----- upkeep and end

    /// Sees to it that the upkeep task runs.
    pub(crate) fn keep_up(self: &Arc<Self>, runtime: &Handle) {
        if !self.kept_up.swap(true, Ordering::AcqRel) {
            upkeep::spawn(Arc::downgrade(self), Arc::clone(&self.ended), runtime);
        }
    }

    /// The upkeep task has ended; the next connect starts another.
    pub(crate) fn not_kept_up(&self) {
        self.kept_up.store(false, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Admits no caller any more and closes what is idle.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.ended.notify_one();
        for keyed in self.all() {
            keyed.close();
        }
    }

    /// Waits until no connection is open, opening or closing.
    pub(crate) async fn emptied(&self) {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if self.reserved() == 0 {
                return;
            }
            freed.await;
        }
    }

    pub(crate) fn reserved(&self) -> usize {
        self.reserved.load(Ordering::Acquire)
    }

    // ----- figures

    pub(crate) fn stats(&self) -> PoolStats {
        let gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stats = gone.clone();
        drop(gone);
        for keyed in self.all() {
            keyed.add_to(&mut stats);
            keyed.core.add_breaker_to(&mut stats);
        }
        stats.max_connections = match stats.max_connections {
            0 => self.settings.max_connections as u64,
            sum => sum.min(self.settings.max_total as u64),
        };
        stats
    }

    fn lock(&self) -> MutexGuard<'_, Keys<C>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Connector> Drop for Registry<C> {
    fn drop(&mut self) {
        self.ended.notify_one();
    }
}

/// The worse of two breakers' states.
pub(crate) fn worse(one: BreakerState, other: BreakerState) -> BreakerState {
    let rank = |state| match state {
        BreakerState::Closed => 0,
        BreakerState::HalfOpen => 1,
        BreakerState::Open => 2,
    };
    if rank(other) > rank(one) { other } else { one }
}
