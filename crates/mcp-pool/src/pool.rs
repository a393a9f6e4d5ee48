//! The pool as its users see it.

use std::{fmt, sync::Arc, time::Duration};

use mcp_domain::{Connector, PoolStats, Scope};
use serde::Serialize;
use tokio::time::timeout;

use crate::{
    configuration::Configuration,
    registry::Registry,
    server::{Server, ServerBuilder},
};

/// A pool of connections to any number of servers.
///
/// Cheap to clone; all clones are the same pool. Building one does no I/O and
/// needs no runtime: the first call opens the first connection. When the last
/// clone and the last [`Server`] are gone, what is open is closed in the background.
///
/// Tasks on the runtime of whoever calls open connections and keep the pool up. When that
/// runtime ends, so do the connections that depend on it; the next call, on another
/// runtime, starts the upkeep again there. A runtime that lives on and is not driven (one of a
/// single thread, outside `block_on`) neither opens nor closes anything: what it was at
/// keeps its place until it is driven again or ends.
pub struct Pool<C: Connector> {
    registry: Arc<Registry<C>>,
    configuration: Arc<Configuration>,
}

impl<C: Connector> Pool<C> {
    /// A pool with these settings: a [`Configuration`], or plain [`Settings`](crate::Settings).
    pub fn new(configuration: impl Into<Configuration>) -> Self {
        let configuration = configuration.into();
        Self {
            registry: Arc::new(Registry::new(configuration.pool())),
            configuration: Arc::new(configuration),
        }
    }

    /// Starts adding a server; [`add`](ServerBuilder::add) ends it. The name appears
    /// in errors, logs and figures, and picks the server's settings.
    ///
    /// The pool calls [`is_open`](mcp_domain::Connection::is_open) of its connections while
    /// it holds locks: an `is_open` that calls back into the pool deadlocks.
    pub fn server(&self, name: impl Into<Arc<str>>, connector: C) -> ServerBuilder<C> {
        let name = name.into();
        let settings = self.configuration.server(&name);
        ServerBuilder::new(Arc::clone(&self.registry), settings, name, connector)
    }

    /// The server that was [added once](ServerBuilder::add_once) under this name, for the process-wide scope.
    pub fn find(&self, name: &str) -> Option<Server<C>> {
        let core = self.registry.find(name)?;
        let registry = Arc::clone(&self.registry);
        Some(Server::new(registry, &core, Scope::default()))
    }

    /// The servers, for the process-wide scope.
    pub(crate) fn servers(&self) -> impl Iterator<Item = Server<C>> {
        let servers = self.registry.servers().into_iter();
        servers.map(|core| Server::new(Arc::clone(&self.registry), &core, Scope::default()))
    }

    /// The figures over all servers and scopes.
    pub fn stats(&self) -> PoolStats {
        self.registry.stats()
    }

    /// Sets the gauges of the `metrics` facade to what is true now. The pool does so
    /// itself, but only each time that its upkeep runs: call this before they are read.
    #[cfg(feature = "metrics")]
    pub fn publish_metrics(&self) {
        crate::meters::publish(&self.registry);
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
        let before = self.registry.limit.closures();
        self.registry.close();
        // What is left is counted below.
        let _ = timeout(within, self.registry.limit.emptied()).await;
        CloseReport {
            abandoned: self.registry.limit.reserved(),
            closed: self.registry.limit.closures() - before,
        }
    }
}

impl<C: Connector> Default for Pool<C> {
    fn default() -> Self {
        Self::new(Configuration::default())
    }
}

impl<C: Connector> Clone for Pool<C> {
    fn clone(&self) -> Self {
        Self {
            registry: Arc::clone(&self.registry),
            configuration: Arc::clone(&self.configuration),
        }
    }
}

impl<C: Connector> fmt::Debug for Pool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("configuration", &self.configuration)
            .finish_non_exhaustive()
    }
}

/// What became of a pool's connections when it was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CloseReport {
    /// Connections that were closed in that time, for whatever reason.
    pub closed: usize,
    /// Connections that were still opening, in use, or closing when time ran out.
    pub abandoned: usize,
}
