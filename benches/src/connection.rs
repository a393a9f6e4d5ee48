//! The connection table: what it costs to have a usable connection in hand.

use std::time::Duration;

use mcp_domain::{Connection as _, Connector as _, Error, Operation, PoolStats, Scope};
use mcp_pool::{Pool, Settings};
use mcp_transport::{ClientConnector, Lifecycle};
use tokio::time::Instant;

use crate::{
    bench::Bench,
    plot::{Bars, Plot, Tone, Unit, median},
    sample::Samples,
    section::{Cell, Section, column},
    servers::Transport,
};

const CHECKOUT: Operation = Operation::new("checkout");
pub(crate) const CLOSE: Duration = Duration::from_secs(10);

/// How connections begin, and what that is called.
pub(crate) const LIFECYCLES: [(Lifecycle, &str); 2] = [
    (Lifecycle::Initialize, "initialize"),
    (Lifecycle::Discover, "discover"),
];

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Section>, Error> {
    let columns = [
        column("transport", "transport"),
        column("lifecycle", "lifecycle"),
        column("direct_us", "direct"),
        column("pool_first_us", "pool, first"),
        column("pool_reuse_us", "pool, reuse"),
        column("improvement", "improvement").judged(),
        column("connects", "connects"),
        column("checkouts", "checkouts"),
    ];
    let mut section = Section::new("connection", "Connection time", &columns).about(&[
        "Until a usable connection is in hand.",
        "*direct*: connect, handshake, proper close (the child process is gone, the HTTP session deleted).",
        "*pool, first*: the first checkout of a pool that was just built; it does not wait for a close.",
        "*pool, reuse*: a checkout of a warm pool, checked as in production: a connection that was idle for less than half a second is not asked for a sign of life, here as there.",
        "*improvement*: direct over reuse.",
    ]);
    let mut last = PoolStats::default();
    let mut groups = Vec::new();
    for transport in Transport::ALL {
        for (lifecycle, name) in LIFECYCLES {
            let connector = bench
                .servers
                .connector(transport)?
                .with_lifecycle(lifecycle);
            let label = format!("connecting: {transport}, {name}");
            let (direct, first) = connects(&connector, bench, &label).await?;
            let (reuse, stats) = checkouts(&connector, bench).await?;
            last = stats;
            let medians = [&direct, &first, &reuse].map(median);
            groups.push((format!("{transport}, {name}"), medians.into()));
            section.row(vec![
                Cell::word(transport.name()),
                Cell::word(name),
                Cell::times(&direct),
                Cell::times(&first),
                Cell::times(&reuse),
                Cell::ratio(&direct, &reuse),
                Cell::count(direct.len()),
                Cell::count(reuse.len()),
            ]);
        }
    }
    let bars = Bars {
        unit: Unit::Time,
        names: vec![
            ("direct".to_owned(), Tone::Direct),
            ("pool, first".to_owned(), Tone::First),
            ("pool, reuse".to_owned(), Tone::Pooled),
        ],
        groups,
    };
    let plot = Plot::bars("connection", "Until a connection is in hand", bars);
    section.plots.push(plot);
    Ok(vec![section, statistics(&last)])
}

/// Direct connects and first checkouts, by turns.
pub(crate) async fn connects(
    connector: &ClientConnector,
    bench: &Bench,
    label: &str,
) -> Result<(Samples, Samples), Error> {
    let (mut direct, mut first) = (Samples::default(), Samples::default());
    // Not counted: the first ones find cold caches.
    for _ in 0..3 {
        connector.connect(&Scope::default()).await?.close().await?;
    }
    let mut row = bench.row(label, 1000);
    while row.goes_on() {
        let start = Instant::now();
        let client = connector.connect(&Scope::default()).await?;
        client.close().await?;
        direct.since(start);

        let pool = Pool::new(Settings::default());
        let server = pool.server("measured", connector.clone()).add();
        let start = Instant::now();
        let lease = server.lease(CHECKOUT).await?;
        first.since(start);
        lease.ping().await?;
        drop(lease);
        pool.close(CLOSE).await;
    }
    Ok((direct, first))
}

pub(crate) async fn checkouts(
    connector: &ClientConnector,
    bench: &Bench,
) -> Result<(Samples, PoolStats), Error> {
    let mut reuse = Samples::default();
    let pool = Pool::new(Settings::default());
    let server = pool.server("measured", connector.clone()).add();
    let count = bench.effort.of(100_000);
    for _ in 0..count.div_ceil(20) {
        drop(server.lease(CHECKOUT).await?);
    }
    for number in 0..count {
        let start = Instant::now();
        let lease = server.lease(CHECKOUT).await?;
        reuse.since(start);
        // What was handed out is alive: asked now and then, outside the measured time.
        if number % 100 == 0 {
            lease.ping().await?;
        }
    }
    let stats = pool.stats();
    pool.close(CLOSE).await;
    Ok((reuse, stats))
}

fn statistics(stats: &PoolStats) -> Section {
    let columns = [
        column("total_connections", "total"),
        column("available_connections", "available"),
        column("active_connections", "active"),
        column("max_connections", "max"),
        column("circuit_breaker_state", "breaker"),
        column("failure_count", "failures"),
        column("opened", "opened"),
        column("hits", "hits"),
    ];
    let title = "Statistics of the last pool of the connection table";
    let mut section = Section::new("statistics", title, &columns).about(&[
        "What `Pool::stats` said before it was closed: counts, of which there is nothing to sample.",
    ]);
    section.row(vec![
        Cell::Count(stats.total_connections),
        Cell::Count(stats.available_connections),
        Cell::Count(stats.active_connections),
        Cell::Count(stats.max_connections),
        Cell::word(stats.circuit_breaker_state.to_string()),
        Cell::Count(stats.failure_count),
        Cell::Count(stats.opened),
        Cell::Count(stats.hits),
    ]);
    section
}
