//! The connections that several callers use at the same time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deadpool::managed::Object;
use mcp_domain::Connector;
use tokio::time::Instant;

use crate::{counters::Reason, held::Held, keyed::Fate, manager::Manager};

use self::payoff::Departure;

pub(crate) mod payoff;

/// The shared connections of one server and scope that are in use.
///
/// There are at most `max_connections` of them, so a list that is searched from
/// end to end will do.
pub(crate) struct Shared<C: Connector>(Mutex<Vec<InUse<C>>>);

struct InUse<C: Connector> {
    object: Object<Manager<C>>,
    callers: usize,
    /// Calls that were abandoned and may still keep the server busy.
    draining: usize,
    fate: Fate,
    /// The number of the next call on it.
    next: u64,
    /// The call that later ones are compared with, while it lasts.
    leader: Option<u64>,
    /// Calls that began after the leader and have ended before it.
    overtook: u64,
}

/// One caller's part of a shared connection.
pub(crate) struct Seat<C: Connector> {
    pub(crate) held: Arc<Held<C>>,
    /// The number of the call on its connection, from 0.
    call: u64,
    /// When it began, where that is of interest.
    pub(crate) since: Option<Instant>,
}

impl<C: Connector> Seat<C> {
    /// Was nobody on the connection when its caller took it?
    pub(crate) fn is_first(&self) -> bool {
        self.call == 0
    }
}

/// What is left when a caller has left.
pub(crate) enum Left<C: Connector> {
    /// Others are still on the connection, or it is none of this list's.
    Others,
    /// Nobody: the connection is to be given back, with the worst fate that any
    /// caller gave it.
    Nobody(Object<Manager<C>>, Fate),
}

/// How many callers may join.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// No connection may have more callers than this, whatever it has room for.
    pub(crate) callers: usize,
    /// This many connections, those with the fewest callers, are to be left alone:
    /// somebody waits to have one for itself.
    pub(crate) spare: usize,
    /// So many callers have a better right to what room there is.
    pub(crate) before: usize,
}

impl<C: Connector> InUse<C> {
    fn room(&self, limits: Limits) -> usize {
        let joinable = self.draining == 0 && self.fate == Fate::Reuse && self.object.held.is_open();
        let room = self.object.held.room.min(limits.callers);
        if joinable {
            room.saturating_sub(self.callers)
        } else {
            0
        }
    }

    /// Notes that this caller leaves, and tells how it went if that was measured.
    fn depart(&mut self, seat: &Seat<C>, now: Option<Instant>) -> Option<Departure> {
        let leads = self.leader == Some(seat.call);
        let overtook = self.leader.is_some_and(|leader| seat.call > leader);
        self.overtook += u64::from(overtook);
        self.callers -= 1;
        let mut kept_waiting = 0;
        if leads {
            let later = (self.next - 1 - seat.call).saturating_sub(self.overtook);
            kept_waiting = self
                .callers
                .min(usize::try_from(later).unwrap_or(usize::MAX));
            self.leader = None;
            self.overtook = 0;
        }
        Some(Departure {
            first: seat.call == 0,
            took: now?.saturating_duration_since(seat.since?),
            overtook,
            kept_waiting: u32::try_from(kept_waiting).unwrap_or(u32::MAX),
        })
    }
}

impl<C: Connector> Default for Shared<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C: Connector> Shared<C> {
    /// Adds a connection with its first caller.
    pub(crate) fn insert(&self, object: Object<Manager<C>>) -> Seat<C> {
        let seat = Seat {
            held: Arc::clone(&object.held),
            call: 0,
            since: Some(object.taken_at),
        };
        self.lock().push(InUse {
            object,
            callers: 1,
            draining: 0,
            fate: Fate::Reuse,
            next: 1,
            leader: Some(0),
            overtook: 0,
        });
        seat
    }

    /// Joins the connection with the fewest callers, if any has room. `watched` says
    /// whether it is of interest how long the call will take.
    pub(crate) fn join(&self, limits: Limits, watched: bool) -> Option<Seat<C>> {
        let mut all = self.lock();
        let index = if (limits.spare, limits.before) == (0, 0) {
            let open = all
                .iter()
                .enumerate()
                .filter(|(_, one)| one.room(limits) > 0);
            open.min_by_key(|(_, one)| one.callers)?.0
        } else {
            let mut by_callers: Vec<_> = (0..all.len()).collect();
            by_callers.sort_by_key(|&index| all[index].callers);
            let joinable = &by_callers[limits.spare.min(all.len())..];
            let room: usize = joinable.iter().map(|&index| all[index].room(limits)).sum();
            if room <= limits.before {
                return None;
            }
            let mut joinable = joinable.iter().copied();
            joinable.find(|&index| all[index].room(limits) > 0)?
        };
        let one = &mut all[index];
        let call = one.next;
        one.next += 1;
        one.callers += 1;
        if one.leader.is_none() {
            one.leader = Some(call);
        }
        Some(Seat {
            held: Arc::clone(&one.object.held),
            call,
            since: watched.then(Instant::now),
        })
    }

    /// For how many more callers is there room?
    pub(crate) fn room(&self, limits: Limits) -> usize {
        let all = self.lock();
        all.iter().map(|one| one.room(limits)).sum()
    }

    /// Lets nobody join a connection that is to be retired for its age: it is closed when the
    /// last caller leaves it.
    pub(crate) fn retire_the_old(&self, now: Instant) {
        for one in &mut *self.lock() {
            if one.fate == Fate::Reuse && one.object.held.expires_at.is_some_and(|at| now >= at) {
                one.fate = Fate::Close(Reason::Age);
            }
        }
    }

    /// Lets nobody join this connection, if it may go, which depends on when it was opened:
    /// it is closed when the last caller leaves it. Tells whether that is so.
    pub(crate) fn cede(&self, held: &Arc<Held<C>>, may_go: impl FnOnce(Instant) -> bool) -> bool {
        let mut ceded = false;
        self.with(held, |one| {
            ceded = one.fate == Fate::Reuse && may_go(one.object.opened_at);
            if ceded {
                one.fate = Fate::Close(Reason::Evicted);
            }
        });
        ceded
    }

    /// Lets callers join one of those again that were [ceded](Self::cede). Tells whether there
    /// was one.
    pub(crate) fn reprieve(&self) -> bool {
        let mut all = self.lock();
        let mut ceded = all.iter_mut();
        let ceded = ceded.find(|one| one.fate == Fate::Close(Reason::Evicted));
        ceded.map(|one| one.fate = Fate::Reuse).is_some()
    }

    /// Lets nobody join this connection until [`drained`](Self::drained) is called.
    pub(crate) fn drain(&self, held: &Arc<Held<C>>) {
        self.with(held, |one| one.draining += 1);
    }

    /// The abandoned call does not keep the server busy any more.
    pub(crate) fn drained(&self, held: &Arc<Held<C>>) {
        self.with(held, |one| one.draining -= 1);
    }

    /// One caller leaves. `now` is given where it is of interest how it went.
    pub(crate) fn leave(
        &self,
        seat: &Seat<C>,
        fate: Fate,
        now: Option<Instant>,
    ) -> (Left<C>, Option<Departure>) {
        let mut all = self.lock();
        let Some(index) = position(&all, &seat.held) else {
            return (Left::Others, None);
        };
        let one = &mut all[index];
        let departure = one.depart(seat, now);
        if one.fate == Fate::Reuse {
            one.fate = fate;
        }
        if one.callers > 0 {
            return (Left::Others, departure);
        }
        let one = all.swap_remove(index);
        (Left::Nobody(one.object, one.fate), departure)
    }

    fn with(&self, held: &Arc<Held<C>>, change: impl FnOnce(&mut InUse<C>)) {
        let mut all = self.lock();
        if let Some(index) = position(&all, held) {
            change(&mut all[index]);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<InUse<C>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn position<C: Connector>(all: &[InUse<C>], held: &Arc<Held<C>>) -> Option<usize> {
    all.iter()
        .position(|one| Arc::ptr_eq(&one.object.held, held))
}
