//! The workers table: so many callers at once, each with one query.

use std::sync::Arc;

use mcp_domain::Error;
use mcp_plugin_db::{Access, DatabasePlugin};

use crate::{
    bench::Bench,
    connection::CLOSE,
    crowd::at_once,
    plot::{Axis, Lines, Plot, Scale, Series, Tone, Unit},
    sample::Samples,
    section::{Cell, Section, column},
    servers::Transport,
    turns::{Took, by_turns},
    work::Work,
};

/// Those of the case study, and on.
const WORKERS: [usize; 6] = [1, 3, 5, 16, 64, 256];

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Section>, Error> {
    let columns = [
        column("transport", "transport"),
        column("workers", "workers"),
        column("direct_us", "direct, all served"),
        column("pooled_us", "pooled, all served"),
        column("improvement", "improvement").judged(),
        column("direct_rate", "direct, calls"),
        column("pooled_rate", "pooled, calls"),
        column("opened", "connections"),
        column("rounds", "rounds"),
    ];
    let mut section = Section::new("workers", "Workers", &columns).about(&[
        "So many workers at once, each with one query: the time until the last of them is served.",
        "The pool is warm and has the default settings (6 connections at most); *connections* is how many it opened for all rounds.",
    ]);
    for transport in [Transport::Stdio, Transport::Http] {
        let (mut slow, mut fast) = (Vec::new(), Vec::new());
        for workers in WORKERS {
            let ([direct, pooled], opened) = compare(bench, transport, workers).await?;
            let rate = |samples: &Samples| {
                let calls = (samples.len() * workers) as f64;
                calls / samples.total().as_secs_f64()
            };
            slow.push((workers as f64, rate(&direct)));
            fast.push((workers as f64, rate(&pooled)));
            section.row(vec![
                Cell::word(transport.name()),
                Cell::count(workers),
                Cell::times(&direct),
                Cell::times(&pooled),
                Cell::ratio(&direct, &pooled),
                Cell::Rate(rate(&direct)),
                Cell::Rate(rate(&pooled)),
                Cell::Count(opened),
                Cell::count(direct.len()),
            ]);
        }
        section.plots.push(plot(transport, slow, fast));
    }
    Ok(vec![section])
}

fn plot(transport: Transport, direct: Vec<(f64, f64)>, pooled: Vec<(f64, f64)>) -> Plot {
    let axis = |label| Axis {
        label,
        scale: Scale::Log,
        unit: Unit::Count,
    };
    let lines = Lines {
        x: axis("workers at once"),
        y: axis("calls per second"),
        series: vec![
            Series::new("direct", Tone::Direct, direct),
            Series::new("pooled", Tone::Pooled, pooled),
        ],
    };
    let title = format!("Throughput over workers, {transport}");
    Plot::lines(format!("workers-{transport}"), title, lines)
}

async fn compare(
    bench: &Bench,
    transport: Transport,
    workers: usize,
) -> Result<([Samples; 2], u64), Error> {
    let connector = bench.servers.connector(transport)?;
    let plugin = |access| {
        let builder = DatabasePlugin::builder(connector.clone());
        Arc::new(builder.access(access).build())
    };
    let (direct, pooled) = (plugin(Access::Direct), plugin(Access::Pooled));
    let round = async |plugin: &Arc<DatabasePlugin>| {
        let call = || {
            let plugin = Arc::clone(plugin);
            async move { Work::Query.run(&plugin).await }
        };
        at_once(workers, call).await.served()
    };
    let row = bench.row(&format!("{workers} workers: {transport}"), 1000);
    let on_direct = || -> Took<'_> { Box::pin(round(&direct)) };
    let on_pool = || -> Took<'_> { Box::pin(round(&pooled)) };
    let times = by_turns(2, row, [&on_direct, &on_pool]).await?;
    let opened = pooled.stats().pool.opened;
    pooled.close(CLOSE).await;
    Ok((times, opened))
}
