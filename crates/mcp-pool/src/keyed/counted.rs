//! The census behind its lock, and what is seen of it without: whether anybody waits, and
//! whether those who wait were told that they do so in vain.

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use crate::growth::Census;

/// The census of one server and scope.
#[derive(Default)]
#[repr(C)]
pub(super) struct Counted {
    /// How many wait by it. Written under its lock.
    waiting: AtomicUsize,
    /// Its epoch. Written under its lock.
    epoch: AtomicU64,
    census: Mutex<Census>,
}

impl Counted {
    pub(super) fn lock(&self) -> Open<'_> {
        Open {
            census: self.census.lock().unwrap_or_else(PoisonError::into_inner),
            counted: self,
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

    /// How often all who wait were told that they wait in vain. Whoever was told is woken
    /// after that, and sees it when it is.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }
}

/// The census, for as long as it is locked.
pub(super) struct Open<'c> {
    census: MutexGuard<'c, Census>,
    counted: &'c Counted,
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
        let (counted, waiting, epoch) = (self.counted, self.census.waiting(), self.census.epoch);
        // Mostly they are as they were: then others keep what they know of them.
        if counted.waiting.load(Ordering::Relaxed) != waiting {
            counted.waiting.store(waiting, Ordering::Relaxed);
        }
        if counted.epoch.load(Ordering::Relaxed) != epoch {
            counted.epoch.store(epoch, Ordering::Relaxed);
        }
    }
}
