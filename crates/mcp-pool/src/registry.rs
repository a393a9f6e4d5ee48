//! All servers and scopes of one pool, and the limit over all of them.

use std::{
    collections::{HashMap, VecDeque},
    ptr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_domain::{BreakerState, Connector, PoolStats, Scope};
use tokio::{runtime::Handle, sync::Notify};

use crate::{keyed::Keyed, server::Core, settings::Settings, timings::Ledger, upkeep};

/// Connections by server and scope.
type Keys<C> = HashMap<(u64, Scope), Arc<Keyed<C>>>;

/// What a pool consists of.
pub(crate) struct Registry<C: Connector> {
    pub(crate) settings: Settings,
    /// Every server and scope that somebody has a handle of or that has connections.
    keys: Mutex<Keys<C>>,
    /// Those of them that have connections, by number: at most `max_total` and one for
    /// each server, however many scopes there are.
    populated: Mutex<HashMap<u64, Arc<Keyed<C>>>>,
    servers: Mutex<Vec<Weak<Core<C>>>>,
    /// The servers that are known by their names, for as long as the pool lives.
    named: Mutex<HashMap<Arc<str>, Arc<Core<C>>>>,
    next_number: AtomicU64,
    /// Places taken, over all servers and scopes.
    reserved: AtomicUsize,
    /// Of these, the places of connections that are closing.
    closing: AtomicUsize,
    /// Connections that have been closed so far.
    closed: AtomicUsize,
    /// Wakes whoever waits for places to become free.
    freed: Notify,
    /// Those who were refused a place because all were taken, in that order.
    starving: Mutex<VecDeque<Weak<Keyed<C>>>>,
    /// How many they are.
    pressure: Arc<AtomicUsize>,
    /// How often it was asked to let them grow while somebody is at it.
    feeding: AtomicUsize,
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
            reserved: AtomicUsize::new(0),
            closing: AtomicUsize::new(0),
            closed: AtomicUsize::new(0),
            freed: Notify::new(),
            starving: Mutex::default(),
            pressure: Arc::default(),
            feeding: AtomicUsize::new(0),
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
        let mut servers = lock(&self.servers);
        servers.retain(|server| server.strong_count() > 0);
        servers.push(Arc::downgrade(core));
        drop(servers);
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
        servers.iter().filter_map(Weak::upgrade).collect()
    }

    /// A number that nothing else in this pool has.
    pub(crate) fn number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// How many servers and scopes wait for a place.
    pub(crate) fn pressure(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.pressure)
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
        lock(&self.populated).remove(&keyed.number);
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
        lock(&self.populated).values().cloned().collect()
    }

    /// This server and scope has its first place.
    pub(crate) fn populate(&self, keyed: &Arc<Keyed<C>>) {
        lock(&self.populated).insert(keyed.number, Arc::clone(keyed));
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
            populated.remove(&keyed.number);
        }
        drop(populated);
        self.forget_unused(keyed);
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

    /// Remembers that this server and scope was refused a place, and makes room.
    pub(crate) fn starve(&self, keyed: &Arc<Keyed<C>>) {
        let mut queue = lock(&self.starving);
        if keyed.begin_to_starve() {
            queue.push_back(Arc::downgrade(keyed));
            self.pressure.fetch_add(1, Ordering::AcqRel);
        }
        drop(queue);
        self.make_room();
        // A place may have become free before the queue knew of this one.
        self.feed_the_starving();
    }

    /// Closes the least recently used idle connections of any server and scope, one
    /// for each that is starving.
    pub(crate) fn make_room(&self) {
        self.dismiss_the_served();
        while self.lacks_room() {
            let keys = self.populated();
            // What somebody waits for is idle for a moment only.
            let idlest = keys
                .iter()
                .filter(|keyed| keyed.census().waiting() == 0)
                .filter_map(|keyed| Some((keyed.store.idlest()?, keyed)))
                .min_by_key(|(since, _)| *since);
            let Some((since, keyed)) = idlest else { return };
            keyed.store.evict(since);
        }
    }

    /// Takes those out of the queue who have got what they waited for from elsewhere.
    fn dismiss_the_served(&self) {
        lock(&self.starving).retain(|starving| {
            let starving = starving.upgrade();
            let waits = |keyed: &Arc<Keyed<C>>| keyed.census().waiting() > 0;
            let stays = starving.as_ref().is_some_and(waits);
            if !stays {
                self.pressure.fetch_sub(1, Ordering::AcqRel);
                if let Some(keyed) = starving {
                    keyed.end_to_starve();
                }
            }
            stays
        });
    }

    /// Do more wait for a place than connections are closing?
    fn lacks_room(&self) -> bool {
        self.pressure.load(Ordering::Acquire) > self.closing.load(Ordering::Acquire)
    }

    /// Do more wait for a place who have no connection at all than connections are
    /// closing?
    pub(crate) fn somebody_has_none(&self) -> bool {
        let queue = lock(&self.starving);
        let starving = queue.iter().filter_map(Weak::upgrade);
        let have_none = starving.filter(|keyed| {
            let census = keyed.census();
            census.reserved == 0 && census.waiting() > 0
        });
        have_none.count() > self.closing.load(Ordering::Acquire)
    }

    /// This server and scope makes way for others: it goes to the end of the queue of those
    /// who wait for a place, if it is in it.
    pub(crate) fn step_back(&self, keyed: &Keyed<C>) {
        let mut queue = lock(&self.starving);
        let index = queue.iter().position(|one| ptr::eq(one.as_ptr(), keyed));
        if let Some(one) = index.and_then(|index| queue.remove(index)) {
            queue.push_back(one);
        }
    }

    /// A connection has begun to close: its place will be free soon.
    pub(crate) fn closing(&self) {
        self.closing.fetch_add(1, Ordering::AcqRel);
    }

    /// A connection has been closed.
    pub(crate) fn closed(&self) {
        self.closing.fetch_sub(1, Ordering::AcqRel);
        self.closed.fetch_add(1, Ordering::AcqRel);
    }

    /// How many connections have been closed so far.
    pub(crate) fn closures(&self) -> usize {
        self.closed.load(Ordering::Acquire)
    }

    /// Lets those grow who were refused a place, as long as there are places. Who is
    /// refused again goes to the end of the queue.
    pub(crate) fn feed_the_starving(&self) {
        // Whoever is at it goes on for all. Where a runtime has ended, a connect has failed
        // as soon as it has begun and asks here again: as deep as the queue is long.
        if self.feeding.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        let mut heard = 1;
        while heard > 0 {
            self.feed();
            heard = self.feeding.fetch_sub(heard, Ordering::AcqRel) - heard;
        }
    }

    fn feed(&self) {
        while self.reserved() < self.settings.max_total {
            let mut queue = lock(&self.starving);
            let Some(starving) = queue.pop_front() else {
                return;
            };
            self.pressure.fetch_sub(1, Ordering::AcqRel);
            let starving = starving.upgrade();
            if let Some(keyed) = &starving {
                keyed.end_to_starve();
            }
            drop(queue);
            if let Some(keyed) = starving {
                keyed.grow();
            }
        }
    }

    // ----- upkeep and end

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
        self.changed.notify_one();
        for keyed in self.all() {
            keyed.store.close();
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
        let mut stats = lock(&self.gone).clone();
        for keyed in self.all() {
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
