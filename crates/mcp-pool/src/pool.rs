//! The pool as its users see it.

use std::{fmt, sync::Arc, time::Duration};

use mcp_domain::{Connector, PoolStats};
use serde::Serialize;
use tokio::time::timeout;

use crate::{registry::Registry, server::ServerBuilder, settings::Settings};

/// A pool of connections to any number of servers.
///
/// Cheap to clone; all clones are the same pool. Building one does no I/O and
/// needs no runtime: the first call opens the first connection. When the last
/// clone and the last [`Server`](crate::Server) are gone, what is open is closed in the background.
pub struct Pool<C: Connector>(Arc<Registry<C>>);

impl<C: Connector> Pool<C> {
    /// A pool with these settings.
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Registry::new(settings)))
    }

    /// Starts adding a server; [`add`](ServerBuilder::add) ends it. The name appears
    /// in errors, logs and figures.
    pub fn server(&self, name: impl Into<Arc<str>>, connector: C) -> ServerBuilder<C> {
        ServerBuilder::new(Arc::clone(&self.0), name.into(), connector)
    }

    /// The figures over all servers and scopes.
    pub fn stats(&self) -> PoolStats {
        self.0.stats()
    }

    /// Closes the pool: turns new calls away, lets those in flight finish, and
    /// closes every connection properly, within this time.
    ///
    /// Calls that have not ended by then are left to their callers; their
    /// connections are closed when they end.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the pool stays closed, and what is left to close
    /// is closed in the background.
    pub async fn close(&self, within: Duration) -> CloseReport {
        let open = self.0.reserved();
        self.0.close();
        // What is left is counted below.
        let _ = timeout(within, self.0.emptied()).await;
        let abandoned = self.0.reserved();
        CloseReport {
            closed: open.saturating_sub(abandoned),
            abandoned,
        }
    }
}

impl<C: Connector> Default for Pool<C> {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl<C: Connector> Clone for Pool<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Connector> fmt::Debug for Pool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}

/// What became of a pool's connections when it was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CloseReport {
    /// Connections that were closed.
    pub closed: usize,
    /// Connections that were still in use, or still closing, when time ran out.
    pub abandoned: usize,
}
