//! One pooled connection, and the place that it takes up.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mcp_domain::{Connection as _, Connector, Error, ErrorKind, Outcome};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout},
};

use crate::{counters::Reason, keyed::Keyed, registry::Registry, told::tell, verdict::outcome};

/// An open connection and what never changes about it.
#[derive(Debug)]
pub(crate) struct Held<C: Connector> {
    /// Which of the connections of its server it is, from 1.
    pub(crate) number: u64,
    pub(crate) connection: Arc<C::Connection>,
    /// When it is to be retired for its age; `None` for never.
    pub(crate) expires_at: Option<Instant>,
    /// How many callers it can serve at a time.
    pub(crate) room: usize,
    /// Has the breaker been told that it is dead?
    mourned: AtomicBool,
}

impl<C: Connector> Held<C> {
    pub(crate) fn new(
        number: u64,
        connection: C::Connection,
        expires_at: Option<Instant>,
        room: usize,
    ) -> Self {
        Self {
            number,
            connection: Arc::new(connection),
            expires_at,
            room,
            mourned: AtomicBool::new(false),
        }
    }

    /// Is the channel open? A connection that panics when it is asked is of no use.
    pub(crate) fn is_open(&self) -> bool {
        // It is asked while locks are held that nothing may poison.
        catch_unwind(AssertUnwindSafe(|| self.connection.is_open())).unwrap_or(false)
    }

    /// What a breaker should hear of a call on this connection, which others may share.
    /// That it died is one failure, however many callers it took along.
    pub(crate) fn outcome<T>(&self, result: &Result<T, Error>) -> Outcome {
        let died = result.as_ref().is_err_and(is_death);
        if died && self.mourned.swap(true, Ordering::Relaxed) {
            return Outcome::Ignored;
        }
        outcome(result)
    }
}

/// Does the call say that its connection is dead?
fn is_death(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Disconnected | ErrorKind::NotSent)
}

/// An open connection with its place, as deadpool stores it.
///
/// Dropping it closes the connection in the background; the place is free when
/// that is done.
///
/// Boxed, because deadpool's checkout and ours move it a dozen times.
pub(crate) type Pooled<C> = Box<Entry<C>>;

/// What is known of one pooled connection; first, and so close together, what each checkout
/// looks at.
#[repr(C)]
pub(crate) struct Entry<C: Connector> {
    pub(crate) held: Arc<Held<C>>,
    /// When its present or last user took it.
    pub(crate) taken_at: Instant,
    /// Since when nobody has used it.
    pub(crate) idle_since: Instant,
    /// When it last gave a sign of life.
    pub(crate) checked_at: Instant,
    /// The doubt that it has been cleared of; see [`Trust`](crate::manager::Trust).
    pub(crate) cleared: u64,
    /// Is the peer to be asked before it is handed out, as it looked last?
    pub(crate) doubtful: bool,
    /// Has it ever been handed out?
    pub(crate) used: bool,
    /// Why it is closed, should it be dropped now.
    pub(crate) reason: Reason,
    /// When it was opened.
    pub(crate) opened_at: Instant,
    /// Which sign of life it gave last, among all of its server and scope.
    pub(crate) sign: u64,
    place: Option<Place<C>>,
}

impl<C: Connector> Entry<C> {
    pub(crate) fn new(held: Held<C>, place: Place<C>, cleared: u64) -> Pooled<C> {
        let now = Instant::now();
        Box::new(Self {
            held: Arc::new(held),
            opened_at: now,
            taken_at: now,
            idle_since: now,
            checked_at: now,
            sign: 0,
            cleared,
            doubtful: false,
            used: false,
            reason: Reason::Shutdown,
            place: Some(place),
        })
    }

    /// Closes the connection for this reason.
    pub(crate) fn retire(mut self, reason: Reason) {
        self.reason = reason;
    }
}

/// A connection that dies unused within this time was no use from the start.
const INFANCY: Duration = Duration::from_secs(1);

impl<C: Connector> Drop for Entry<C> {
    fn drop(&mut self) {
        let stillborn =
            !self.used && self.reason == Reason::Died && self.idle_since.elapsed() < INFANCY;
        if let Some(place) = self.place.take() {
            let keyed = place.keyed.upgrade();
            place.vacate(Arc::clone(&self.held), self.reason);
            if let Some(keyed) = keyed.filter(|_| stillborn) {
                keyed.stillborn();
            }
        }
    }
}

impl<C: Connector> std::fmt::Debug for Entry<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").finish_non_exhaustive()
    }
}

/// A place among the connections of one server and scope, and of the whole pool.
///
/// Taken before a connect begins and given back when the connection is closed, so
/// that connections that are opening or closing count.
pub(crate) struct Place<C: Connector> {
    keyed: Weak<Keyed<C>>,
    registry: Weak<Registry<C>>,
    close_timeout: Duration,
    runtime: Handle,
    closing: bool,
}

impl<C: Connector> Place<C> {
    /// The caller has counted the place already.
    pub(crate) fn new(
        keyed: &Arc<Keyed<C>>,
        registry: Weak<Registry<C>>,
        close_timeout: Duration,
        runtime: Handle,
    ) -> Self {
        Self {
            keyed: Arc::downgrade(keyed),
            registry,
            close_timeout,
            runtime,
            closing: false,
        }
    }

    /// Closes the connection in the background, then frees the place.
    fn vacate(mut self, held: Arc<Held<C>>, reason: Reason) {
        if let Some(keyed) = self.keyed.upgrade() {
            keyed.left(reason);
        }
        if let Some(registry) = self.registry.upgrade() {
            registry.limit.closing();
            self.closing = true;
        }
        let runtime = self.runtime.clone();
        // Where the runtime is gone, the future is dropped at once, unpolled: the place is free
        // a moment before the connection goes, which whoever lets go of it here holds, too.
        runtime.spawn(async move {
            // Else the connection goes before its place, however this ends.
            let place = self;
            let held = held;
            match timeout(place.close_timeout, held.connection.close()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tell(|| {
                    tracing::debug!(error = %error.chain(), "a connection did not close properly");
                }),
                Err(_) => tell(|| tracing::warn!("a connection did not close in time")),
            }
        });
    }
}

impl<C: Connector> Drop for Place<C> {
    fn drop(&mut self) {
        let registry = self.registry.upgrade();
        if let Some(registry) = &registry {
            if self.closing {
                registry.limit.closed();
            }
            registry.limit.free();
        }
        let keyed = self.keyed.upgrade();
        if let Some(keyed) = &keyed {
            keyed.freed();
        }
        // First come, first served: who was refused a place goes before its last owner.
        if let Some(registry) = &registry {
            registry.limit.feed_the_starving();
            // Somebody else may have been quicker; while this was closing, nothing was
            // evicted for those who starve.
            registry.make_room();
        }
        if let Some(keyed) = &keyed {
            keyed.grow();
        }
        if let (Some(registry), Some(keyed)) = (&registry, &keyed) {
            registry.depopulate(keyed);
        }
    }
}

#[cfg(test)]
mod tests;
