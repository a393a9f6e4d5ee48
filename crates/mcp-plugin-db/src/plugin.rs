//! The plugin as its users see it.

use std::{sync::Arc, time::Duration};

use mcp_breaker::{Breaker, BreakerBuilder};
use mcp_domain::{CircuitBreaker, Error, PoolStats, Scope};
use mcp_pool::{Configuration, Pool, Settings, SettingsBuilder, SettingsError};
use mcp_transport::{ClientConnector, Resource};
use serde::Serialize;

use crate::{
    Table, TableName,
    access::{Access, Way},
    dialect::DialectChoice,
    listing::{Epoch, Listing},
    session::SessionConnector,
};

/// A database over MCP.
///
/// Building one opens nothing. All operations take `&self`; clones are the same plugin.
#[derive(Clone, Debug)]
pub struct DatabasePlugin {
    pub(crate) way: Way,
    /// None in direct mode, which keeps nothing between operations.
    pub(crate) listings: Option<Arc<Listings>>,
}

/// What has been listed.
#[derive(Debug)]
pub(crate) struct Listings {
    pub(crate) tables: Listing<(), Vec<TableName>>,
    pub(crate) described: Listing<String, Table>,
    pub(crate) resources: Listing<(), Vec<Resource>>,
    pub(crate) epoch: Epoch,
    keep: Duration,
}

impl Listings {
    fn new(keep: Duration, epoch: Epoch) -> Arc<Self> {
        Arc::new(Self {
            tables: Listing::new(keep, epoch.clone()),
            described: Listing::new(keep, epoch.clone()),
            resources: Listing::new(keep, epoch.clone()),
            epoch,
            keep,
        })
    }
}

impl DatabasePlugin {
    /// A plugin for the server that this connector reaches.
    pub fn builder(connector: ClientConnector) -> PluginBuilder {
        PluginBuilder {
            connector,
            access: Access::default(),
            dialect: DialectChoice::default(),
            keep_listings: Duration::from_secs(30),
            name: "database".to_owned(),
            configuration: Ok(Configuration::default()),
            pool: None,
            breaker: None,
        }
    }

    /// The same database for the callers of another scope (a tenant, a user, a
    /// conversation), who never share a session with these.
    ///
    /// One pool serves all scopes: closing it through one closes it for all.
    #[must_use]
    pub fn scoped(&self, scope: Scope) -> Self {
        // What one may see is not for others; what one changes, all must see.
        let listings = self.listings.as_deref();
        let listings = listings.map(|kept| Listings::new(kept.keep, kept.epoch.clone()));
        Self {
            way: self.way.scoped(scope),
            listings,
        }
    }

    /// How sessions are had, which is not what was asked for where the pool could not be built.
    pub fn access(&self) -> Access {
        self.way.access()
    }

    /// The figures of the plugin's own pool, or of its server in one that it shares; all
    /// zero in direct mode.
    pub fn stats(&self) -> PluginStats {
        PluginStats {
            pool: self.way.stats(),
            using_pool: self.access() == Access::Pooled,
        }
    }

    /// Starts as the pool's settings say: opens nothing while `lazy_initialization` is
    /// true, which is the default; otherwise opens `min_connections`, at least one. In direct mode there is nothing to open.
    ///
    /// # Errors
    ///
    /// As [`Pool::initialize`].
    ///
    /// # Cancel safety
    ///
    /// As [`Pool::initialize`].
    pub async fn initialize(&self) -> Result<(), Error> {
        self.way.initialize().await
    }

    /// Asks for tables, columns and resources anew from now on, in all scopes.
    ///
    /// For when something else than this plugin has changed them; what
    /// [`execute`](Self::execute) may have changed is forgotten by itself.
    pub fn forget_listings(&self) {
        if let Some(listings) = &self.listings {
            listings.epoch.end();
        }
    }

    /// Closes all sessions properly, within this time. Operations fail from now on;
    /// in direct mode, and with a pool that others [share](PluginBuilder::pool), there
    /// is nothing to close, and they do not.
    ///
    /// Those that are under way may end until then. What takes longer is left to its
    /// caller, and its session is closed when it ends or is dropped.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, what is left to close is closed in the background.
    pub async fn close(&self, within: Duration) {
        self.forget_listings();
        self.way.close(within).await;
    }
}

/// A plugin's figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PluginStats {
    /// The pool's figures.
    #[serde(flatten)]
    pub pool: PoolStats,
    /// Is there a pool?
    pub using_pool: bool,
}

/// What a server is, as far as it tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ServerFacts {
    /// The name that it gave itself.
    pub name: String,
    /// The version that it gave itself.
    pub version: String,
    /// The protocol revision that was agreed on.
    pub revision: String,
    /// How it is asked ([`Dialect::name`](crate::Dialect::name)); `None` if it is no
    /// database server that is known.
    pub dialect: Option<String>,
}

/// Builds a [`DatabasePlugin`].
#[derive(Debug)]
#[must_use]
pub struct PluginBuilder {
    connector: ClientConnector,
    access: Access,
    dialect: DialectChoice,
    keep_listings: Duration,
    name: String,
    configuration: Result<Configuration, SettingsError>,
    pool: Option<Pool<SessionConnector>>,
    breaker: Option<Arc<dyn CircuitBreaker>>,
}

impl PluginBuilder {
    /// Direct or pooled. Default: direct. [`Access::from_env`] asks `USE_MCP_POOL`.
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// How the server is asked. Default: as its name and tools tell.
    pub fn dialect(mut self, dialect: DialectChoice) -> Self {
        self.dialect = dialect;
        self
    }

    /// How long the lists of tables, columns and resources are kept, when pooled, for
    /// each scope. Default: 30 s; zero keeps none. Direct mode keeps nothing.
    ///
    /// They are kept for less where the server says that they are fresh for less, which
    /// servers of revision 2026-07-28 can say of resources; and they are forgotten when
    /// it tells that they have changed, or when the last connection on which it would
    /// have told so is closed.
    pub fn keep_listings(mut self, keep: Duration) -> Self {
        self.keep_listings = keep;
        self
    }

    /// What the server is called in errors and figures. Default: `database`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The pool's settings. Default: [`Settings::default`](mcp_pool::Settings::default).
    pub fn settings(self, settings: SettingsBuilder) -> Self {
        self.configuration(settings.build().map(Configuration::from))
    }

    /// The pool's settings, as they were read from files and the environment:
    /// `.configuration(Configuration::from_env())`.
    ///
    /// Takes them also where they are wrong; see [`build`](Self::build).
    pub fn configuration(mut self, read: Result<Configuration, SettingsError>) -> Self {
        self.configuration = read;
        self
    }

    /// The pool that sessions come from when pooled, instead of one of the plugin's own;
    /// for instance the process's: `.pool(POOL.get())`.
    ///
    /// Its settings hold, and the limits over all its servers. Closing the plugin leaves it open.
    pub fn pool(mut self, pool: Pool<SessionConnector>) -> Self {
        self.pool = Some(pool);
        self
    }

    /// The breaker that guards the server when pooled. Default: [`Breaker::default`], which
    /// waits for a probe as long as the `call_timeout` of the server allows a call.
    pub fn breaker(mut self, breaker: Arc<dyn CircuitBreaker>) -> Self {
        self.breaker = Some(breaker);
        self
    }

    /// Builds the plugin. Opens nothing.
    ///
    /// Where the pool cannot be built, because its settings are wrong, this
    /// is logged as a warning and the plugin goes direct.
    pub fn build(self) -> DatabasePlugin {
        let epoch = Epoch::default();
        let connector = SessionConnector::new(self.connector, self.dialect);
        let is_shared = self.pool.is_some();
        let pool = match (self.access, self.pool, &self.configuration) {
            (Access::Direct, _, _) => None,
            (Access::Pooled, Some(shared), _) => Some(shared),
            (Access::Pooled, None, Ok(configuration)) => Some(Pool::new(configuration.clone())),
            (Access::Pooled, None, Err(error)) => {
                tracing::warn!(%error, "the pool cannot be built; every operation opens a session of its own");
                None
            }
        };
        let way = match pool {
            None => {
                let configuration = self.configuration.unwrap_or_default();
                Way::Direct {
                    call_timeout: configuration.server(&self.name).call_timeout(),
                    name: self.name.into(),
                    connector: Box::new(connector),
                    scope: Scope::default(),
                }
            }
            Some(pool) => {
                let server = pool.server(self.name, connector.ending(epoch.clone()));
                let breaker = self.breaker.unwrap_or_else(|| {
                    let breaker = guard(server.current_settings());
                    // Settings that cannot be are not in a pool.
                    Arc::new(breaker.build().unwrap_or_default())
                });
                let server = server.breaker(breaker).add();
                Way::Pooled {
                    pool,
                    server,
                    is_shared,
                }
            }
        };
        let keep = self.keep_listings;
        let pooled = matches!(way, Way::Pooled { .. });
        let listings = pooled.then(|| Listings::new(keep, epoch));
        DatabasePlugin { way, listings }
    }
}

/// A breaker for a server with these settings: a probe that takes longer than a call may
/// is lost.
fn guard(settings: &Settings) -> BreakerBuilder {
    Breaker::builder().probe_timeout(settings.call_timeout())
}

#[cfg(test)]
mod tests {
    use mcp_breaker::ManualClock;
    use mcp_domain::Outcome;

    use super::*;

    #[test]
    fn a_probe_is_waited_for_as_long_as_a_call_may_take() {
        let clock = ManualClock::default();
        let settings = Settings::builder().call_timeout(Duration::from_secs(5));
        let breaker = guard(&settings.build().unwrap());
        let breaker = breaker.build_with_clock(clock.clone()).unwrap();
        while let Ok(ticket) = breaker.try_admit() {
            breaker.settle(ticket, Outcome::failure());
        }
        clock.advance(Duration::from_secs(60));
        let _lost = breaker.try_admit().unwrap();
        clock.advance(Duration::from_secs(4));
        assert!(breaker.try_admit().is_err());
        clock.advance(Duration::from_secs(1));
        assert!(breaker.try_admit().is_ok());
    }
}
