//! The census behind its lock, and whether anybody waits, which is seen without it.

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::growth::Census;

/// The census of one server and scope.
#[derive(Default)]
pub(super) struct Counted {
    census: Mutex<Census>,
    /// How many wait by it. Written under its lock.
    waiting: AtomicUsize,
}

impl Counted {
    pub(super) fn lock(&self) -> Open<'_> {
        Open {
            census: self.census.lock().unwrap_or_else(PoisonError::into_inner),
            waiting: &self.waiting,
        }
    }

    /// Does anybody wait? Costs a look at what mostly nobody writes.
    ///
    /// Nobody is missed by those who ask after they have brought something about that others
    /// may wait for. Whoever waits is counted first, then looks for it, under the lock
    /// under which it was brought about: that of the connections in use. If they look later,
    /// they see it. If they looked before, that lock makes their being counted known to
    /// whoever takes it next, and so to the one who asks, in whatever order the two
    /// locations are read: the load need not order anything itself.
    pub(super) fn anybody_waits(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
}

/// The census, for as long as it is locked.
pub(super) struct Open<'c> {
    census: MutexGuard<'c, Census>,
    waiting: &'c AtomicUsize,
}

impl Deref for Open<'_> {
    type Target = Census;

    fn deref(&self) -> &Census {
        &self.census
    }
}

impl DerefMut for Open<'_> {
    fn deref_mut(&mut self) -> &mut Census {
        &mut self.census
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let waiting = self.census.waiting();
        // Mostly it is as it was: then others keep what they know of it.
        if self.waiting.load(Ordering::Relaxed) != waiting {
            self.waiting.store(waiting, Ordering::Relaxed);
        }
    }
}
