//! Opening connections, and what becomes of the attempts.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use mcp_domain::{Connector, Error};
use tokio::runtime::Handle;

use super::Keyed;
use crate::{counters::Reason, growth::Census, held::Pooled};

/// While connects fail and open connections are in use, the next attempt waits this long.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

impl<C: Connector> Keyed<C> {
    /// Opens as many connections as are needed.
    pub(crate) fn grow(self: &Arc<Self>) {
        self.grow_after(|_| {});
    }

    /// Opens one more connection than are needed, if limits allow.
    pub(super) fn grow_by_one(self: &Arc<Self>) {
        self.grow_after(|census| census.extra = 1);
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
        let free = match census.together {
            0 => 0,
            _ => self.shared.room(self.limits(census)),
        };
        // Who has none goes before who is to have some in reserve.
        let others_starve = self.core.pressure.load(Ordering::Relaxed) > 0;
        let min = if others_starve {
            0
        } else {
            self.min_connections()
        };
        let idle = match census.waiting() {
            0 => 0,
            _ => self.store.len(),
        };
        census.openers(settings.max_connections, min, self.core.room(), free, idle)
    }

    fn open(self: &Arc<Self>) {
        let (Some(registry), Ok(runtime)) = (self.registry.upgrade(), Handle::try_current()) else {
            return;
        };
        if registry.is_closed() {
            return;
        }
        let mut census = self.lock_census();
        let wanted = self.openers(&mut census);
        let granted = registry.reserve(wanted);
        census.reserved += granted;
        census.opening += granted;
        census.extra = 0;
        let refused = (wanted - granted).min(census.waiting());
        let first = granted > 0 && census.reserved == granted;
        drop(census);
        if first {
            registry.populate(self);
        }
        if granted > 0 {
            registry.keep_up(&runtime);
        }
        for _ in 0..granted {
            crate::opening::spawn(self, &runtime);
        }
        if granted > 0 {
            // Who stood back for those that a connection is now opened for need not.
            self.invite();
        }
        if refused > 0 {
            registry.starve(self);
        }
    }

    /// A connect succeeded: hands the connection to whoever waits.
    pub(crate) fn opened(self: &Arc<Self>, pooled: Pooled<C>) {
        self.counters.opened();
        self.core.learn_room(pooled.held.room);
        self.failed_at.store(0, Ordering::Relaxed);
        self.lock_census().opened();
        self.store.offer(pooled);
        // Whom it was opened for may have gone.
        self.relieve();
        self.core.attempted.notify_waiters();
    }

    /// A connect failed: tells those who wait, if they wait in vain; else sees to it
    /// that another attempt is made in time.
    pub(crate) fn failed(self: &Arc<Self>, error: Error) {
        self.counters.failed_connect();
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        let now = now.max(1);
        self.failed_at.store(now, Ordering::Relaxed);
        let told = {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            let told = self.lock_census().failed();
            *failure = Some(error);
            told
        };
        self.core.attempted.notify_waiters();
        match told {
            Some(waiting) => self.store.wake(waiting),
            None => self.grow_later(now),
        }
    }

    /// Why the last connect that failed did so.
    pub(crate) fn failure(&self) -> Option<Error> {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.clone()
    }

    /// Ends the pause after the failure at this time, and goes on.
    fn grow_later(self: &Arc<Self>, failed_at: u64) {
        if let Ok(runtime) = Handle::try_current() {
            let keyed = Arc::downgrade(self);
            runtime.spawn(async move {
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                if let Some(keyed) = keyed.upgrade() {
                    let (last, order) = (&keyed.failed_at, Ordering::Relaxed);
                    // Not if it has failed again meanwhile.
                    let _ = last.compare_exchange(failed_at, 0, order, order);
                    keyed.grow();
                }
            });
        }
    }

    /// A connection was taken out of service; it still holds its place.
    pub(crate) fn left(&self, reason: Reason) {
        self.counters.closed(reason);
        tracing::debug!(
            mcp.client.connection.pool.name = %self.core.name,
            scope = %self.scope,
            reason = reason.label(),
            "connection.closed"
        );
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
        match self.failed_at.load(Ordering::Relaxed) {
            0 => false,
            at => self.born.elapsed() < Duration::from_millis(at) + PAUSE_AFTER_FAILURE,
        }
    }
}
