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
    settings::Settings,
    sharing::payoff::{Payoff, Verdict},
    timings::{Sum, Timings},
};

pub use self::builder::ServerBuilder;

mod builder;

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
