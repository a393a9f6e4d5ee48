//! Opening connections, and what becomes of the attempts.

use std::{
    sync::{Arc, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use mcp_domain::{Connector, Error, ErrorKind};
use tokio::runtime::Handle;

use super::Keyed;
use crate::{backoff::Waits, counters::Reason, growth::Census, held::Pooled, told::tell};

/// Connects that fail.
#[derive(Default)]
pub(super) struct Failing {
    /// Why the last one did so.
    why: Option<Error>,
    /// How long to pause after the next one; `None` if the last attempt succeeded.
    waits: Option<Box<Waits>>,
}

/// Where a caller waits.
pub(super) struct Runtime {
    caller: u64,
    handle: Handle,
}

impl<C: Connector> Keyed<C> {
    /// Opens as many connections as are needed.
    pub(crate) fn grow(self: &Arc<Self>) {
        self.grow_after(|_| {});
    }

    /// Opens one more connection than are needed, if limits allow.
    pub(super) fn grow_by_one(self: &Arc<Self>) {
        self.grow_after(|census| census.extra = 1);
        // Now or never: it is not owed.
        self.lock_census().extra = 0;
    }

    /// Changes the census, then opens as many connections as are needed.
    pub(super) fn grow_after(self: &Arc<Self>, change: impl FnOnce(&mut Census)) {
        let mut census = self.lock_census();
        change(&mut census);
        if census.may_check() {
            self.store.release();
        }
        let wanted = self.openers(&mut census);
        drop(census);
        // Mostly none are; the rest is not worth its cost then.
        if wanted > 0 {
            self.open();
        }
    }

    fn openers(&self, census: &mut Census) -> usize {
        let settings = &self.core.settings;
        census.failing = self.failed_recently();
        let max = settings.max_connections;
        if census.is_full(max) {
            return 0;
        }
        let free = match census.together {
            0 => 0,
            _ => self.shared.room(self.limits(census)),
        };
        let min = self.min_connections();
        let openers = |idle| census.openers(max, min, self.core.room(), free, idle);
        // Mostly none may be opened; then it need not be known what is idle.
        match openers(0) {
            0 => 0,
            _ => openers(self.store.len()),
        }
    }

    fn open(self: &Arc<Self>) {
        let Some(registry) = self.registry.upgrade().filter(|pool| !pool.is_closed()) else {
            return;
        };
        let Some(runtime) = self.where_to_open() else {
            return;
        };
        let mut census = self.lock_census();
        let wanted = self.openers(&mut census);
        let granted = registry.limit.reserve(wanted);
        census.begun(granted);
        let refused = (wanted - granted).min(census.waiting());
        let first = granted > 0 && census.reserved == granted;
        drop(census);
        if first {
            registry.populate(self);
        }
        // Each place that was counted is somebody's before others are told.
        for _ in 0..granted {
            crate::opening::spawn(self, &runtime);
        }
        if first {
            self.review();
        }
        if granted > 0 {
            registry.keep_up(&runtime);
            // Who stood back for those that a connection is now opened for need not.
            self.invite();
        }
        if refused > 0 {
            registry.starve(self);
        }
    }

    /// This caller waits on this runtime; which need not be known unless a connection may be
    /// opened for it, a `caller`. Tells what was known before, to be dropped where nothing is
    /// locked.
    ///
    /// # Panics
    ///
    /// If the caller is on none: woken to come here, it would be so for ever.
    pub(super) fn wait_here(&self, caller: Option<u64>) -> Option<Runtime> {
        if caller.is_none() && !self.knows_runtime.load(Ordering::Relaxed) {
            return None;
        }
        let here = caller.map(|caller| Runtime {
            caller,
            handle: Handle::current(),
        });
        let mut runtime = self.lock_runtime();
        self.knows_runtime.store(here.is_some(), Ordering::Relaxed);
        std::mem::replace(&mut runtime, here)
    }

    /// This caller waits no more. If it was the one whose runtime is known, that may be driven
    /// by nobody from now on, and is not known any more. Tells what was known, as above.
    pub(super) fn wait_no_more(&self, caller: u64) -> Option<Runtime> {
        if !self.knows_runtime.load(Ordering::Relaxed) {
            return None;
        }
        let mut runtime = self.lock_runtime();
        let former = runtime.take_if(|known| known.caller == caller);
        self.knows_runtime
            .store(runtime.is_some(), Ordering::Relaxed);
        former
    }

    /// The runtime on which to open a connection: that of those who wait, if anybody does.
    /// If it is not known, they are woken, to come here themselves.
    fn where_to_open(&self) -> Option<Handle> {
        let waiting = self.census().waiting();
        if waiting == 0 {
            return Handle::try_current().ok();
        }
        let known = self.lock_runtime();
        let runtime = known.as_ref().map(|known| known.handle.clone());
        drop(known);
        if runtime.is_none() {
            self.store.wake(waiting);
        }
        runtime
    }

    /// A connect succeeded: hands the connection to whoever waits.
    pub(crate) fn opened(self: &Arc<Self>, pooled: Pooled<C>) {
        self.counters.opened();
        self.core.learn_room(pooled.held.room);
        self.lock_failing().waits = None;
        self.retry_at.store(0, Ordering::Relaxed);
        self.lock_census().opened();
        self.store.offer(pooled);
        self.grow_after(|census| census.landing -= 1);
        // Whom it was opened for may have gone.
        self.relieve();
        tell(|| self.core.attempted.notify_waiters());
    }

    /// A connect failed: tells those who wait, if they wait in vain; else sees to it
    /// that another attempt is made in time.
    pub(crate) fn failed(self: &Arc<Self>, error: Error) {
        self.counters.failed_connect();
        self.come_to_nothing(error, Census::failed);
    }

    /// A connect ended with its runtime. That says nothing of the server: once its place is
    /// free, those who wait, which they do on another runtime, have another one begun there.
    pub(crate) fn aborted(self: &Arc<Self>) {
        let error = Error::new(
            ErrorKind::ConnectFailed,
            "the runtime that opened the connection has ended",
        );
        if self.census().waiting() == 0 {
            // The minimum can wait: another connect would be begun, and end, right here.
            return self.failed(error);
        }
        self.counters.failed_connect();
        self.lock_failing().why = Some(error);
        drop(self.wait_here(None));
        self.lock_census().aborted();
        tell(|| self.core.attempted.notify_waiters());
    }

    /// A connection died before it was of any use: that is as good as a connect that
    /// failed.
    pub(crate) fn stillborn(self: &Arc<Self>) {
        let error = Error::new(
            ErrorKind::ConnectFailed,
            "the connection was dead as soon as it was open",
        );
        self.come_to_nothing(error, Census::stillborn);
    }

    fn come_to_nothing(
        self: &Arc<Self>,
        error: Error,
        note: impl FnOnce(&mut Census) -> Option<usize>,
    ) {
        let (told, pause, retry_at) = {
            let mut failing = self.lock_failing();
            let waits = failing
                .waits
                .get_or_insert_with(|| Box::new(Waits::between_connects()));
            let pause = waits.next(error.retry_after());
            failing.why = Some(error);
            let retry_at = self.born.elapsed().saturating_add(pause).as_millis();
            let retry_at = u64::try_from(retry_at).unwrap_or(u64::MAX).max(1);
            self.retry_at.store(retry_at, Ordering::Relaxed);
            (note(&mut self.lock_census()), pause, retry_at)
        };
        tell(|| self.core.attempted.notify_waiters());
        match told {
            Some(waiting) => {
                self.store.wake(waiting);
                self.review();
            }
            None => self.grow_later(pause, retry_at),
        }
    }

    /// Why the last connect that failed did so.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.lock_failing().why.clone()
    }

    /// Is it news to the breaker that a caller has no connection because of a connect?
    /// However many wait for a connect that fails, it is one failure.
    pub(crate) fn is_news(&self) -> bool {
        self.lock_census().is_news()
    }

    /// Goes on after this pause, which ends at that time.
    fn grow_later(self: &Arc<Self>, pause: Duration, retry_at: u64) {
        if let Ok(runtime) = Handle::try_current() {
            let keyed = Arc::downgrade(self);
            runtime.spawn(async move {
                tokio::time::sleep(pause).await;
                if let Some(keyed) = keyed.upgrade() {
                    let (last, order) = (&keyed.retry_at, Ordering::Relaxed);
                    // Not if it has failed again meanwhile.
                    let _ = last.compare_exchange(retry_at, 0, order, order);
                    keyed.grow();
                }
            });
        }
    }

    /// A connection was taken out of service; it still holds its place.
    pub(crate) fn left(&self, reason: Reason) {
        self.counters.closed(reason);
        tell(|| {
            tracing::debug!(
                mcp.client.connection.pool.name = %self.core.name,
                scope = %self.scope,
                reason = reason.label(),
                "connection.closed"
            );
        });
        self.lock_census().live -= 1;
    }

    /// A place became free.
    pub(crate) fn freed(&self) {
        self.lock_census().reserved -= 1;
    }

    /// How many connections are kept open: of a scope that has ended, or a server
    /// that nobody has a handle of any more, none.
    pub(crate) fn min_connections(&self) -> usize {
        match self.scope.name() {
            None if self.has_handles() => self.core.settings.min_connections,
            _ => 0,
        }
    }

    fn failed_recently(&self) -> bool {
        match self.retry_at.load(Ordering::Relaxed) {
            0 => false,
            at => self.born.elapsed() < Duration::from_millis(at),
        }
    }

    fn lock_runtime(&self) -> MutexGuard<'_, Option<Runtime>> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_failing(&self) -> MutexGuard<'_, Failing> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
