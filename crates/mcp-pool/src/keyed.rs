//! The connections of one server and scope: what there is of them, and the checkout.

use std::sync::{
    Arc, Mutex, Weak,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use deadpool::managed::Object;
use mcp_domain::{Connector, Error, ErrorKind, PoolStats, Scope};
use tokio::{sync::Semaphore, time::Instant};

use crate::{
    counters::{Checkout, Counters, Reason},
    growth::{Census, Sharing},
    held::Held,
    manager::Manager,
    registry::Registry,
    server::Core,
    sharing::{Limits, Seat, Shared},
    store::{Closed, Store},
    told::wake,
};

mod checking;
mod counted;
mod growing;
mod returning;
mod sparing;
mod waiting;

use self::{
    counted::{Counted, Open},
    growing::{Failing, Runtime},
    waiting::Waiting,
};

/// The connections of one server and scope.
///
/// What each checkout looks at lies close together, in the middle: from the last of the
/// counters to the first of the census. Where there are many keys, the way to memory is what takes most
/// of the time.
#[repr(C)]
pub(crate) struct Keyed<C: Connector> {
    /// Which it is among all of its pool.
    pub(crate) number: u64,
    pub(crate) scope: Scope,
    pub(crate) registry: Weak<Registry<C>>,
    pub(crate) counters: Counters,
    pub(crate) core: Arc<Core<C>>,
    /// Is it among those who may have something idle?
    is_ranked: AtomicBool,
    /// Those that nobody uses.
    pub(crate) store: Store<C>,
    census: Counted,
    /// Those that several callers use at this moment.
    pub(crate) shared: Shared<C>,
    /// Where callers who may share wait for room on a connection in use, with one permit
    /// for each who has been invited and has not come yet.
    room: Semaphore,
    failing: Mutex<Failing>,
    /// Where one of those who wait runs, and connections are opened for them: whoever sees
    /// to it may be elsewhere.
    runtime: Mutex<Option<Runtime>>,
    /// Is that known? Written under its lock.
    knows_runtime: AtomicBool,
    /// The number of the next caller who waits.
    next_caller: AtomicU64,
    /// When to connect again, in milliseconds since `born`; 0 if the last attempt
    /// succeeded, or the pause after it is over.
    retry_at: AtomicU64,
    born: Instant,
    /// How many handles callers have of it.
    handles: AtomicUsize,
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
    Together(Seat<C>),
}

impl<C: Connector> Taken<C> {
    pub(crate) fn held(&self) -> &Arc<Held<C>> {
        match self {
            Self::Alone(object) => &object.held,
            Self::Together(seat) => &seat.held,
        }
    }

    pub(crate) fn connection(&self) -> &Arc<C::Connection> {
        &self.held().connection
    }

    /// When it was checked out, if that was noted.
    pub(crate) fn since(&self) -> Option<Instant> {
        match self {
            Self::Alone(object) => Some(object.taken_at),
            Self::Together(seat) => seat.since,
        }
    }
}

/// What becomes of a connection that comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Close(Reason),
    Reuse,
}

/// What the end of a call says of how long calls take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// It ran to its end, and ended then; `None` if it never suspended, and so took no time.
    Call(Option<Instant>),
    /// It was a lease.
    Lease,
    /// Nothing: it was cut short.
    Nothing,
}

impl<C: Connector> Keyed<C> {
    pub(crate) fn new(
        number: u64,
        core: Arc<Core<C>>,
        scope: Scope,
        registry: Weak<Registry<C>>,
    ) -> Self {
        Self {
            number,
            store: Store::new(core.settings),
            counters: Counters::of(&core),
            core,
            scope,
            registry,
            shared: Shared::default(),
            room: Semaphore::new(0),
            census: Counted::default(),
            failing: Mutex::default(),
            runtime: Mutex::default(),
            knows_runtime: AtomicBool::new(false),
            next_caller: AtomicU64::new(0),
            retry_at: AtomicU64::new(0),
            born: Instant::now(),
            handles: AtomicUsize::new(0),
            is_ranked: AtomicBool::new(false),
        }
    }

    // ----- checkout

    /// Takes a connection: an idle one, else room on one in use, else whatever comes first.
    /// It is put where it is to stay: what is returned is moved once for each caller in between.
    ///
    /// # Cancel safety
    ///
    /// A caller who gives up leaves nothing behind. Connections that are being
    /// opened for it land in the pool.
    pub(crate) async fn checkout(
        self: &Arc<Self>,
        how: Use,
        taken: &mut Option<Taken<C>>,
    ) -> Result<(), Error> {
        if let Some(permit) = self.store.try_permit().map_err(closed)? {
            // For whoever begins to wait between these two, it is neither idle nor in use, and
            // one more may be opened: to be counted meanwhile would cost each call a lock. So
            // it is while the last of several callers gives one back.
            if let Some(object) = self.take(permit, None) {
                self.hand_out(object, how, Checkout::Hit, taken);
                return Ok(());
            }
            // It may have been there to wake one who has begun to wait and is not in the
            // queue yet.
            self.grow();
        }
        // Who waits for room goes first, also who has been told of it and is just taking it.
        if how == Use::Together && self.join(|census| census.together, taken) {
            return Ok(());
        }
        self.wait(how, taken).await
    }

    async fn wait(self: &Arc<Self>, how: Use, taken: &mut Option<Taken<C>>) -> Result<(), Error> {
        let mut waiting = Waiting::begin(self, how);
        // Also where connections are not shared at present: they may be in a moment.
        let may_join = how == Use::Together && self.core.settings.sharing != Sharing::Exclusive;
        if may_join {
            // Room may have come up before this caller was known to wait for it.
            self.invite();
        }
        loop {
            tokio::select! {
                biased;
                permit = self.store.permit() => {
                    let permit = permit.map_err(closed)?;
                    if let Some(object) = waiting.take_alone() {
                        permit.forget();
                        self.hand_out(object, how, Checkout::Wait, taken);
                        return Ok(());
                    }
                    waiting.takes();
                    if let Some(object) = self.take(permit, Some(waiting.last_sign)) {
                        waiting.end();
                        let kind = if object.used { Checkout::Wait } else { Checkout::Connect };
                        self.hand_out(object, how, kind, taken);
                        return Ok(());
                    }
                    waiting.found_nothing();
                }
                invitation = self.room.acquire(), if may_join => {
                    if let Ok(invitation) = invitation {
                        invitation.forget();
                        if waiting.join(taken) {
                            return Ok(());
                        }
                    }
                }
                // After the permit: who is in the queue is woken, who is not looks here.
                failure = waiting.told() => return Err(failure),
            }
            drop(self.wait_here(Some(waiting.number)));
            self.grow();
        }
    }

    /// Puts this connection where it is to stay, before anybody hears of it: it is given back
    /// from there, whatever they do.
    fn hand_out(
        &self,
        mut object: Object<Manager<C>>,
        how: Use,
        kind: Checkout,
        taken: &mut Option<Taken<C>>,
    ) {
        object.used = true;
        let alone = how == Use::Alone || object.held.room.min(self.core.callers()) == 1;
        *taken = Some(if alone {
            Taken::Alone(object)
        } else {
            Taken::Together(self.shared.insert(object))
        });
        self.counters.checkout(kind);
        if !alone {
            self.invite();
        }
    }

    /// Joins a connection in use, if there is room beside that for those `before` this caller.
    /// Tells whether it did.
    fn join(&self, before: impl FnOnce(&Census) -> usize, taken: &mut Option<Taken<C>>) -> bool {
        if !self.core.may_share() {
            return false;
        }
        let limits = if self.census.anybody_waits() {
            let census = self.census();
            Limits {
                before: before(&census),
                ..self.limits(&census)
            }
        } else {
            // Who begins to wait just now is invited when this caller leaves.
            self.limits(&Census::default())
        };
        let Some(seat) = self.shared.join(limits, self.core.is_watched()) else {
            return false;
        };
        *taken = Some(Taken::Together(seat));
        self.counters.checkout(Checkout::Share);
        self.invite();
        true
    }

    /// Wakes those who wait for room, as many as there is room for. Called after each
    /// change of the connections in use.
    fn invite(&self) {
        if !self.census.anybody_waits() {
            return;
        }
        let mut census = self.lock_census();
        if census.together == 0 {
            return;
        }
        let room = self.shared.room(self.limits(&census));
        let more = room.min(census.together).saturating_sub(census.invited);
        census.invited += more;
        drop(census);
        wake(&self.room, more);
    }

    fn limits(&self, census: &Census) -> Limits {
        Limits {
            callers: self.core.callers(),
            // Those for whom none is being opened or checked wait for one in use.
            spare: census.alone.saturating_sub(census.coming()),
            before: 0,
        }
    }

    // ----- state

    /// The pool, if somebody starves: all places are taken.
    fn under_pressure(&self) -> Option<Arc<Registry<C>>> {
        let pressure = self.core.pressure.load(Ordering::Relaxed);
        (pressure > 0).then(|| self.registry.upgrade()).flatten()
    }

    /// Somebody has one more handle.
    pub(crate) fn add_handle(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody has one handle less. Tells whether it was the last.
    pub(crate) fn remove_handle(&self) -> bool {
        self.handles.fetch_sub(1, Ordering::AcqRel) == 1
    }

    pub(crate) fn has_handles(&self) -> bool {
        self.handles.load(Ordering::Acquire) > 0
    }

    pub(crate) fn census(&self) -> Census {
        *self.lock_census()
    }

    /// Adds the figures of this server and scope to `stats`.
    pub(crate) fn add_to(&self, stats: &mut PoolStats) {
        let live = self.census().live as u64;
        let idle = self.store.len() as u64;
        stats.total_connections += live;
        stats.available_connections += idle.min(live);
        stats.active_connections += live.saturating_sub(idle);
        stats.max_connections += self.core.settings.max_connections as u64;
        self.counters.add_to(stats);
    }

    fn lock_census(&self) -> Open<'_> {
        #[cfg(test)]
        tests::LOOKS.set(tests::LOOKS.get() + 1);
        self.census.lock()
    }
}

fn closed(_: Closed) -> Error {
    Error::new(ErrorKind::Closed, "the pool is closed")
}

#[cfg(test)]
mod tests;
