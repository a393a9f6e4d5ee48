//! The limit over all servers and scopes of a pool: how many places are taken, and who
//! waits for one.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, Weak,
    atomic::{AtomicUsize, Ordering},
};

use mcp_domain::Connector;
use tokio::sync::Notify;

use self::queue::Queue;
use crate::{keyed::Keyed, told::tell};

mod queue;

/// The places of a pool.
///
/// A server and scope starves while somebody waits for a connection of it and a place
/// for one was refused.
pub(crate) struct Limit<C: Connector> {
    max: usize,
    /// Places taken, over all servers and scopes.
    reserved: AtomicUsize,
    /// Of these, the places of connections that are closing.
    closing: AtomicUsize,
    /// Connections that have been closed so far.
    closed: AtomicUsize,
    /// Wakes whoever waits for all places to become free.
    freed: Notify,
    starving: Mutex<Starving<C>>,
    /// How many starve: what everybody looks at first. Written under the lock of `starving`.
    pressure: Arc<AtomicUsize>,
    /// How often it was asked to let them grow while somebody is at it.
    feeding: AtomicUsize,
}

/// Those who starve, and what others have promised them.
struct Starving<C: Connector> {
    queue: Queue<Weak<Keyed<C>>>,
    /// Whose connections take no more calls, so that they end and give their place to one
    /// who has none: one entry for each connection.
    ceding: Vec<Weak<Keyed<C>>>,
}

impl<C: Connector> Limit<C> {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            reserved: AtomicUsize::new(0),
            closing: AtomicUsize::new(0),
            closed: AtomicUsize::new(0),
            freed: Notify::new(),
            starving: Mutex::new(Starving {
                queue: Queue::default(),
                ceding: Vec::new(),
            }),
            pressure: Arc::default(),
            feeding: AtomicUsize::new(0),
        }
    }

    // ----- places

    /// Takes up to this many places.
    pub(crate) fn reserve(&self, wanted: usize) -> usize {
        let mut granted = 0;
        let take = |reserved: usize| {
            granted = wanted.min(self.max.saturating_sub(reserved));
            Some(reserved + granted)
        };
        // Never fails: `take` always has an answer.
        let _ = self
            .reserved
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, take);
        granted
    }

    /// Gives one place back.
    pub(crate) fn free(&self) {
        self.reserved.fetch_sub(1, Ordering::AcqRel);
        tell(|| self.freed.notify_waiters());
    }

    pub(crate) fn reserved(&self) -> usize {
        self.reserved.load(Ordering::Acquire)
    }

    /// Waits until no connection is open, opening or closing.
    pub(crate) async fn emptied(&self) {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if self.reserved() == 0 {
                return;
            }
            freed.await;
        }
    }

    /// A connection has begun to close: its place will be free soon.
    pub(crate) fn closing(&self) {
        self.closing.fetch_add(1, Ordering::AcqRel);
    }

    /// A connection has been closed.
    pub(crate) fn closed(&self) {
        self.closing.fetch_sub(1, Ordering::AcqRel);
        self.closed.fetch_add(1, Ordering::AcqRel);
    }

    /// How many connections have been closed so far.
    pub(crate) fn closures(&self) -> usize {
        self.closed.load(Ordering::Acquire)
    }

    // ----- who starves

    /// How many starve.
    pub(crate) fn pressure(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.pressure)
    }

    /// Does this one?
    pub(crate) fn is_starving(&self, keyed: &Keyed<C>) -> bool {
        self.starving().queue.contains(keyed.number)
    }

    /// Remembers that this one was refused a place.
    pub(crate) fn refuse(&self, keyed: &Arc<Keyed<C>>) {
        let mut starving = self.starving();
        // Raised before the census is read: whoever changes that later sees it, and has it
        // reviewed.
        let known = starving.queue.len();
        self.pressure.store(known + 1, Ordering::Release);
        let census = keyed.census();
        if census.waiting() > 0 {
            let has_none = census.reserved == 0;
            let who = || Arc::downgrade(keyed);
            starving.queue.join(keyed.number, has_none, who);
        }
        self.count(&starving);
    }

    /// Takes notice that nobody waits for this one any more, or that it took its first
    /// place. Called after each such change. Who gave its last one back, and wants another,
    /// is [refused](Self::refuse) it next.
    pub(crate) fn review(&self, keyed: &Keyed<C>) {
        let mut starving = self.starving();
        // Read under the lock: the last to come here sees what is so.
        let census = keyed.census();
        if census.waiting() == 0 {
            starving.queue.leave(keyed.number);
        } else {
            starving.queue.note(keyed.number, census.reserved == 0);
        }
        self.count(&starving);
        drop(starving);
        self.reprieve();
    }

    /// This one makes way for others: it is the last from now on, if it starves.
    pub(crate) fn step_back(&self, keyed: &Keyed<C>) {
        self.starving().queue.step_back(keyed.number);
    }

    /// Do more starve than connections are closing?
    pub(crate) fn lacks_room(&self) -> bool {
        self.pressure.load(Ordering::Acquire) > self.closing.load(Ordering::Acquire)
    }

    /// Do more starve who have no connection at all than connections are closing?
    pub(crate) fn somebody_has_none(&self) -> bool {
        self.starving().queue.have_none() > self.closing.load(Ordering::Acquire)
    }

    /// Lets those grow who starve, as long as there are places. Who is refused again goes
    /// to the end of the queue.
    pub(crate) fn feed_the_starving(&self) {
        // Whoever is at it goes on for all. Where a runtime has ended, a connect has failed
        // as soon as it has begun and asks here again: as deep as the queue is long.
        if self.feeding.fetch_add(1, Ordering::AcqRel) > 0 {
            return;
        }
        let mut heard = 1;
        while heard > 0 {
            self.feed();
            heard = self.feeding.fetch_sub(heard, Ordering::AcqRel) - heard;
        }
    }

    fn feed(&self) {
        while self.reserved() < self.max {
            let mut starving = self.starving();
            let Some(first) = starving.queue.pop() else {
                break;
            };
            self.count(&starving);
            drop(starving);
            if let Some(keyed) = first.upgrade() {
                keyed.grow();
            }
        }
        self.reprieve();
    }

    // ----- connections that are never at rest

    /// Has this one promise a connection in use to somebody who has none, if nothing else
    /// is to become free for that one. `promise` sees to it that the connection takes no
    /// more calls, and tells whether there is one.
    pub(crate) fn cede(&self, keyed: &Arc<Keyed<C>>, promise: impl FnOnce() -> bool) {
        let mut starving = self.starving();
        if self.surplus(&starving) < 0 && promise() {
            starving.ceding.push(Arc::downgrade(keyed));
        }
    }

    /// A connection of this one that was promised is closing.
    pub(crate) fn ceded(&self, keyed: &Keyed<C>) {
        let mut starving = self.starving();
        let mut ceding = starving.ceding.iter();
        let one = ceding.position(|one| std::ptr::eq(one.as_ptr(), keyed));
        if let Some(index) = one {
            starving.ceding.swap_remove(index);
        }
    }

    /// Takes back what was promised to those who do not need it any more.
    fn reprieve(&self) {
        let mut spared = Vec::new();
        let mut starving = self.starving();
        while !starving.ceding.is_empty() && self.surplus(&starving) > 0 {
            spared.extend(starving.ceding.pop());
        }
        drop(starving);
        for keyed in spared.iter().filter_map(Weak::upgrade) {
            keyed.reprieve();
        }
    }

    /// By how many there are more connections that will close than who have none.
    fn surplus(&self, starving: &Starving<C>) -> isize {
        let closing = self.closing.load(Ordering::Acquire) + starving.ceding.len();
        closing.cast_signed() - starving.queue.have_none().cast_signed()
    }

    fn count(&self, starving: &Starving<C>) {
        self.pressure.store(starving.queue.len(), Ordering::Release);
    }

    fn starving(&self) -> MutexGuard<'_, Starving<C>> {
        self.starving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
