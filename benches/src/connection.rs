//! The connection table: what it costs to have a usable connection in hand.
//!
//! - *direct*: connect, handshake, proper close;
//! - *pool, first*: the first checkout of a pool that was just built;
//! - *pool, reuse*: a checkout of a pool with an open connection, checked as always.

use std::time::Duration;

use mcp_domain::{Connection as _, Connector as _, Error, Operation, PoolStats, Scope};
use mcp_pool::{Pool, Settings};
use mcp_transport::{ClientConnector, Lifecycle};
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    Effort,
    progress::Progress,
    sample::{Samples, Summary},
    servers::{Servers, Transport},
};

const CHECKOUT: Operation = Operation::new("checkout");
const CLOSE: Duration = Duration::from_secs(10);

/// One row of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) transport: Transport,
    pub(crate) lifecycle: &'static str,
    pub(crate) direct_us: Summary,
    pub(crate) pool_first_us: Summary,
    pub(crate) pool_reuse_us: Summary,
    pub(crate) improvement: f64,
}

/// The rows, and the statistics of the last pool.
pub(crate) async fn measure(
    servers: &Servers,
    effort: Effort,
    progress: &Progress,
) -> Result<(Vec<Row>, PoolStats), Error> {
    let mut rows = Vec::new();
    let mut stats = PoolStats::default();
    for transport in Transport::ALL {
        for (lifecycle, name) in [
            (Lifecycle::Initialize, "initialize"),
            (Lifecycle::Discover, "discover"),
        ] {
            let connector = servers.connector(transport)?.with_lifecycle(lifecycle);
            let label = format!("connecting: {}, {name}", transport.name());
            let (direct, first) = connects(&connector, effort, progress, &label).await?;
            let (reuse, after) = checkouts(&connector, effort).await?;
            stats = after;
            let direct_us = direct.summary();
            let pool_reuse_us = reuse.summary();
            rows.push(Row {
                transport,
                lifecycle: name,
                improvement: direct_us.times(&pool_reuse_us),
                direct_us,
                pool_first_us: first.summary(),
                pool_reuse_us,
            });
        }
    }
    Ok((rows, stats))
}

/// Direct connects and first checkouts, by turns.
async fn connects(
    connector: &ClientConnector,
    effort: Effort,
    progress: &Progress,
    label: &str,
) -> Result<(Samples, Samples), Error> {
    let (mut direct, mut first) = (Samples::default(), Samples::default());
    // Not counted: the first ones find cold caches.
    for _ in 0..effort.connects.div_ceil(20) {
        connector.connect(&Scope::default()).await?.close().await?;
    }
    let bar = progress.task(label, effort.connects);
    for _ in 0..effort.connects {
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
        bar.inc(1);
    }
    Ok((direct, first))
}

async fn checkouts(
    connector: &ClientConnector,
    effort: Effort,
) -> Result<(Samples, PoolStats), Error> {
    let mut reuse = Samples::default();
    let pool = Pool::new(Settings::default());
    let server = pool.server("measured", connector.clone()).add();
    for _ in 0..effort.checkouts.div_ceil(20) {
        drop(server.lease(CHECKOUT).await?);
    }
    for count in 0..effort.checkouts {
        let start = Instant::now();
        let lease = server.lease(CHECKOUT).await?;
        reuse.since(start);
        // What was handed out is alive: asked now and then, outside the measured time.
        if count % 100 == 0 {
            lease.ping().await?;
        }
    }
    let stats = pool.stats();
    pool.close(CLOSE).await;
    Ok((reuse, stats))
}
