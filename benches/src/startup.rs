//! Start-up: what it costs to have a pool, lazy and warm.

use mcp_domain::{Error, Operation};
use mcp_pool::{Pool, Settings};
use mcp_transport::ClientConnector;
use tokio::time::Instant;

use crate::{
    bench::Bench,
    connection::CLOSE,
    sample::Samples,
    section::{Cell, Section, column},
    servers::Transport,
    work,
};

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Section>, Error> {
    let columns = [
        column("transport", "transport"),
        column("start", "start"),
        column("build_us", "start-up"),
        column("first_us", "first query"),
        column("second_us", "second query"),
        column("saved", "first / second").compared(),
        column("over_warm", "first, lazy / warm").compared(),
        column("close_us", "shutdown"),
        column("samples", "samples"),
    ];
    let mut section = Section::new("startup", "Start-up and shutdown", &columns).about(&[
        "*lazy*: the pool is built, and nothing is connected before the first query.",
        "*warm*: start-up also takes a connection and gives it back, so that the first query finds it open.",
        "*first, lazy / warm*: what warming the pool saves the first query; of warm rows, with which it is compared, there is none.",
        "*shutdown*: every connection is closed properly.",
    ]);
    for transport in Transport::ALL {
        let [lazy, warm] = lives(bench, transport).await?;
        let saved = Cell::ratio(&lazy.first, &warm.first);
        let none = Cell::Missing("–".to_owned());
        for (name, times, over_warm) in [("lazy", lazy, saved), ("warm", warm, none)] {
            section.row(vec![
                Cell::word(transport.name()),
                Cell::word(name),
                Cell::times(&times.build),
                Cell::times(&times.first),
                Cell::times(&times.second),
                Cell::ratio(&times.first, &times.second),
                over_warm,
                Cell::times(&times.close),
                Cell::count(times.build.len()),
            ]);
        }
    }
    Ok(vec![section])
}

#[derive(Debug, Default)]
struct Times {
    build: Samples,
    first: Samples,
    second: Samples,
    close: Samples,
}

/// Whole lives of pools, lazy and warm by turns.
async fn lives(bench: &Bench, transport: Transport) -> Result<[Times; 2], Error> {
    let connector = bench.servers.connector(transport)?;
    // Not counted.
    live(connector.clone(), false, &mut Times::default()).await?;
    let mut times: [Times; 2] = Default::default();
    let mut row = bench.row(&format!("start-up: {transport}"), 1000);
    while row.goes_on() {
        for (times, warm) in times.iter_mut().zip([false, true]) {
            live(connector.clone(), warm, times).await?;
        }
    }
    Ok(times)
}

async fn live(connector: ClientConnector, warm: bool, times: &mut Times) -> Result<(), Error> {
    let start = Instant::now();
    let pool = Pool::new(Settings::default());
    let server = pool.server("measured", connector).add();
    if warm {
        drop(server.lease(Operation::new("warm-up")).await?);
    }
    times.build.since(start);
    for times in [&mut times.first, &mut times.second] {
        let start = Instant::now();
        work::pooled_query(&server).await?;
        times.since(start);
    }
    let start = Instant::now();
    pool.close(CLOSE).await;
    times.close.since(start);
    Ok(())
}
