//! Reports leases that are held for too long.

use std::{panic::Location, sync::Arc, time::Duration};

use mcp_domain::Connector;
use tokio::{
    runtime::Handle,
    task::AbortHandle,
    time::{Instant, sleep},
};

use crate::keyed::Keyed;

/// Watches one lease, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch(AbortHandle);

impl Watch {
    /// Starts watching, if the settings ask for it. Reports at most once.
    pub(crate) fn start<C: Connector>(
        keyed: &Arc<Keyed<C>>,
        taken_at: &'static Location<'static>,
    ) -> Option<Self> {
        let threshold = keyed.core.settings.leak_detection_threshold;
        if threshold == Duration::MAX {
            return None;
        }
        let runtime = Handle::try_current().ok()?;
        let keyed = Arc::downgrade(keyed);
        let since = Instant::now();
        let watch = runtime.spawn(async move {
            sleep(threshold).await;
            let Some(keyed) = keyed.upgrade() else {
                return;
            };
            keyed.counters.suspected_leak();
            tracing::warn!(
                mcp.client.connection.pool.name = %keyed.core.name,
                scope = %keyed.scope,
                taken_at = %taken_at,
                held_for = ?since.elapsed(),
                "lease.suspected_leak"
            );
        });
        Some(Self(watch.abort_handle()))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}
