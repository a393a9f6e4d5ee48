//! The operations table: whole operations of the plugin, direct against pooled.

use mcp_domain::Error;
use mcp_plugin_db::{Access, DatabasePlugin};

use crate::{
    bench::Bench,
    connection::CLOSE,
    plot::{Plot, Tone},
    sample::Samples,
    section::{Cell, Section, column},
    servers::Transport,
    turns::{by_turns, timed},
    work::Work,
};

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Section>, Error> {
    let columns = [
        column("transport", "transport"),
        column("operation", "operation"),
        column("direct_us", "direct"),
        column("pooled_us", "pooled"),
        column("improvement", "improvement").judged(),
        column("samples", "samples"),
    ];
    let mut section = Section::new("operations", "Operations", &columns).about(&[
        "Whole operations of the database plugin on the sample database; *direct* opens and closes a session for each. Pooled, it keeps lists for as long as the server allows and half a minute at most, so that a listing seldom asks the server.",
    ]);
    for transport in Transport::ALL {
        let connector = bench.servers.connector(transport)?;
        let plugin = |access| {
            let builder = DatabasePlugin::builder(connector.clone());
            builder.access(access).build()
        };
        let (direct, pooled) = (plugin(Access::Direct), plugin(Access::Pooled));
        for work in Work::ALL {
            let label = format!("{}: {transport}", work.name());
            let [slow, fast] = compare(work, &direct, &pooled, bench, &label).await?;
            if work == Work::Query {
                let plot = Plot::distributions(
                    format!("query-{transport}"),
                    format!("A query over {transport}"),
                    &[
                        ("direct", Tone::Direct, &slow),
                        ("pooled", Tone::Pooled, &fast),
                    ],
                );
                section.plots.push(plot);
            }
            section.row(vec![
                Cell::word(transport.name()),
                Cell::word(work.name()),
                Cell::times(&slow),
                Cell::times(&fast),
                Cell::ratio(&slow, &fast),
                Cell::count(slow.len()),
            ]);
        }
        pooled.close(CLOSE).await;
    }
    Ok(vec![section])
}

/// Both modes by turns, so that whatever else the machine does hits both alike.
pub(crate) async fn compare(
    work: Work,
    direct: &DatabasePlugin,
    pooled: &DatabasePlugin,
    bench: &Bench,
    label: &str,
) -> Result<[Samples; 2], Error> {
    let direct = || timed(work.run(direct));
    let pooled = || timed(work.run(pooled));
    by_turns(3, bench.row(label, 1000), [&direct, &pooled]).await
}
