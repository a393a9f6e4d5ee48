//! The figures of one server for the `metrics` facade.
//!
//! The names are those of OpenTelemetry's conventions for database client
//! connections, under `mcp.` for `db.`: an extension of our own, since there are none
//! for MCP. docs/observability.md lists them.

use std::{fmt, sync::Arc, time::Duration};

use mcp_domain::Connector;
use metrics::{Counter, Histogram, Label, counter, gauge, histogram};

use crate::{
    counters::{Checkout, Reason},
    registry::Registry,
    server::Core,
    told::tell,
};

/// Handles of the recorder that was installed when the server was added.
pub(crate) struct Meters {
    pub(crate) wait_time: Histogram,
    pub(crate) create_time: Histogram,
    pub(crate) use_time: Histogram,
    pub(crate) opened: Counter,
    pub(crate) failed_connects: Counter,
    pub(crate) timeouts: Counter,
    pub(crate) refusals: Counter,
    pub(crate) retries: Counter,
    pub(crate) suspected_leaks: Counter,
    checkouts: [Counter; Checkout::ALL.len()],
    closed: [Counter; Reason::ALL.len()],
}

impl Meters {
    pub(crate) fn new(server: &Arc<str>) -> Self {
        let pool = || vec![pool_name(server)];
        let with = |label: &'static str, value: &'static str| {
            vec![pool_name(server), Label::from_static_parts(label, value)]
        };
        Self {
            wait_time: histogram!("mcp.client.connection.wait_time", pool()),
            create_time: histogram!("mcp.client.connection.create_time", pool()),
            use_time: histogram!("mcp.client.connection.use_time", pool()),
            opened: counter!("mcp.client.connection.opened", pool()),
            failed_connects: counter!("mcp.client.connection.failed", pool()),
            timeouts: counter!("mcp.client.connection.timeouts", pool()),
            refusals: counter!("mcp.client.connection.refusals", pool()),
            retries: counter!("mcp.client.connection.retries", pool()),
            suspected_leaks: counter!("mcp.client.connection.suspected_leaks", pool()),
            checkouts: Checkout::ALL
                .map(|how| counter!("mcp.client.connection.checkouts", with("how", how.label()))),
            closed: Reason::ALL.map(|reason| {
                counter!(
                    "mcp.client.connection.closed",
                    with("reason", reason.label())
                )
            }),
        }
    }

    /// Counts one more.
    pub(crate) fn count(&self, of: impl FnOnce(&Self) -> &Counter) {
        tell(|| of(self).increment(1));
    }

    /// Something took so long.
    pub(crate) fn record(&self, time: Duration, of: impl FnOnce(&Self) -> &Histogram) {
        tell(|| of(self).record(time.as_secs_f64()));
    }

    pub(crate) fn checkout(&self, how: Checkout) {
        self.count(|meters| &meters.checkouts[how as usize]);
    }

    pub(crate) fn closed(&self, reason: Reason) {
        self.count(|meters| &meters.closed[reason as usize]);
    }
}

/// Sets the gauges of every server of a pool: what is open, and who waits.
pub(crate) fn publish<C: Connector>(registry: &Registry<C>) {
    let populated = registry.populated();
    for core in registry.servers() {
        let (mut idle, mut used, mut pending) = (0, 0, 0);
        for keyed in populated.iter().filter(|keyed| keyed.core.id == core.id) {
            let census = keyed.census();
            let at_rest = keyed.store.len().min(census.live);
            idle += at_rest;
            used += census.live - at_rest;
            pending += census.waiting();
        }
        set(&core, "mcp.client.connection.count", Some("idle"), idle);
        set(&core, "mcp.client.connection.count", Some("used"), used);
        set(
            &core,
            "mcp.client.connection.pending_requests",
            None,
            pending,
        );
        let max = core.settings.max_connections;
        set(&core, "mcp.client.connection.max", None, max);
    }
}

fn set<C: Connector>(core: &Core<C>, name: &'static str, state: Option<&'static str>, to: usize) {
    let state = state.map(|state| Label::from_static_parts("state", state));
    let labels: Vec<_> = [pool_name(&core.name)].into_iter().chain(state).collect();
    // Exact: there are never so many connections that a float could not tell them.
    tell(|| gauge!(name, labels).set(to as f64));
}

/// Which server a figure belongs to.
fn pool_name(server: &Arc<str>) -> Label {
    Label::new("mcp.client.connection.pool.name", Arc::clone(server))
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meters").finish_non_exhaustive()
    }
}
