//! The connections of one server and scope: checkout, return and growth.
//!
//! deadpool stores the idle connections. Callers wait at `ready`, a semaphore
//! with one permit for each connection that can be had at once, so that whoever
//! waits takes what comes first: a connection that comes back or one that was
//! just opened. A permit may be stale (its connection was found dead); whoever
//! draws it finds nothing and waits again. The reverse, a connection without a
//! permit, does not occur.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use deadpool::managed::{self, Object};
use mcp_domain::{Connector, Error, ErrorKind, PoolStats, Scope};
use tokio::{
    runtime::Handle,
    sync::{Notify, Semaphore, SemaphorePermit, watch},
    time::Instant,
};

use crate::{
    counters::{Checkout, Counters, Reason, add},
    growth::Census,
    held::{Held, Pooled},
    manager::{Manager, unfit},
    registry::Registry,
    server::Core,
    sharing::Shared,
};

/// While connects fail and open connections are in use, the next attempt waits this long.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The connections of one server and scope.
pub(crate) struct Keyed<C: Connector> {
    pub(crate) core: Arc<Core<C>>,
    pub(crate) scope: Scope,
    pub(crate) counters: Counters,
    pub(crate) registry: Weak<Registry<C>>,
    /// Connections that several callers use at this moment.
    pub(crate) shared: Shared<C>,
    /// Wakes one caller who may share when there is room on a connection in use.
    pub(crate) room: Notify,
    objects: managed::Pool<Manager<C>>,
    ready: Semaphore,
    census: Mutex<Census>,
    /// Why those who wait do so in vain.
    failures: watch::Sender<Option<Error>>,
    /// When it happened, in milliseconds since `born`; 0 if the last attempt succeeded.
    failed_at: AtomicU64,
    born: Instant,
}

/// How a caller wants to use a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// For itself, over several calls.
    Alone,
    /// For one call, beside others where that is safe.
    Together,
}

/// A connection that was checked out.
pub(crate) enum Taken<C: Connector> {
    Alone(Object<Manager<C>>),
    Together(Arc<Held<C>>),
}

impl<C: Connector> Taken<C> {
    pub(crate) fn connection(&self) -> &Arc<C::Connection> {
        match self {
            Self::Alone(object) => &object.held.connection,
            Self::Together(held) => &held.connection,
        }
    }
}

/// What becomes of a connection that comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Close(Reason),
    Reuse,
}

impl<C: Connector> Keyed<C> {
    pub(crate) fn new(core: Arc<Core<C>>, scope: Scope, registry: Weak<Registry<C>>) -> Self {
        let settings = core.settings;
        // Building fails only where timeouts are set without a runtime; none are.
        #[expect(clippy::expect_used, reason = "no timeouts are set")]
        let objects = managed::Pool::builder(Manager::new(settings))
            .max_size(settings.max_connections)
            .queue_mode(managed::QueueMode::Lifo)
            .build()
            .expect("a pool without timeouts");
        Self {
            core,
            scope,
            counters: Counters::default(),
            registry,
            shared: Shared::default(),
            room: Notify::new(),
            objects,
            ready: Semaphore::new(0),
            census: Mutex::default(),
            failures: watch::Sender::new(None),
            failed_at: AtomicU64::new(0),
            born: Instant::now(),
        }
    }

    // ----- checkout

    /// Takes a connection: an idle one, else room on one in use, else whatever comes first.
    ///
    /// # Cancel safety
    ///
    /// A caller who gives up leaves nothing behind. Connections that are being
    /// opened for it land in the pool.
    pub(crate) async fn checkout(self: &Arc<Self>, how: Use) -> Result<Taken<C>, Error> {
        if let Ok(permit) = self.ready.try_acquire()
            && let Some(object) = self.pick(permit).await?
        {
            return Ok(self.hand_out(object, how, Checkout::Hit));
        }
        if let Some(held) = self.join(how) {
            return Ok(Taken::Together(held));
        }
        // Boxed: the future of the way that is taken most stays small.
        Box::pin(self.wait(how)).await
    }

    async fn wait(self: &Arc<Self>, how: Use) -> Result<Taken<C>, Error> {
        let mut failures = self.failures.subscribe();
        let _waiting = Waiting::enter(self, how);
        loop {
            let paused = self.grow();
            tokio::select! {
                biased;
                permit = self.ready.acquire() => {
                    let permit = permit.map_err(|_| self.closed())?;
                    if let Some(object) = self.pick(permit).await? {
                        let kind = if object.used { Checkout::Wait } else { Checkout::Connect };
                        return Ok(self.hand_out(object, how, kind));
                    }
                }
                () = self.room.notified(), if how == Use::Together => {
                    if let Some(held) = self.join(how) {
                        return Ok(Taken::Together(held));
                    }
                }
                _ = failures.changed() => {
                    if let Some(failure) = &*failures.borrow_and_update() {
                        return Err(failure.clone());
                    }
                }
                () = tokio::time::sleep(PAUSE_AFTER_FAILURE), if paused => {}
            }
        }
    }

    /// The most recently used idle connection that is fit, or an offered one.
    ///
    /// The permit is used up only at the end: a caller who gives up while the
    /// connection is checked gives it back.
    async fn pick(&self, permit: SemaphorePermit<'_>) -> Result<Option<Object<Manager<C>>>, Error> {
        let picked = self.objects.get().await;
        permit.forget();
        match picked {
            Ok(object) => Ok(Some(object)),
            Err(managed::PoolError::Closed) => Err(self.closed()),
            Err(_) => Ok(None),
        }
    }

    fn hand_out(
        self: &Arc<Self>,
        mut object: Object<Manager<C>>,
        how: Use,
        kind: Checkout,
    ) -> Taken<C> {
        self.counters.checkout(kind);
        object.used = true;
        if how == Use::Alone || object.held.room == 1 {
            return Taken::Alone(object);
        }
        let held = Arc::clone(&object.held);
        self.shared.insert(object);
        self.invite();
        Taken::Together(held)
    }

    /// Joins a connection in use, if it has room.
    fn join(self: &Arc<Self>, how: Use) -> Option<Arc<Held<C>>> {
        if how == Use::Alone {
            return None;
        }
        let held = self.shared.join()?;
        self.counters.checkout(Checkout::Share);
        self.invite();
        Some(held)
    }

    /// Wakes the next caller who may share, if there is room left for it.
    fn invite(&self) {
        if self.census().together > 0 && self.shared.room() > 0 {
            self.room.notify_one();
        }
    }

    // ----- return

    /// Takes a connection back.
    pub(crate) fn give_back(self: &Arc<Self>, taken: Taken<C>, fate: Fate) {
        if matches!(fate, Fate::Close(Reason::Died)) {
            self.objects.manager().cast_doubt();
        }
        match taken {
            Taken::Alone(object) => self.give_back_object(object, fate),
            Taken::Together(held) => match self.shared.leave(&held, fate) {
                Some((object, fate)) => self.give_back_object(object, fate),
                None => self.invite(),
            },
        }
    }

    fn give_back_object(&self, mut object: Object<Manager<C>>, fate: Fate) {
        let now = Instant::now();
        object.idle_since = now;
        let fate = match fate {
            Fate::Reuse => unfit(&object, now).map_or(fate, Fate::Close),
            Fate::Close(_) => fate,
        };
        match fate {
            Fate::Close(reason) => Object::take(object).retire(reason),
            Fate::Reuse => {
                drop(object);
                self.announce();
            }
        }
    }

    // ----- growth

    /// Opens as many connections as are needed. Tells whether that was put off
    /// because connecting failed a moment ago.
    pub(crate) fn grow(self: &Arc<Self>) -> bool {
        let (Some(registry), Ok(runtime)) = (self.registry.upgrade(), Handle::try_current()) else {
            return false;
        };
        if registry.is_closed() {
            return false;
        }
        let settings = &self.core.settings;
        let free = self.shared.room();
        let mut census = self.lock_census();
        census.failing = self.failed_recently();
        let wanted = census.openers(
            settings.max_connections,
            self.min_connections(),
            self.core.room(),
            free,
        );
        let granted = registry.reserve(wanted);
        census.reserved += granted;
        census.opening += granted;
        let paused = census.failing && census.live > 0 && census.waiting() > 0;
        let refused = (wanted - granted).min(census.waiting());
        drop(census);
        for _ in 0..granted {
            crate::opening::spawn(self, &runtime);
        }
        if refused > 0 {
            registry.starve(refused);
        }
        if granted > 0 {
            registry.keep_up(&runtime);
        }
        paused
    }

    /// A connect succeeded: hands the connection to whoever waits.
    pub(crate) fn opened(self: &Arc<Self>, pooled: Pooled<C>) {
        add(&self.counters.opened);
        self.core.learn_room(pooled.held.room);
        self.failed_at.store(0, Ordering::Relaxed);
        self.lock_census().opened();
        self.offer(pooled);
    }

    /// A connect failed: tells those who wait, if they wait in vain.
    pub(crate) fn failed(&self, error: Error) {
        add(&self.counters.failed_connects);
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.failed_at.store(now.max(1), Ordering::Relaxed);
        let in_vain = self.lock_census().failed();
        // Who does not wait in vain looks how to go on.
        self.failures.send_replace(in_vain.then_some(error));
    }

    /// A connection was taken out of service; it still holds its place.
    pub(crate) fn left(&self, reason: Reason) {
        self.counters.closed(reason);
        self.lock_census().live -= 1;
    }

    /// A place became free.
    pub(crate) fn freed(self: &Arc<Self>) {
        self.lock_census().reserved -= 1;
        self.grow();
    }

    /// How many connections are kept open: of a scope that has ended, none.
    pub(crate) fn min_connections(&self) -> usize {
        match self.scope.name() {
            None => self.core.settings.min_connections,
            Some(_) => 0,
        }
    }

    fn failed_recently(&self) -> bool {
        match self.failed_at.load(Ordering::Relaxed) {
            0 => false,
            at => self.born.elapsed() < Duration::from_millis(at) + PAUSE_AFTER_FAILURE,
        }
    }

    // ----- idle connections

    /// Puts an open connection where the next caller finds it.
    pub(crate) fn offer(&self, pooled: Pooled<C>) {
        self.objects.manager().offer(pooled);
        self.announce();
    }

    /// One more connection can be had.
    fn announce(&self) {
        self.ready.add_permits(1);
        // The pool may have been closed since the connection was last in store.
        if self.is_closed() {
            self.retire_idle(Reason::Shutdown, |_| true);
        }
    }

    /// Takes those idle connections out of store that `pick` picks.
    pub(crate) fn take_idle(&self, mut pick: impl FnMut(&Pooled<C>) -> bool) -> Vec<Pooled<C>> {
        let mut removed = self.objects.retain(|pooled, _| !pick(pooled)).removed;
        removed.extend(self.objects.manager().withdraw(|pooled| !pick(pooled)));
        for _ in &removed {
            // Their permits; one that a caller holds already will prove stale.
            if let Ok(permit) = self.ready.try_acquire() {
                permit.forget();
            }
        }
        removed
    }

    /// Closes those idle connections that `pick` picks.
    pub(crate) fn retire_idle(&self, reason: Reason, pick: impl FnMut(&Pooled<C>) -> bool) {
        for pooled in self.take_idle(pick) {
            pooled.retire(reason);
        }
    }

    /// Closes one connection that has been idle since then, to make room for others.
    pub(crate) fn evict(&self, since: Instant) {
        let mut found = false;
        self.retire_idle(Reason::Evicted, |pooled| {
            let this = !found && pooled.idle_since == since;
            found |= this;
            this
        });
    }

    /// Since when the least recently used connection has been idle.
    pub(crate) fn idlest(&self) -> Option<Instant> {
        let mut idlest: Option<Instant> = None;
        let mut look = |pooled: &Pooled<C>| {
            let since = pooled.idle_since;
            idlest = Some(idlest.map_or(since, |other| other.min(since)));
            true
        };
        self.objects.retain(|pooled, _| look(pooled));
        self.objects.manager().withdraw(look);
        idlest
    }

    // ----- state

    /// The doubt that a connection opened now is clear of.
    pub(crate) fn doubt(&self) -> u64 {
        self.objects.manager().doubt()
    }

    pub(crate) fn census(&self) -> Census {
        *self.lock_census()
    }

    /// Admits no caller any more and closes what is idle.
    pub(crate) fn close(&self) {
        self.ready.close();
        self.retire_idle(Reason::Shutdown, |_| true);
    }

    fn is_closed(&self) -> bool {
        self.ready.is_closed()
    }

    fn closed(&self) -> Error {
        Error::new(ErrorKind::Closed, "the pool is closed")
    }

    /// Adds the figures of this server and scope to `stats`.
    pub(crate) fn add_to(&self, stats: &mut PoolStats) {
        let live = self.census().live as u64;
        let idle = (self.objects.status().available + self.objects.manager().offered()) as u64;
        stats.total_connections += live;
        stats.available_connections += idle.min(live);
        stats.active_connections += live.saturating_sub(idle);
        stats.max_connections += self.core.settings.max_connections as u64;
        self.counters.add_to(stats);
    }

    fn lock_census(&self) -> MutexGuard<'_, Census> {
        self.census.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a caller as waiting while it lives.
struct Waiting<'k, C: Connector> {
    keyed: &'k Arc<Keyed<C>>,
    how: Use,
    epoch: u64,
}

impl<'k, C: Connector> Waiting<'k, C> {
    fn enter(keyed: &'k Arc<Keyed<C>>, how: Use) -> Self {
        let mut census = keyed.lock_census();
        match how {
            Use::Alone => census.alone += 1,
            Use::Together => census.together += 1,
        }
        let epoch = census.epoch;
        drop(census);
        Self { keyed, how, epoch }
    }
}

impl<C: Connector> Drop for Waiting<'_, C> {
    fn drop(&mut self) {
        let mut census = self.keyed.lock_census();
        if census.epoch == self.epoch {
            match self.how {
                Use::Alone => census.alone -= 1,
                Use::Together => census.together -= 1,
            }
        }
        let others = census.waiting() > 0;
        drop(census);
        if others {
            // It may have been woken for room that it did not take, and have been given
            // a connection that others had counted on.
            self.keyed.invite();
            self.keyed.grow();
        }
    }
}
