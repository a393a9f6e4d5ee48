//! A server, as the callers of one scope see it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use mcp_domain::{CircuitBreaker, Connector, PoolStats, Scope};
use tokio::sync::Notify;

#[cfg(feature = "metrics")]
use crate::meters::Meters;
use crate::{
    Sticky,
    growth::{Room, Sharing},
    keyed::Keyed,
    registry::{Registry, worse},
    settings::{Settings, SettingsBuilder, SettingsError},
    sharing::payoff::{Payoff, Verdict},
    timings::{Sum, Timings},
};

/// What all scopes of one server have in common.
pub(crate) struct Core<C: Connector> {
    pub(crate) id: u64,
    pub(crate) name: Arc<str>,
    pub(crate) connector: C,
    pub(crate) breaker: Option<Arc<dyn CircuitBreaker>>,
    pub(crate) settings: Settings,
    /// Is it declared to keep no state per connection?
    pub(crate) is_stateless: bool,
    /// How many servers and scopes of the pool wait for a place.
    pub(crate) pressure: Arc<AtomicUsize>,
    /// Does sharing pay?
    pub(crate) payoff: Payoff,
    /// How long things take.
    pub(crate) timings: Arc<Timings>,
    #[cfg(feature = "metrics")]
    pub(crate) meters: Arc<Meters>,
    /// Wakes those who wait for what comes of connects.
    pub(crate) attempted: Notify,
    /// How many callers a connection can serve; 0 before the first was opened.
    room: AtomicUsize,
    /// How many connections to it were opened.
    connections: AtomicU64,
}

impl<C: Connector> Core<C> {
    /// A number for a connection that was opened, from 1.
    pub(crate) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How many callers one of its connections is given at a time, as far as is known.
    pub(crate) fn room(&self) -> Room {
        match (self.settings.sharing, self.room.load(Ordering::Relaxed)) {
            (Sharing::Exclusive, _) => Room::Callers(1),
            (Sharing::Shared, _) => Room::Callers(self.settings.max_in_flight),
            (Sharing::Auto, 0) => Room::Unknown,
            (Sharing::Auto, room) => Room::Callers(room.min(self.callers())),
        }
    }

    /// The most callers that any connection is given at a time.
    pub(crate) fn callers(&self) -> usize {
        match (self.settings.sharing, self.payoff.verdict()) {
            (Sharing::Exclusive, _) | (Sharing::Auto, Verdict::DoesNotPay) => 1,
            _ => self.settings.max_in_flight,
        }
    }

    /// May a connection ever have more than one caller at a time?
    pub(crate) fn may_share(&self) -> bool {
        self.room() != Room::Callers(1)
    }

    /// Is it to be found out whether sharing pays?
    pub(crate) fn is_watched(&self) -> bool {
        self.settings.sharing == Sharing::Auto && self.payoff.verdict() == Verdict::Open
    }

    pub(crate) fn learn_room(&self, room: usize) {
        self.room.store(room, Ordering::Relaxed);
    }

    /// Adds the figures that all scopes have in common to `stats`.
    pub(crate) fn add_to(&self, stats: &mut PoolStats) {
        let unshared =
            self.settings.sharing == Sharing::Auto && self.payoff.verdict() == Verdict::DoesNotPay;
        stats.unshared_servers += u64::from(unshared);
        if let Some(breaker) = &self.breaker {
            let breaker = breaker.snapshot();
            stats.circuit_breaker_state = worse(stats.circuit_breaker_state, breaker.state);
            stats.failure_count = stats.failure_count.max(breaker.failure_count);
        }
    }
}

/// A server of a pool, as the callers of one scope see it.
///
/// Made by [`Pool::server`](crate::Pool::server); cheap to clone and to keep. While
/// a handle lives, so does its pool.
pub struct Server<C: Connector> {
    pub(crate) keyed: Arc<Keyed<C>>,
    pub(crate) registry: Arc<Registry<C>>,
}

impl<C: Connector> Server<C> {
    pub(crate) fn new(registry: Arc<Registry<C>>, core: &Arc<Core<C>>, scope: Scope) -> Self {
        Self {
            keyed: registry.keyed(core, scope),
            registry,
        }
    }

    /// The same server for the callers of another scope, who never share a
    /// connection with these.
    pub fn scoped(&self, scope: Scope) -> Self {
        Self::new(Arc::clone(&self.registry), &self.keyed.core, scope)
    }

    /// The same server for a caller whose calls build on state at the server.
    pub fn sticky(&self) -> Sticky<C> {
        Sticky::new(self.clone())
    }

    /// The name that was given to it.
    pub fn name(&self) -> &str {
        &self.keyed.core.name
    }

    /// Whom its connections belong to.
    pub fn scope(&self) -> &Scope {
        &self.keyed.scope
    }

    /// The figures of this server and scope.
    pub fn stats(&self) -> PoolStats {
        let mut stats = PoolStats::default();
        self.keyed.add_to(&mut stats);
        self.keyed.core.add_to(&mut stats);
        let mut times = Sum::default();
        times.add(&self.keyed.core.timings);
        times.write_to(&mut stats);
        stats
    }
}

impl<C: Connector> Clone for Server<C> {
    fn clone(&self) -> Self {
        self.keyed.add_handle();
        Self {
            keyed: Arc::clone(&self.keyed),
            registry: Arc::clone(&self.registry),
        }
    }
}

impl<C: Connector> Drop for Server<C> {
    fn drop(&mut self) {
        if self.keyed.remove_handle() {
            self.registry.forget_unused(&self.keyed);
        }
    }
}

impl<C: Connector> fmt::Debug for Server<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name())
            .field("scope", self.scope())
            .finish_non_exhaustive()
    }
}

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
