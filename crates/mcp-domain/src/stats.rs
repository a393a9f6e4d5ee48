//! The figures that a pool reports.
//!
//! The first six fields bear the names of the case study that this project
//! re-creates, so that its dashboards can read them.

mod times;

use serde::Serialize;

pub use self::times::Times;
use crate::BreakerState;

/// A pool's figures at one moment, over all servers and scopes or for one of them.
///
/// At rest, `opened` equals `closed.total()` plus `total_connections`, and every
/// checkout is exactly one of `hits`, `shares`, `waits` and `connects`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PoolStats {
    /// Connections that are open: available and active.
    pub total_connections: u64,
    /// Open connections that nobody uses.
    pub available_connections: u64,
    /// Open connections that somebody uses.
    pub active_connections: u64,
    /// The most that may be open.
    pub max_connections: u64,
    /// The state of the circuit breaker; the worst one, where there are several.
    pub circuit_breaker_state: BreakerState,
    /// Failures that the circuit breaker counts at present.
    pub failure_count: u64,
    /// Connections that were opened.
    pub opened: u64,
    /// Connections that were closed, by reason.
    pub closed: Closures,
    /// Attempts to open a connection that failed.
    pub failed_connects: u64,
    /// Checkouts that found an idle connection at once.
    pub hits: u64,
    /// Checkouts that joined a connection in use.
    pub shares: u64,
    /// Checkouts that waited and were given a connection that came back.
    pub waits: u64,
    /// Checkouts that waited and were given a connection that was just opened.
    pub connects: u64,
    /// Checkouts that gave up waiting.
    pub timeouts: u64,
    /// Calls that the circuit breaker refused.
    pub refusals: u64,
    /// Calls that were repeated.
    pub retries: u64,
    /// Servers whose connections could be shared, and are not, because it was found
    /// that they run the calls of one connection one after another.
    pub unshared_servers: u64,
    /// Leases that were held for longer than `leak_detection_threshold`.
    pub suspected_leaks: u64,
    /// How long callers waited for a connection, in vain or not; those only who had
    /// to wait at all. Of a server, over all its scopes.
    pub wait_time: Times,
    /// How long it took to open a connection. Of a server, over all its scopes.
    pub connect_time: Times,
    /// How long calls and leases took; of calls, those only that took any time. Of a
    /// server, over all its scopes.
    pub use_time: Times,
}

/// Closed connections by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Closures {
    /// A call failed in a way that costs the connection, or it was found dead.
    pub died: u64,
    /// Its user wanted it closed.
    pub discarded: u64,
    /// It was idle for longer than `idle_timeout`.
    pub idle: u64,
    /// It was older than `max_connection_age`.
    pub age: u64,
    /// It did not answer a check.
    pub failed_check: u64,
    /// Another server or scope needed its place.
    pub evicted: u64,
    /// A call was abandoned on it, and did not end within the drain time.
    pub abandoned: u64,
    /// The pool was shut down.
    pub shutdown: u64,
}

impl Closures {
    /// All of them together.
    pub fn total(&self) -> u64 {
        let Self {
            died,
            discarded,
            idle,
            age,
            failed_check,
            evicted,
            abandoned,
            shutdown,
        } = self;
        died + discarded + idle + age + failed_check + evicted + abandoned + shutdown
    }
}
