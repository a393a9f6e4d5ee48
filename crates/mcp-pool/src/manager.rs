//! What deadpool asks of us: where connections come from, and whether an idle
//! one may be handed out.
//!
//! Neither is a question to the peer here. A caller who connects, or checks an idle
//! connection, in deadpool's checkout would miss what comes back meanwhile, and take
//! the connection along when it gives up. So connections are opened and checked in
//! tasks of their own, [offered](Manager::offer) here, and handed out as they come.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use mcp_domain::Connector;
use tokio::time::Instant;

use crate::{
    counters::Reason,
    held::{Entry, Pooled},
};

/// deadpool's manager for one server and scope.
pub(crate) struct Manager<C: Connector> {
    trust: Trust,
    /// Open connections that deadpool does not store yet.
    offered: Mutex<Vec<Pooled<C>>>,
    /// How many were offered so far.
    signs: AtomicU64,
}

/// There is neither an idle connection nor an offered one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoneReady;

impl<C: Connector> Manager<C> {
    pub(crate) fn new(check_after_idle: Duration) -> Self {
        Self {
            trust: Trust::new(check_after_idle),
            offered: Mutex::new(Vec::new()),
            signs: AtomicU64::new(0),
        }
    }

    /// Puts an open connection, which has just given a sign of life, where the next
    /// checkout finds it.
    pub(crate) fn offer(&self, mut pooled: Pooled<C>) {
        pooled.sign = self.signs.fetch_add(1, Ordering::AcqRel) + 1;
        self.lock().push(pooled);
    }

    /// The sign of life that was given last.
    pub(crate) fn last_sign(&self) -> u64 {
        self.signs.load(Ordering::Acquire)
    }

    /// Takes offered connections that do not pass `keep`.
    pub(crate) fn withdraw(&self, mut keep: impl FnMut(&Entry<C>) -> bool) -> Vec<Pooled<C>> {
        let mut offered = self.lock();
        let (kept, removed) = offered.drain(..).partition(|pooled| keep(pooled));
        *offered = kept;
        removed
    }

    /// How many connections are offered.
    pub(crate) fn offered(&self) -> usize {
        self.lock().len()
    }

    /// Which connections are trusted.
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Pooled<C>>> {
        self.offered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Connector> managed::Manager for Manager<C> {
    type Type = Pooled<C>;
    type Error = NoneReady;

    /// Of the connections that were offered, the one that gave a sign of life last.
    async fn create(&self) -> Result<Pooled<C>, NoneReady> {
        loop {
            let freshest = {
                let mut offered = self.lock();
                freshest(&offered).map(|index| offered.remove(index))
            };
            let mut pooled = freshest.ok_or(NoneReady)?;
            match self.trust.look_at(&mut pooled) {
                Fitness::Unfit(reason) => pooled.retire(reason),
                Fitness::Doubtful | Fitness::Fit => return Ok(pooled),
            }
        }
    }

    /// Is this idle connection fit to be handed out? If not, deadpool drops it,
    /// which closes it, and tries the next.
    ///
    /// One that is doubtful gives way to one that was offered and is less so.
    async fn recycle(&self, pooled: &mut Pooled<C>, _: &Metrics) -> RecycleResult<NoneReady> {
        let mut fitness = self.trust.look_at(pooled);
        if fitness == Fitness::Doubtful {
            let mut offered = self.lock();
            if let Some(index) = freshest(&offered)
                && offered[index].sign > pooled.sign
            {
                std::mem::swap(pooled, &mut offered[index]);
                drop(offered);
                fitness = self.trust.look_at(pooled);
            }
        }
        match fitness {
            Fitness::Unfit(reason) => {
                pooled.reason = reason;
                Err(RecycleError::message(""))
            }
            Fitness::Doubtful | Fitness::Fit => Ok(()),
        }
    }
}

/// Which of these gave a sign of life last.
fn freshest<C: Connector>(offered: &[Pooled<C>]) -> Option<usize> {
    (0..offered.len()).max_by_key(|&index| offered[index].sign)
}

/// Which idle connections are trusted to be alive, without asking the peer.
pub(crate) struct Trust {
    check_after_idle: Duration,
    /// Rises when a connection died under a caller. What was idle at that moment
    /// may be dead too (the server was restarted), and is checked before it is
    /// handed out, however fresh it is.
    doubt: AtomicU64,
}

impl Trust {
    pub(crate) fn new(check_after_idle: Duration) -> Self {
        Self {
            check_after_idle,
            doubt: AtomicU64::new(0),
        }
    }

    /// Casts doubt on all idle connections.
    pub(crate) fn cast_doubt(&self) {
        self.doubt.fetch_add(1, Ordering::Relaxed);
    }

    /// The doubt that a connection opened now is clear of.
    pub(crate) fn doubt(&self) -> u64 {
        self.doubt.load(Ordering::Relaxed)
    }

    /// Looks whether this connection may be handed out.
    pub(crate) fn look_at<C: Connector>(&self, entry: &mut Entry<C>) -> Fitness {
        let now = Instant::now();
        entry.taken_at = now;
        let fitness = match unfit(entry, now) {
            Some(reason) => Fitness::Unfit(reason),
            None if self.covers(entry, now) => Fitness::Fit,
            None => Fitness::Doubtful,
        };
        entry.doubtful = fitness == Fitness::Doubtful;
        fitness
    }

    fn covers<C: Connector>(&self, entry: &Entry<C>, now: Instant) -> bool {
        let sign_of_life = entry.idle_since.max(entry.checked_at);
        now.saturating_duration_since(sign_of_life) < self.check_after_idle
            && entry.cleared == self.doubt()
    }
}

/// May a connection be handed out?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fitness {
    /// Not before the peer gave a sign of life.
    Doubtful,
    /// Yes.
    Fit,
    /// No.
    Unfit(Reason),
}

/// Why this connection must not be handed out any more, as far as is known
/// without asking the peer.
pub(crate) fn unfit<C: Connector>(pooled: &Entry<C>, now: Instant) -> Option<Reason> {
    if !pooled.held.is_open() {
        Some(Reason::Died)
    } else if pooled.held.expires_at.is_some_and(|at| now >= at) {
        Some(Reason::Age)
    } else {
        None
    }
}
