//! All servers and scopes of one pool.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use mcp_domain::{BreakerState, Connector, PoolStats, Scope};
use tokio::{runtime::Handle, sync::Notify, time::Instant};

use crate::{
    keyed::Keyed, limit::Limit, residents::Residents, server::Core, settings::Settings,
    sweep::Sweep, timings::Ledger, upkeep,
};

/// Connections by server and scope.
type Keys<C> = HashMap<(u64, Scope), Arc<Keyed<C>>>;

/// What a pool consists of.
pub(crate) struct Registry<C: Connector> {
    pub(crate) settings: Settings,
    /// Every server and scope that somebody has a handle of or that has connections.
    keys: Mutex<Keys<C>>,
    /// Those of them that have connections.
    populated: Mutex<Residents<C>>,
    servers: Mutex<(Vec<Weak<Core<C>>>, Sweep)>,
    /// The servers that are known by their names, for as long as the pool lives.
    named: Mutex<HashMap<Arc<str>, Arc<Core<C>>>>,
    next_number: AtomicU64,
    /// How many connections there may be over all of them, and who waits for one.
    pub(crate) limit: Limit<C>,
    is_closed: AtomicBool,
    kept_up: AtomicBool,
    /// Wakes the upkeep task: when the pool ends, or has to be tended more often.
    changed: Arc<Notify>,
    /// How often it is tended at present, in milliseconds.
    upkeep_period: AtomicU64,
    /// The figures of servers and scopes that have disappeared.
    gone: Mutex<PoolStats>,
    /// How long things took.
    times: Ledger,
}

impl<C: Connector> Registry<C> {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            keys: Mutex::default(),
            populated: Mutex::default(),
            servers: Mutex::default(),
            named: Mutex::default(),
            next_number: AtomicU64::new(0),
            limit: Limit::new(settings.max_total),
            is_closed: AtomicBool::new(false),
            kept_up: AtomicBool::new(false),
            changed: Arc::default(),
            upkeep_period: AtomicU64::new(u64::MAX),
            gone: Mutex::default(),
            times: Ledger::default(),
        }
    }

    // ----- servers and scopes

    /// Adds a server.
    pub(crate) fn add(&self, core: &Arc<Core<C>>) {
        let mut locked = lock(&self.servers);
        let (servers, sweep) = &mut *locked;
        if sweep.is_due(servers.len()) {
            servers.retain(|server| server.strong_count() > 0);
            sweep.done(servers.len());
        }
        servers.push(Arc::downgrade(core));
        drop(locked);
        self.times.add(&core.timings);
    }

    /// Adds a server, or finds the one of this name that was added before.
    pub(crate) fn add_once(&self, core: Arc<Core<C>>) -> Arc<Core<C>> {
        let mut named = lock(&self.named);
        let first = named.entry(Arc::clone(&core.name));
        let first = Arc::clone(first.or_insert_with(|| Arc::clone(&core)));
        drop(named);
        if Arc::ptr_eq(&first, &core) {
            self.add(&core);
        }
        first
    }

    /// The server that is known by this name.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Core<C>>> {
        lock(&self.named).get(name).cloned()
    }

    /// The servers, in the order in which they were added.
    pub(crate) fn servers(&self) -> Vec<Arc<Core<C>>> {
        let servers = lock(&self.servers);
        servers.0.iter().filter_map(Weak::upgrade).collect()
    }

    /// A number that nothing else in this pool has.
    pub(crate) fn number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// The connections of this server and scope, for one more handle.
    pub(crate) fn keyed(self: &Arc<Self>, core: &Arc<Core<C>>, scope: Scope) -> Arc<Keyed<C>> {
        let mut keys = lock(&self.keys);
        let keyed = keys.entry((core.id, scope)).or_insert_with_key(|key| {
            let (number, scope) = (self.number(), key.1.clone());
            let core = Arc::clone(core);
            Arc::new(Keyed::new(number, core, scope, Arc::downgrade(self)))
        });
        keyed.add_handle();
        let keyed = Arc::clone(keyed);
        drop(keys);
        if self.is_closed() {
            keyed.store.close();
        }
        keyed
    }

    /// Forgets this server and scope if nobody has a handle of it and it has no connection.
    pub(crate) fn forget_unused(&self, keyed: &Keyed<C>) {
        let unused = || !keyed.has_handles() && keyed.census().reserved == 0;
        if !unused() {
            // Whoever lets the last go comes here again.
            return;
        }
        let mut keys = lock(&self.keys);
        if !unused() {
            return;
        }
        // Nobody gets a handle while the keys are locked, and nothing grows without one.
        lock(&self.populated).remove(keyed.number);
        let key = (keyed.core.id, keyed.scope.clone());
        let ours = keys.get(&key).is_some_and(|one| one.number == keyed.number);
        let forgotten = if ours { keys.remove(&key) } else { None };
        if forgotten.is_some() {
            keyed.counters.add_to(&mut lock(&self.gone));
        }
        drop(keys);
        drop(forgotten);
    }

    /// Every server and scope that has connections, or is to have.
    pub(crate) fn populated(&self) -> Vec<Arc<Keyed<C>>> {
        lock(&self.populated).all().cloned().collect()
    }

    /// This server and scope has its first place.
    pub(crate) fn populate(&self, keyed: &Arc<Keyed<C>>) {
        lock(&self.populated).add(keyed, Instant::now());
        let period = in_millis(upkeep::period(&keyed.core.settings));
        if period < self.upkeep_period.load(Ordering::Acquire) {
            self.changed.notify_one();
        }
    }

    /// A place of this server and scope was freed.
    pub(crate) fn depopulate(&self, keyed: &Keyed<C>) {
        let mut populated = lock(&self.populated);
        // Looked at under the lock: it may have taken a place again. The upkeep restores
        // a minimum also from nothing.
        if keyed.census().reserved == 0 && keyed.min_connections() == 0 {
            populated.remove(keyed.number);
        }
        drop(populated);
        self.forget_unused(keyed);
    }

    // ----- the limit over all

    /// Remembers that this server and scope was refused a place, and makes room.
    pub(crate) fn starve(&self, keyed: &Arc<Keyed<C>>) {
        self.limit.refuse(keyed);
        self.make_room();
        // A place may have become free before the queue knew of this one.
        self.limit.feed_the_starving();
    }

    /// Closes the least recently used idle connections of any server and scope, one
    /// for each that is starving.
    pub(crate) fn make_room(&self) {
        while self.limit.lacks_room() {
            let idlest = lock(&self.populated).idlest();
            let Some((since, keyed)) = idlest else { return };
            keyed.store.evict(since);
        }
    }

    /// This server and scope has something idle again.
    pub(crate) fn rank(&self, keyed: &Keyed<C>) {
        // Some of it may have been so for long, and been spared while somebody waited for it.
        let since = keyed.store.idlest().unwrap_or_else(Instant::now);
        lock(&self.populated).rank(keyed.number, since);
    }

    // ----- upkeep and end

    /// Sees to it that the upkeep task runs, if there is a runtime here: that which it ran
    /// on may have ended.
    pub(crate) fn keep_up_here(self: &Arc<Self>) {
        // Mostly it runs: a look at what nobody writes.
        if !self.kept_up.load(Ordering::Relaxed)
            && !self.is_closed()
            && let Ok(runtime) = Handle::try_current()
        {
            self.keep_up(&runtime);
        }
    }

    /// Sees to it that the upkeep task runs.
    pub(crate) fn keep_up(self: &Arc<Self>, runtime: &Handle) {
        if !self.kept_up.swap(true, Ordering::AcqRel) {
            upkeep::spawn(Arc::downgrade(self), Arc::clone(&self.changed), runtime);
        }
    }

    /// This is how often the pool is tended from now on.
    pub(crate) fn expect_upkeep_every(&self, period: Duration) {
        self.upkeep_period
            .store(in_millis(period), Ordering::Release);
    }

    /// The upkeep task has ended; the next call starts another.
    pub(crate) fn not_kept_up(&self) {
        self.kept_up.store(false, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Admits no caller any more and closes what is idle.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.changed.notify_one();
        for keyed in self.all() {
            keyed.store.close();
        }
    }

    // ----- figures

    pub(crate) fn stats(&self) -> PoolStats {
        // In one moment: what has disappeared is in one of the two, and never in both.
        let keys = lock(&self.keys);
        let mut stats = lock(&self.gone).clone();
        let all: Vec<_> = keys.values().cloned().collect();
        drop(keys);
        for keyed in all {
            keyed.add_to(&mut stats);
        }
        for core in self.servers() {
            core.add_to(&mut stats);
        }
        self.times.sum().write_to(&mut stats);
        stats.max_connections = match stats.max_connections {
            0 => self.settings.max_connections as u64,
            sum => sum.min(self.settings.max_total as u64),
        };
        stats
    }

    /// Every server and scope at this moment.
    fn all(&self) -> Vec<Arc<Keyed<C>>> {
        lock(&self.keys).values().cloned().collect()
    }
}

impl<C: Connector> Drop for Registry<C> {
    fn drop(&mut self) {
        self.changed.notify_one();
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

fn in_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
