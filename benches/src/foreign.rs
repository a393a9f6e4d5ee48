//! Servers that others wrote: the same measurements, with their own start-up times.

use std::{path::Path, time::Duration};

use mcp_domain::{Connection as _, Connector as _, Error, ErrorKind, Operation, Scope, Target};
use mcp_pool::{Pool, Settings};
use mcp_transport::{Client, ClientConnector, ServersFile, infer};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, timeout};

use self::known::KNOWN;
use crate::{
    bench::Bench,
    connection::{CLOSE, checkouts},
    plot::{Bars, Plot, Tone, Unit},
    process::Usage,
    progress::Pace,
    sample::Samples,
    section::{Cell, Section, column},
};

mod known;
mod light;

const CALL: Operation = Operation::new("call").repeatable();
const CHECKOUT: Operation = Operation::new("checkout");

/// How long a server may take until its first session is there.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server of others, and a call that it must answer.
#[derive(Debug)]
struct Foreign {
    name: String,
    connector: ClientConnector,
    call: Call,
    /// Its working directory.
    _folder: Option<TempDir>,
}

/// What a server is asked.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    ListTools,
    Tool {
        name: String,
        arguments: Value,
        /// Must be in the answer.
        expected: String,
    },
}

impl Call {
    async fn ask(&self, client: &Client) -> Result<(), Error> {
        let wrong = match self {
            Self::ListTools => {
                let tools = client.list_tools().await?;
                let none = || "the server has no tools, so that there is nothing to call";
                tools.is_empty().then(none).map(str::to_owned)
            }
            Self::Tool {
                name,
                arguments,
                expected,
            } => {
                let answer = client.call_tool(name, arguments).await?.text();
                let start: String = answer.chars().take(100).collect();
                let other = || format!("`{name}` answered `{start}`, without `{expected}`");
                (!answer.contains(expected)).then(other)
            }
        };
        wrong.map_or(Ok(()), |message| {
            Err(Error::new(ErrorKind::BadResponse, message))
        })
    }

    fn name(&self) -> &str {
        match self {
            Self::ListTools => "list tools",
            Self::Tool { name, .. } => name,
        }
    }
}

/// Measures the servers that `cargo xtask bench --third-party` has installed.
pub(crate) async fn third_party(bench: &Bench, installed: &Path) -> Result<Vec<Section>, Error> {
    let mut section = section("third-party", "Servers of others");
    section.about.push(
        "Each is started as a child process and asked by its own tool; direct includes its start, its handshake and its end.".to_owned(),
    );
    let mut databases = Vec::new();
    for known in KNOWN {
        let foreign = match known.foreign(installed) {
            Ok(foreign) => foreign,
            Err(why) => {
                section.remarks.push(format!("{}: {why}.", known.name));
                continue;
            }
        };
        if one(bench, &foreign, &mut section).await && known.is_database {
            databases.push(foreign);
        }
    }
    let mut sections = finished(section);
    sections.push(light::beside(bench, &databases).await?);
    Ok(sections)
}

/// Measures a server that the user names.
pub(crate) async fn named(bench: &Bench, text: &str, call: Call) -> Result<Vec<Section>, Error> {
    let mut section = section("server", "The server that was named");
    let foreign = Foreign {
        connector: ClientConnector::new(target(text)?)?,
        name: text.to_owned(),
        call,
        _folder: None,
    };
    // Whoever asks for one server wants to know why it cannot be measured.
    measure(bench, &foreign, &mut section).await?;
    Ok(finished(section))
}

/// A URL, a command line, a file of servers with only one, or `FILE#NAME`.
fn target(text: &str) -> Result<Target, Error> {
    match text.rsplit_once('#') {
        Some((file, name)) if file.ends_with(".json") => ServersFile::read(file)?.target(name),
        _ => infer(text),
    }
}

fn section(id: &'static str, title: &str) -> Section {
    let columns = [
        column("server", "server"),
        column("call", "call"),
        column("connect_us", "connect"),
        column("direct_us", "connect, call, close"),
        column("first_us", "pool, first"),
        column("reuse_us", "pool, reuse"),
        column("pooled_us", "pooled call"),
        column("connect_improvement", "connect / reuse").judged(),
        column("improvement", "direct / pooled").judged(),
        column("memory", "server's memory"),
        column("samples", "samples"),
    ];
    Section::new(id, title, &columns).about(&[
        "*connect*: until the session is there. *pool, first* and *pool, reuse*: a checkout of a new pool, and of a warm one.",
        "*server's memory*: what its process has for itself, where it is a child process: what every session that is opened beside costs.",
    ])
}

fn finished(mut section: Section) -> Vec<Section> {
    let time = |cell: &Cell| match cell {
        Cell::Times(summary) => Some(summary.p50),
        _ => None,
    };
    let groups = section.rows.iter().map(|row| {
        let name = row.first().map(crate::words::cell).unwrap_or_default();
        (name, [3, 6, 5].map(|column| time(&row[column])).into())
    });
    let bars = Bars {
        unit: Unit::Time,
        names: vec![
            ("connect, call, close".to_owned(), Tone::Direct),
            ("pooled call".to_owned(), Tone::Pooled),
            ("pool, reuse".to_owned(), Tone::First),
        ],
        groups: groups.collect(),
    };
    let plot = Plot::bars(section.id.clone(), section.title.clone(), bars);
    section.plots.push(plot);
    vec![section]
}

/// One server's row, or why there is none.
async fn one(bench: &Bench, foreign: &Foreign, section: &mut Section) -> bool {
    let measured = measure(bench, foreign, section).await;
    if let Err(error) = &measured {
        let why = format!("{}: {}.", foreign.name, error.chain());
        section.remarks.push(why);
    }
    measured.is_ok()
}

async fn measure(bench: &Bench, foreign: &Foreign, section: &mut Section) -> Result<(), Error> {
    let Foreign {
        connector, call, ..
    } = foreign;
    let pool = Pool::new(Settings::default());
    let server = pool.server(&*foreign.name, connector.clone()).add();
    let before = usage().children_memory;
    let pooled_call = async || {
        server
            .run(CALL, |client| async move { call.ask(&client).await })
            .await
    };
    {
        let label = format!(
            "connecting to {}, for {} s at most",
            foreign.name,
            PATIENCE.as_secs()
        );
        let _shown = bench.progress.wait(&label);
        // Alone, before the pool tries more than once: some never answer.
        let scope = Scope::default();
        let session = timeout(PATIENCE, connector.connect(&scope));
        let client = session.await.map_err(|_| silent(&foreign.name))??;
        client.close().await?;
        for _ in 0..3 {
            pooled_call().await?;
        }
    }
    let memory = usage().children_memory.saturating_sub(before);
    let [mut connects, mut direct, mut first, mut pooled]: [Samples; 4] = Default::default();
    // Those of the others take up to seconds to start.
    let pace = Pace {
        least: if bench.effort.quick { 2 } else { 5 },
        most: 200,
        time: bench.effort.time(Duration::from_secs(6)),
    };
    let mut row = bench.progress.pace(&foreign.name, pace);
    while row.goes_on() {
        let start = Instant::now();
        let client = connector.connect(&Scope::default()).await?;
        connects.since(start);
        let answered = call.ask(&client).await;
        client.close().await?;
        answered?;
        direct.since(start);

        let fresh = Pool::new(Settings::default());
        let another = fresh.server(&*foreign.name, connector.clone()).add();
        let start = Instant::now();
        drop(another.lease(CHECKOUT).await?);
        first.since(start);
        fresh.close(CLOSE).await;

        for _ in 0..10 {
            let start = Instant::now();
            pooled_call().await?;
            pooled.since(start);
        }
    }
    pool.close(CLOSE).await;
    let (reuse, _) = checkouts(connector, bench).await?;
    section.row(vec![
        Cell::word(foreign.name.clone()),
        Cell::word(call.name()),
        Cell::times(&connects),
        Cell::times(&direct),
        Cell::times(&first),
        Cell::times(&reuse),
        Cell::times(&pooled),
        Cell::ratio(&connects, &reuse),
        Cell::ratio(&direct, &pooled),
        if memory > 0 {
            Cell::Bytes(vec![memory])
        } else {
            Cell::Missing("no child".to_owned())
        },
        Cell::count(direct.len()),
    ]);
    Ok(())
}

fn silent(name: &str) -> Error {
    let message = format!(
        "`{name}` did not answer the handshake within {} s: it is no MCP server, or one that first installs itself, which it should do before it is measured",
        PATIENCE.as_secs()
    );
    Error::new(ErrorKind::ConnectTimeout, message)
}

/// What this process and its children take at this moment.
fn usage() -> Usage {
    Usage::of_this_process().unwrap_or_default()
}
