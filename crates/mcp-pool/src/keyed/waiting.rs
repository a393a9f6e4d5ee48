//! A caller who waits, and is counted as long as it does.

use std::{
    future::poll_fn,
    sync::{Arc, atomic::Ordering},
    task::Poll,
};

use deadpool::managed::Object;
use mcp_domain::{Connector, Error};

use super::{Keyed, Taken, Use};
use crate::{manager::Manager, store::Store};

/// Counts a caller as waiting while it lives.
pub(super) struct Waiting<'k, C: Connector> {
    keyed: &'k Arc<Keyed<C>>,
    /// Which it is among those who ever waited.
    pub(super) number: u64,
    how: Use,
    /// The sign of life that a connection had given last when it began to wait.
    pub(super) last_sign: u64,
    epoch: u64,
    /// Has it got what it waited for?
    served: bool,
    counted: As,
}

/// What a caller is counted as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    /// Nothing yet, which becomes `Waiting`; or nothing any more.
    Nobody,
    /// One who waits. Becomes `Taking`, `Joining` or, for good, `Nobody`.
    Waiting,
    /// Besides, one who is taking a connection: others count on that until it is known to be
    /// in use. Becomes `Waiting` if there is none, else `Nobody`.
    Taking,
    /// Besides, one who is taking room on a connection: nothing is to be opened for it any
    /// more. Becomes `Waiting` if there is none, else `Nobody`.
    Joining,
}

impl<'k, C: Connector> Waiting<'k, C> {
    /// Begins to wait, and opens connections if that is needed.
    pub(super) fn begin(keyed: &'k Arc<Keyed<C>>, how: Use) -> Self {
        let last_sign = keyed.store.last_sign();
        let max = keyed.core.settings.max_connections;
        let number = keyed.next_caller.fetch_add(1, Ordering::Relaxed);
        let mut waiting = Self {
            keyed,
            number,
            how,
            last_sign,
            epoch: 0,
            served: false,
            counted: As::Nobody,
        };
        let mut _previous = None;
        keyed.grow_after(|census| {
            _previous = keyed.wait_here((!census.is_full(max)).then_some(number));
            waiting.epoch = census.epoch;
            match how {
                Use::Alone => census.alone += 1,
                Use::Together => census.together += 1,
            }
            // Whatever happens from here on, it is counted until it is dropped.
            waiting.counted = As::Waiting;
        });
        waiting
    }

    /// Ready when there is nothing left to wait for, with the reason. Whoever is
    /// told is [woken](crate::store::Store::wake), but not by this future.
    pub(super) fn told(&self) -> impl Future<Output = Error> {
        poll_fn(|_| {
            let told = self.keyed.census.epoch() != self.epoch;
            match told.then(|| self.keyed.failure()).flatten() {
                Some(failure) => Poll::Ready(failure),
                None => Poll::Pending,
            }
        })
    }

    /// It begins to take a connection.
    pub(super) fn takes(&mut self) {
        self.counted = As::Taking;
        self.keyed.lock_census().landing += 1;
    }

    /// There was none.
    pub(super) fn found_nothing(&mut self) {
        self.counted = As::Waiting;
        self.keyed.lock_census().landing -= 1;
    }

    /// It was invited: takes the room, if it is still there, and tells whether it was.
    pub(super) fn join(&mut self, taken: &mut Option<Taken<C>>) -> bool {
        let mut census = self.keyed.lock_census();
        census.invited -= 1;
        census.joining += 1;
        drop(census);
        self.counted = As::Joining;
        self.served = self.keyed.join(|_| 0, taken);
        if !self.served {
            self.counted = As::Waiting;
            self.keyed.lock_census().joining -= 1;
        }
        self.served
    }

    /// It has got what it waited for.
    pub(super) fn end(&mut self) {
        self.served = true;
    }

    /// Takes the connection that came back last, and waits no more, if that one is fit and
    /// for a single caller: others count on neither, before or after.
    pub(super) fn take_alone(&mut self) -> Option<Object<Manager<C>>> {
        if self.how == Use::Together && self.keyed.core.may_share() {
            return None;
        }
        let mut object = None;
        self.served = true;
        self.cease(|store| {
            object = store.take_from_lane();
            object.is_some()
        });
        self.served = object.is_some();
        object
    }

    /// Is counted no more if it `may`, which is asked in the same moment.
    fn cease(&mut self, may: impl FnOnce(&Store<C>) -> bool) {
        let (epoch, how, number) = (self.epoch, self.how, self.number);
        let counted = self.counted;
        let (mut others, mut anybody, mut _previous) = (false, true, None);
        // It may have been given a connection that others had counted on.
        self.keyed.grow_after(|census| {
            if !may(&self.keyed.store) {
                return;
            }
            self.counted = As::Nobody;
            _previous = self.keyed.wait_no_more(number);
            census.landing -= usize::from(counted == As::Taking);
            census.joining -= usize::from(counted == As::Joining);
            if census.epoch == epoch {
                match how {
                    Use::Alone => census.alone -= 1,
                    Use::Together => census.together -= 1,
                }
            }
            others = census.together > 0;
            anybody = census.waiting() > 0;
        });
        if !anybody {
            self.keyed.review();
        }
        if others && (!self.served || how == Use::Alone) {
            // It may have been woken for room that it did not take, or others have
            // stood back for it.
            self.keyed.invite();
        }
        // What came for this one may be idle now, and others may starve for its place.
        self.keyed.relieve();
    }
}

impl<C: Connector> Drop for Waiting<'_, C> {
    fn drop(&mut self) {
        if self.counted != As::Nobody {
            self.cease(|_| true);
        }
    }
}
