//! The cold burst: many callers at once, and nothing is open yet.

use mcp_domain::{Connection as _, Connector as _, Error, Scope};
use mcp_pool::{Pool, Settings};
use mcp_transport::ClientConnector;

use crate::{
    bench::Bench,
    connection::{CLOSE, LIFECYCLES},
    crowd::at_once,
    sample::Samples,
    section::{Cell, Section, column},
    servers::Transport,
    work,
};

const CALLERS: [usize; 3] = [8, 64, 256];

/// Hundreds of processes take a while to start.
const CALLERS_QUICK: [usize; 2] = [8, 64];

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Section>, Error> {
    let columns = [
        column("transport", "transport"),
        column("lifecycle", "lifecycle"),
        column("callers", "callers"),
        column("direct_us", "direct, all served"),
        column("pooled_us", "pooled, all served"),
        column("improvement", "improvement").judged(),
        column("direct_connects", "direct, connects"),
        column("pooled_connects", "pooled, connects"),
        column("rounds", "rounds"),
    ];
    let mut section = Section::new("burst", "Cold burst", &columns).about(&[
        "So many callers at once, each with one query, on a pool that was just built: the time until the last of them is served, and how many sessions were opened for it.",
        "After *discover* the server keeps no state for a session, so that callers share one; after *initialize* a session serves one caller at a time, and the pool opens up to its limit of 6.",
    ]);
    for transport in [Transport::Stdio, Transport::Http] {
        for (lifecycle, name) in LIFECYCLES {
            let callers: &[usize] = if bench.effort.quick {
                &CALLERS_QUICK
            } else {
                &CALLERS
            };
            for callers in callers.iter().copied() {
                let connector = bench.servers.connector(transport)?;
                let connector = connector.with_lifecycle(lifecycle);
                let label = format!("burst of {callers}: {transport}, {name}");
                let burst = compare(bench, &connector, callers, &label).await?;
                section.row(vec![
                    Cell::word(transport.name()),
                    Cell::word(name),
                    Cell::count(callers),
                    Cell::times(&burst.direct),
                    Cell::times(&burst.pooled),
                    Cell::ratio(&burst.direct, &burst.pooled),
                    Cell::count(callers),
                    Cell::Span(burst.fewest, burst.most),
                    Cell::count(burst.direct.len()),
                ]);
            }
        }
    }
    Ok(vec![section])
}

#[derive(Debug)]
struct Burst {
    direct: Samples,
    pooled: Samples,
    /// Sessions that the pool opened in a round.
    fewest: u64,
    most: u64,
}

async fn compare(
    bench: &Bench,
    connector: &ClientConnector,
    callers: usize,
    label: &str,
) -> Result<Burst, Error> {
    let mut burst = Burst {
        direct: Samples::default(),
        pooled: Samples::default(),
        fewest: u64::MAX,
        most: 0,
    };
    let mut row = bench.row(label, 200);
    while row.goes_on() {
        burst.direct.push(
            at_once(callers, || direct(connector.clone()))
                .await
                .served()?,
        );
        let pool = Pool::new(Settings::default());
        let server = pool.server("measured", connector.clone()).add();
        let call = || {
            let server = server.clone();
            async move { work::pooled_query(&server).await }
        };
        burst.pooled.push(at_once(callers, call).await.served()?);
        // What is still opening counts, too.
        pool.close(CLOSE).await;
        let opened = pool.stats().opened;
        burst.fewest = burst.fewest.min(opened);
        burst.most = burst.most.max(opened);
    }
    Ok(burst)
}

async fn direct(connector: ClientConnector) -> Result<(), Error> {
    let client = connector.connect(&Scope::default()).await?;
    work::query(&client).await?;
    client.close().await
}
