//! What deadpool asks of us: where connections come from, and whether an idle
//! one may be handed out.
//!
//! [`create`](managed::Manager::create) never connects. A caller who connects in deadpool's
//! checkout would miss a connection that comes back meanwhile, and take its
//! half-open connection along when it gives up. So connections are opened in
//! tasks of their own, [offered](Manager::offer) here, and handed out as they come.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use mcp_domain::{Connection as _, Connector};
use tokio::time::{Instant, timeout};

use crate::{
    counters::Reason,
    held::{Entry, Pooled},
    settings::Settings,
};

/// deadpool's manager for one server and scope.
pub(crate) struct Manager<C: Connector> {
    settings: Settings,
    /// Open connections that deadpool does not store yet.
    offered: Mutex<Vec<Pooled<C>>>,
    /// Rises when a connection died under a caller. What was idle at that moment
    /// may be dead too (the server was restarted), and is checked before it is
    /// handed out, however fresh it is.
    doubt: AtomicU64,
}

/// There is neither an idle connection nor an offered one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoneReady;

impl<C: Connector> Manager<C> {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            offered: Mutex::new(Vec::new()),
            doubt: AtomicU64::new(0),
        }
    }

    /// Puts an open connection where the next checkout finds it.
    pub(crate) fn offer(&self, pooled: Pooled<C>) {
        self.lock().push(pooled);
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

    /// Casts doubt on all idle connections.
    pub(crate) fn cast_doubt(&self) {
        self.doubt.fetch_add(1, Ordering::Relaxed);
    }

    /// The doubt that a connection opened now is clear of.
    pub(crate) fn doubt(&self) -> u64 {
        self.doubt.load(Ordering::Relaxed)
    }

    /// Is this connection fit to be handed out, without asking the peer?
    pub(crate) fn is_fit_unasked(&self, entry: &mut Entry<C>) -> bool {
        let now = Instant::now();
        entry.taken_at = now;
        let idle = now.saturating_duration_since(entry.idle_since);
        idle < self.settings.check_after_idle
            && entry.cleared == self.doubt()
            && unfit(entry, now).is_none()
    }

    /// As [`is_fit_unasked`](Self::is_fit_unasked), and asks the peer where that is not enough.
    async fn make_sure(&self, entry: &mut Entry<C>) -> RecycleResult<NoneReady> {
        if self.is_fit_unasked(entry) {
            return Ok(());
        }
        if let Some(reason) = unfit(entry, entry.taken_at) {
            entry.reason = reason;
            return Err(RecycleError::message(""));
        }
        // Boxed: deadpool moves this future about, and most of the time it is not needed.
        Box::pin(check(entry, self.doubt(), self.settings.check_timeout)).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Pooled<C>>> {
        self.offered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Connector> managed::Manager for Manager<C> {
    type Type = Pooled<C>;
    type Error = NoneReady;

    /// The connection that was offered last and is fit.
    async fn create(&self) -> Result<Pooled<C>, NoneReady> {
        loop {
            let offered = self.lock().pop();
            let mut pooled = offered.ok_or(NoneReady)?;
            // It may have been offered long ago. One that is unfit is closed by its drop.
            if self.make_sure(&mut pooled).await.is_ok() {
                return Ok(pooled);
            }
        }
    }

    /// Is this idle connection fit to be handed out? If not, deadpool drops it,
    /// which closes it, and tries the next.
    async fn recycle(&self, pooled: &mut Pooled<C>, _: &Metrics) -> RecycleResult<NoneReady> {
        self.make_sure(pooled).await
    }
}

/// Asks the peer for a sign of life.
async fn check<C: Connector>(
    pooled: &mut Entry<C>,
    doubt: u64,
    limit: Duration,
) -> RecycleResult<NoneReady> {
    // Should the caller give up while we ask.
    pooled.reason = Reason::Abandoned;
    match timeout(limit, pooled.held.connection.ping()).await {
        Ok(Ok(())) => {
            pooled.checked_at = Instant::now();
            pooled.cleared = doubt;
            Ok(())
        }
        Ok(Err(_)) | Err(_) => {
            pooled.reason = Reason::FailedCheck;
            Err(RecycleError::message(""))
        }
    }
}

/// Why this connection must not be handed out any more, as far as is known
/// without asking the peer.
pub(crate) fn unfit<C: Connector>(pooled: &Entry<C>, now: Instant) -> Option<Reason> {
    if !pooled.held.connection.is_open() {
        Some(Reason::Died)
    } else if pooled.held.expires_at.is_some_and(|at| now >= at) {
        Some(Reason::Age)
    } else {
        None
    }
}
