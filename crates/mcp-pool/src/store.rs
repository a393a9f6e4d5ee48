//! The idle connections of one server and scope.
//!
//! deadpool stores them. In front of it lies a lane: the connection that came back
//! last lies there for the next caller to take, and goes to deadpool when another
//! comes back while nobody waits. What passes through the lane costs two short
//! locks instead of deadpool's checkout and return.
//!
//! Callers wait at `ready`, a semaphore with one permit for each connection that
//! can be had at once, in the lane, in deadpool or [offered](Manager::offer), so that
//! whoever waits takes what comes first: a connection that comes back or one that
//! was just opened. A permit may be stale (its connection was found dead); whoever
//! draws it finds nothing and waits again, behind those who wait by then. The reverse, a connection without a
//! permit, is only one that is [withheld](Store::withhold).

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use deadpool::managed::{self, Object};
use futures::FutureExt as _;
use mcp_domain::Connector;
use tokio::{
    sync::{Semaphore, SemaphorePermit, TryAcquireError},
    time::Instant,
};

use crate::{
    counters::Reason,
    held::{Entry, Pooled},
    manager::{Fitness, Manager, Trust},
    settings::Settings,
    told::{tell, wake},
};

use self::lane::Lane;

mod lane;

/// The idle connections of one server and scope.
///
/// What each checkout looks at comes first, and lies together: where there are many keys, the
/// way to memory is what takes most of the time.
#[repr(C)]
pub(crate) struct Store<C: Connector> {
    ready: Semaphore,
    lane: Mutex<Lane<Object<Manager<C>>>>,
    /// As deadpool's manager has it, which lies elsewhere.
    trust: Trust,
    objects: managed::Pool<Manager<C>>,
    max: usize,
    /// Connections without a permit.
    withheld: AtomicUsize,
    /// Held by whoever takes permits away from callers, because of a connection that is
    /// gone, lest two take one each for the same; and by whoever widens deadpool, lest another
    /// makes it narrower.
    settling: Mutex<()>,
}

/// Nobody waits in deadpool: what it has is to be had at once, or not there.
const AT_ONCE: managed::Timeouts = managed::Timeouts {
    wait: Some(Duration::ZERO),
    create: None,
    recycle: None,
};

/// The right to take one connection.
pub(crate) type Permit<'s> = SemaphorePermit<'s>;

/// What a permit has led to.
pub(crate) enum Found<'s, C: Connector> {
    /// A connection whose peer is to be asked for a sign of life first. The permit is
    /// not used up.
    Doubtful(Object<Manager<C>>, Permit<'s>),
    /// A connection that may be handed out.
    Fit(Object<Manager<C>>),
    /// Nothing.
    Nothing,
}

/// The store is closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed;

impl<C: Connector> Store<C> {
    pub(crate) fn new(settings: Settings) -> Self {
        // Building fails only where timeouts are set without a runtime; none are.
        #[expect(clippy::expect_used, reason = "no timeouts are set")]
        let objects = managed::Pool::builder(Manager::new(settings.check_after_idle))
            .max_size(0)
            .queue_mode(managed::QueueMode::Lifo)
            .build()
            .expect("a pool without timeouts");
        Self {
            ready: Semaphore::new(0),
            lane: Mutex::default(),
            trust: Trust::new(settings.check_after_idle),
            objects,
            max: settings.max_connections,
            withheld: AtomicUsize::new(0),
            settling: Mutex::default(),
        }
    }

    // ----- taking

    /// A permit, if there is one.
    pub(crate) fn try_permit(&self) -> Result<Option<Permit<'_>>, Closed> {
        match self.ready.try_acquire() {
            Ok(permit) => Ok(Some(permit)),
            Err(TryAcquireError::NoPermits) => Ok(None),
            Err(TryAcquireError::Closed) => Err(Closed),
        }
    }

    /// Waits for a permit. First come, first served.
    pub(crate) async fn permit(&self) -> Result<Permit<'_>, Closed> {
        self.ready.acquire().await.map_err(|_| Closed)
    }

    /// The connection that came back last.
    pub(crate) fn take<'s>(&'s self, permit: Permit<'s>) -> Found<'s, C> {
        if let Some(object) = self.take_from_lane() {
            permit.forget();
            return Found::Fit(object);
        }
        // Nothing in it waits: neither for a connection nor for an answer.
        match self.objects.timeout_get(&AT_ONCE).now_or_never() {
            Some(Ok(object)) if object.doubtful => Found::Doubtful(object, permit),
            Some(Ok(object)) => {
                permit.forget();
                Found::Fit(object)
            }
            Some(Err(_)) | None => {
                let settling = self.settle();
                if self.len() == 0 {
                    // It was stale.
                    permit.forget();
                } else {
                    // Another holder of a permit is looking at this moment, or deadpool is
                    // too narrow: this one may be drawn again.
                    self.widen(&settling);
                }
                Found::Nothing
            }
        }
    }

    /// The connection in the lane, if it is fit.
    pub(crate) fn take_from_lane(&self) -> Option<Object<Manager<C>>> {
        let mut object = self.lane().pop()?;
        // deadpool gives a better one, if there is any, or has it closed.
        let fit = self.trust.look_at(&mut object) == Fitness::Fit;
        fit.then_some(object)
    }

    // ----- putting

    /// Takes a connection back. Where somebody `waits`, it is handed over.
    pub(crate) fn put(&self, object: Object<Manager<C>>, waits: bool) {
        let mut lane = self.lane();
        // The one that came back last is to be taken first.
        let older = if waits { None } else { lane.pop() };
        lane.push(object);
        drop(lane);
        drop(older);
        self.announce();
    }

    /// Takes in a connection that deadpool does not know yet.
    pub(crate) fn offer(&self, pooled: Pooled<C>) {
        self.objects.manager().offer(pooled);
        self.widen(&self.settle());
        self.announce();
    }

    /// Lets deadpool hold as many connections as there are by now. It reserves memory for as
    /// many as it may ever hold, which is most often not needed, and may be more than there is.
    ///
    /// What it reserved for the most that there ever were, a few words for each, it keeps.
    ///
    /// One that is just on its way into deadpool is neither offered any more nor counted there
    /// yet. Whoever finds nothing for want of its place widens it again.
    fn widen(&self, _settling: &MutexGuard<'_, ()>) {
        let status = self.objects.status();
        let needed = status.size + self.objects.manager().offered();
        if needed > status.max_size {
            let wide = needed.checked_next_power_of_two().unwrap_or(needed);
            self.objects.resize(wide.min(self.max));
        }
    }

    /// Takes a connection back whose permit somebody has still.
    pub(crate) fn put_back(&self, object: Object<Manager<C>>) {
        drop(object);
        self.close_what_came_late();
    }

    /// One more connection can be had.
    fn announce(&self) {
        wake(&self.ready, 1);
        self.close_what_came_late();
    }

    /// The store may have been closed since a connection was last in it.
    fn close_what_came_late(&self) {
        if self.ready.is_closed() {
            self.retire(Reason::Shutdown, |_| true);
        }
    }

    /// Wakes this many of those who wait, without anything to be had.
    pub(crate) fn wake(&self, callers: usize) {
        wake(&self.ready, callers);
    }

    /// Lets nobody have one connection that is in store, for which this permit stood,
    /// until [`release`](Self::release) is called.
    pub(crate) fn withhold(&self, permit: Permit<'_>) {
        self.withheld.fetch_add(1, Ordering::AcqRel);
        permit.forget();
    }

    /// Lets callers have what was withheld.
    pub(crate) fn release(&self) {
        wake(&self.ready, self.withheld.swap(0, Ordering::AcqRel));
    }

    // ----- looking through

    /// Takes those connections out that `pick` picks.
    pub(crate) fn extract(&self, mut pick: impl FnMut(&Entry<C>) -> bool) -> Vec<Pooled<C>> {
        let _settling = self.settle();
        let picked = self.lane().extract(|object| pick(object));
        let mut picked: Vec<_> = picked.into_iter().map(Object::take).collect();
        picked.extend(self.objects.retain(|pooled, _| !pick(pooled)).removed);
        picked.extend(self.objects.manager().withdraw(|pooled| !pick(pooled)));
        for _ in &picked {
            // Their permits, if they have any; one that a caller holds already will prove
            // stale.
            let withheld =
                self.withheld
                    .fetch_update(Ordering::AcqRel, Ordering::Acquire, |withheld| {
                        withheld.checked_sub(1)
                    });
            if withheld.is_err()
                && let Ok(permit) = self.ready.try_acquire()
            {
                permit.forget();
            }
        }
        picked
    }

    /// Closes those connections that `pick` picks.
    pub(crate) fn retire(&self, reason: Reason, pick: impl FnMut(&Entry<C>) -> bool) {
        for pooled in self.extract(pick) {
            pooled.retire(reason);
        }
    }

    /// Closes one connection that has been idle since then, to make room for others.
    pub(crate) fn evict(&self, since: Instant) {
        let mut found = false;
        self.retire(Reason::Evicted, |entry| {
            let this = !found && entry.idle_since == since;
            found |= this;
            this
        });
    }

    /// Since when the least recently used connection has been idle.
    pub(crate) fn idlest(&self) -> Option<Instant> {
        let mut idlest: Option<Instant> = None;
        let mut look = |entry: &Entry<C>| {
            let since = entry.idle_since;
            idlest = Some(idlest.map_or(since, |other| other.min(since)));
        };
        self.lane().iter().for_each(|object| look(object));
        self.objects.retain(|pooled, _| {
            look(pooled);
            true
        });
        self.objects.manager().withdraw(|pooled| {
            look(pooled);
            true
        });
        idlest
    }

    /// How many connections are in store.
    pub(crate) fn len(&self) -> usize {
        self.lane().len() + self.objects.status().available + self.objects.manager().offered()
    }

    // ----- state

    /// Casts doubt on all connections in store.
    pub(crate) fn cast_doubt(&self) {
        self.trust.cast_doubt();
        self.objects.manager().trust().cast_doubt();
    }

    /// The doubt that a connection opened now is clear of.
    pub(crate) fn doubt(&self) -> u64 {
        self.trust.doubt()
    }

    /// The sign of life that one of the connections gave last.
    pub(crate) fn last_sign(&self) -> u64 {
        self.objects.manager().last_sign()
    }

    /// Gives out nothing any more, tells all who wait, and closes what is in store.
    pub(crate) fn close(&self) {
        tell(|| self.ready.close());
        self.retire(Reason::Shutdown, |_| true);
    }

    fn settle(&self) -> MutexGuard<'_, ()> {
        self.settling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lane(&self) -> MutexGuard<'_, Lane<Object<Manager<C>>>> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
