//! Asks one idle connection for a sign of life, in a task of its own.
//!
//! The task belongs to nobody: a caller who gives up does not take the connection
//! along, and one who waits takes whatever comes first.

use std::{pin::pin, sync::Arc, time::Duration};

use mcp_domain::{Connection as _, Connector, Error};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout},
};

use crate::{counters::Reason, held::Pooled, keyed::Keyed};

/// Whoever waits does not count on a check that takes longer than this: another idle
/// connection is checked, or one is opened.
const SLOW: Duration = Duration::from_millis(250);

/// Starts checking a connection. The check has been counted.
pub(crate) fn spawn<C: Connector>(keyed: &Arc<Keyed<C>>, pooled: Pooled<C>, runtime: &Handle) {
    let check = Check {
        pooled: Some(pooled),
        counted: true,
        keyed: Arc::clone(keyed),
    };
    runtime.spawn(check.run());
}

/// A check under way. However it ends, those who wait do not count on it any more:
/// also if the task is dropped, because its runtime is.
struct Check<C: Connector> {
    /// `None` when it has ended well.
    pooled: Option<Pooled<C>>,
    counted: bool,
    keyed: Arc<Keyed<C>>,
}

impl<C: Connector> Check<C> {
    async fn run(mut self) {
        let Some(pooled) = &self.pooled else {
            return;
        };
        let connection = Arc::clone(&pooled.held.connection);
        let doubt = self.keyed.store.doubt();
        let limit = self.keyed.core.settings.check_timeout;
        let answer = timeout(limit, self.answer(&*connection)).await;
        if let Ok(Ok(())) = answer
            && let Some(mut pooled) = self.pooled.take()
        {
            pooled.checked_at = Instant::now();
            pooled.cleared = doubt;
            self.keyed.found_alive(pooled);
        }
    }

    async fn answer(&mut self, connection: &C::Connection) -> Result<(), Error> {
        let mut ping = pin!(connection.ping());
        match timeout(SLOW, &mut ping).await {
            Ok(answer) => answer,
            Err(_) => {
                self.end();
                ping.await
            }
        }
    }

    /// Nobody waits for it any more.
    fn end(&mut self) {
        if std::mem::take(&mut self.counted) {
            self.keyed.checked();
        }
    }
}

impl<C: Connector> Drop for Check<C> {
    fn drop(&mut self) {
        if let Some(pooled) = self.pooled.take() {
            pooled.retire(Reason::FailedCheck);
        }
        self.end();
    }
}
