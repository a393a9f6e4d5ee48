//! The plugin as its users see it.

use std::{sync::Arc, time::Duration};

use mcp_breaker::Breaker;
use mcp_domain::{CircuitBreaker, PoolStats};
use mcp_pool::{Pool, Settings, SettingsBuilder};
use mcp_transport::ClientConnector;
use serde::Serialize;

use crate::access::{Access, Way};

/// A database over MCP.
///
/// Building one opens nothing. Share it by reference: all operations take `&self`.
#[derive(Debug)]
pub struct DatabasePlugin {
    pub(crate) way: Way,
}

impl DatabasePlugin {
    /// A plugin for the server that this connector reaches.
    pub fn builder(connector: ClientConnector) -> PluginBuilder {
        PluginBuilder {
            connector,
            access: Access::default(),
            name: "database".to_owned(),
            settings: Settings::builder(),
            breaker: None,
        }
    }

    /// How sessions are had, which is not what was asked for where the pool could not be built.
    pub fn access(&self) -> Access {
        self.way.access()
    }

    /// The pool's figures; all zero in direct mode.
    pub fn stats(&self) -> PluginStats {
        PluginStats {
            pool: self.way.stats(),
            using_pool: self.access() == Access::Pooled,
        }
    }

    /// Closes all sessions properly, within this time. Operations fail from now on;
    /// in direct mode there is nothing to close, and they do not.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, what is left to close is closed in the background.
    pub async fn close(&self, within: Duration) {
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

/// Builds a [`DatabasePlugin`].
#[derive(Debug)]
#[must_use]
pub struct PluginBuilder {
    connector: ClientConnector,
    access: Access,
    name: String,
    settings: SettingsBuilder,
    breaker: Option<Arc<dyn CircuitBreaker>>,
}

impl PluginBuilder {
    /// Direct or pooled. Default: direct. [`Access::from_env`] asks `USE_MCP_POOL`.
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// What the server is called in errors and figures. Default: `database`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The pool's settings. Default: [`Settings::default`].
    pub fn settings(mut self, settings: SettingsBuilder) -> Self {
        self.settings = settings;
        self
    }

    /// The breaker that guards the server when pooled. Default: [`Breaker::default`].
    pub fn breaker(mut self, breaker: Arc<dyn CircuitBreaker>) -> Self {
        self.breaker = Some(breaker);
        self
    }

    /// Builds the plugin. Opens nothing.
    ///
    /// Where the pool cannot be built, because its settings contradict each other,
    /// this is logged as a warning and the plugin goes direct.
    pub fn build(self) -> DatabasePlugin {
        let way = match (self.access, self.settings.build()) {
            (Access::Direct, settings) => direct(self.connector, settings.unwrap_or_default()),
            (Access::Pooled, Ok(settings)) => {
                let pool = Pool::new(settings);
                let breaker = self.breaker.unwrap_or_else(|| Arc::new(Breaker::default()));
                let server = pool
                    .server(self.name, self.connector)
                    .breaker(breaker)
                    .add();
                Way::Pooled { pool, server }
            }
            (Access::Pooled, Err(error)) => {
                tracing::warn!(%error, "the pool cannot be built; every operation opens a session of its own");
                direct(self.connector, Settings::default())
            }
        };
        DatabasePlugin { way }
    }
}

fn direct(connector: ClientConnector, settings: Settings) -> Way {
    Way::Direct {
        connector: Box::new(connector),
        call_timeout: settings.call_timeout(),
    }
}
