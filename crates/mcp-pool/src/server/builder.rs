//! Adding a server to a pool.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize},
    },
};

use mcp_domain::{CircuitBreaker, Connector, Scope};
use tokio::sync::Notify;

use super::{Core, Server};
#[cfg(feature = "metrics")]
use crate::meters::Meters;
use crate::{
    growth::Sharing,
    registry::Registry,
    settings::{Settings, SettingsBuilder, SettingsError},
    sharing::payoff::Payoff,
    timings::Timings,
};

/// Adds a server to a pool. Made by [`Pool::server`](crate::Pool::server).
#[must_use]
pub struct ServerBuilder<C: Connector> {
    registry: Arc<Registry<C>>,
    name: Arc<str>,
    connector: C,
    breaker: Option<Arc<dyn CircuitBreaker>>,
    settings: Settings,
    is_stateless: bool,
}

impl<C: Connector> ServerBuilder<C> {
    pub(crate) fn new(
        registry: Arc<Registry<C>>,
        settings: Settings,
        name: Arc<str>,
        connector: C,
    ) -> Self {
        Self {
            settings,
            registry,
            name,
            connector,
            breaker: None,
            is_stateless: false,
        }
    }

    /// The circuit breaker that guards the server, for all scopes. Default: none.
    ///
    /// It is told how long the server took for a call, without the waiting for a
    /// connection: a full pool makes no server slow.
    pub fn breaker(mut self, breaker: Arc<dyn CircuitBreaker>) -> Self {
        self.breaker = Some(breaker);
        self
    }

    /// Settings for this server alone, whatever a file says of it. Default: what the
    /// pool's [`Configuration`](crate::Configuration) has for a server of this name.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The settings that it has so far.
    pub fn current_settings(&self) -> &Settings {
        &self.settings
    }

    /// Declares that the server keeps no state per connection, whatever its connections
    /// [say](mcp_domain::Connection::is_stateless), so that callers of one scope may
    /// share one where that pays ([`Sharing::Auto`]).
    pub fn stateless(mut self) -> Self {
        self.is_stateless = true;
        self
    }

    /// Gives each scope a single connection, for one caller at a time: for servers whose
    /// callers rely on state at the server. See [`Server::sticky`].
    ///
    /// Once it was idle for `idle_timeout` or is older than `max_connection_age`, the
    /// connection is closed and its state lost, as with any other server.
    pub fn sticky(mut self) -> Self {
        self.settings.max_connections = 1;
        self.settings.min_connections = self.settings.min_connections.min(1);
        self.settings.sharing = Sharing::Exclusive;
        self
    }

    /// Changes a few settings for this server alone.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if they cannot be, or contradict the others.
    pub fn adjust(
        mut self,
        change: impl FnOnce(SettingsBuilder) -> SettingsBuilder,
    ) -> Result<Self, SettingsError> {
        self.settings = change(self.settings.to_builder()).build()?;
        Ok(self)
    }

    /// Adds the server, for the process-wide scope. Opens nothing.
    pub fn add(self) -> Server<C> {
        let (registry, core) = self.core();
        registry.add(&core);
        Server::new(registry, &core, Scope::default())
    }

    /// Adds the server, unless one of this name has been added like this before: then
    /// it is that one, with the connector, the breaker and the settings it was given.
    /// The pool remembers it, also while nobody has a handle of it. Opens nothing.
    ///
    /// For those who cannot pass handles around; see [`GlobalPool`](crate::GlobalPool).
    pub fn add_once(self) -> Server<C> {
        let (registry, core) = self.core();
        let core = registry.add_once(core);
        Server::new(registry, &core, Scope::default())
    }

    fn core(self) -> (Arc<Registry<C>>, Arc<Core<C>>) {
        #[cfg(feature = "metrics")]
        let meters = Arc::new(Meters::new(&self.name));
        #[cfg(feature = "metrics")]
        let timings = Timings::new(Arc::clone(&meters));
        #[cfg(not(feature = "metrics"))]
        let timings = Timings::new();
        let core = Arc::new(Core {
            timings: Arc::new(timings),
            #[cfg(feature = "metrics")]
            meters,
            id: self.registry.number(),
            name: self.name,
            connector: self.connector,
            breaker: self.breaker,
            settings: self.settings,
            is_stateless: self.is_stateless,
            pressure: self.registry.limit.pressure(),
            payoff: Payoff::default(),
            attempted: Notify::new(),
            room: AtomicUsize::new(0),
            connections: AtomicU64::new(0),
        });
        (self.registry, core)
    }
}

impl<C: Connector> fmt::Debug for ServerBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("name", &self.name)
            .field("breaker", &self.breaker)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
