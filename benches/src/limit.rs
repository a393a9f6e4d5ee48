//! The limit: what the same bytes cost without any protocol, and what the bare SDK
//! makes of them on a session that is open.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use mcp_domain::Error;
use mcp_plugin_db::{Access, DatabasePlugin};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    sync::Mutex,
};

use crate::{
    bare::Bare,
    bench::Bench,
    connection::CLOSE,
    crowd::at_once,
    echo::{Echo, Sizes},
    plot::{Bars, Plot, Tone, Unit, median},
    relay::{Relay, Traffic},
    sample::Samples,
    section::{Cell, Section, column},
    servers::{Place, Servers, Transport},
    turns::{Took, by_turns, timed},
    work::Work,
};

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Section>, Error> {
    Ok(vec![one_call(bench).await?, many_callers(bench).await?])
}

/// A session of the bare SDK on one of the servers.
async fn bare(servers: &Servers, transport: Transport) -> Result<Bare, Error> {
    match transport {
        Transport::Http => Bare::open(&servers.http()).await,
        Transport::Stdio => Bare::open(&servers.stdio()).await,
        Transport::InProcess => Bare::over(servers.in_process()).await,
    }
}

async fn one_call(bench: &Bench) -> Result<Section, Error> {
    let columns = [
        column("transport", "transport"),
        column("operation", "operation"),
        column("question", "sent"),
        column("answer", "received"),
        column("echo_us", "bare echo"),
        column("bare_us", "bare rmcp"),
        column("pooled_us", "pooled"),
        column("over_echo", "pooled / echo").less(),
        column("over_bare", "pooled / rmcp").multiple(),
        column("samples", "samples"),
    ];
    let mut section = Section::new("limit", "The limit", &columns).about(&[
        "*bare echo*: as many bytes there and back over the same kind of pipe or socket, to a process (or task) that does nothing else. It is below what any client can reach, for it neither writes nor reads JSON, nor asks a database.",
        "*bare rmcp*: the same operation by the official SDK on one session that is open.",
        "*pooled*: the operation of the plugin, from checkout to typed answer; it asks the server each time, also for lists.",
        "*sent* and *received*: the bytes of one operation, which are the same each time.",
    ]);
    let mut groups = Vec::new();
    for transport in Transport::ALL {
        let connector = bench.servers.connector(transport)?;
        let plugin = DatabasePlugin::builder(connector)
            .access(Access::Pooled)
            .keep_listings(Duration::ZERO)
            .build();
        let bare = bare(&bench.servers, transport).await?;
        for work in Work::ALL {
            let sizes = sizes(&bench.servers, transport, work).await?;
            let echo = Mutex::new(Echo::open(transport, sizes).await?);
            let row = bench.row(&format!("limit: {transport}, {}", work.name()), 2000);
            let exchange = || timed(async { echo.lock().await.exchange().await });
            let on_bare = || timed(bare.run(work));
            let pooled = || timed(work.run(&plugin));
            let times = by_turns(10, row, [&exchange, &on_bare, &pooled]).await?;
            echo.into_inner().close().await?;
            if work == Work::Query {
                groups.push((
                    format!("query, {transport}"),
                    times.each_ref().map(median).into(),
                ));
            }
            section.row(vec![
                Cell::word(transport.name()),
                Cell::word(work.name()),
                Cell::Bytes(vec![sizes.question as u64]),
                Cell::Bytes(vec![sizes.answer as u64]),
                Cell::times(&times[0]),
                Cell::times(&times[1]),
                Cell::times(&times[2]),
                Cell::ratio(&times[2], &times[0]),
                Cell::ratio(&times[2], &times[1]),
                Cell::count(times[0].len()),
            ]);
        }
        bare.close().await?;
        plugin.close(CLOSE).await;
    }
    let bars = Bars {
        unit: Unit::Time,
        names: vec![
            ("bare echo".to_owned(), Tone::Limit),
            ("bare rmcp".to_owned(), Tone::First),
            ("pooled".to_owned(), Tone::Pooled),
        ],
        groups,
    };
    section
        .plots
        .push(Plot::bars("limit", "A call, and its limit", bars));
    Ok(section)
}

async fn many_callers(bench: &Bench) -> Result<Section, Error> {
    let each = if bench.effort.quick { 5 } else { 20 };
    let columns = [
        column("transport", "transport"),
        column("callers", "callers"),
        column("bare_rate", "bare rmcp, one session"),
        column("pooled_rate", "pooled"),
        column("bare_us", "rmcp, a round"),
        column("pooled_us", "pooled, a round"),
        column("over_bare", "pooled / rmcp").multiple(),
        column("opened", "connections"),
        column("rounds", "rounds"),
    ];
    let mut section = Section::new("throughput", "Throughput beside the bare SDK", &columns).about(&[
        &format!("So many callers, each with {each} queries one after the other: calls per second, and the time of such a round."),
        "*bare rmcp*: all on one session that is open, which nobody checks, limits or replaces.",
    ]);
    for transport in Transport::ALL {
        for callers in [1, 8, 64] {
            let connector = bench.servers.connector(transport)?;
            let plugin = DatabasePlugin::builder(connector).access(Access::Pooled);
            let plugin = Arc::new(plugin.build());
            let bare = Arc::new(bare(&bench.servers, transport).await?);
            let on_bare = async || {
                let call = || {
                    let bare = Arc::clone(&bare);
                    async move {
                        for _ in 0..each {
                            bare.run(Work::Query).await?;
                        }
                        Ok(())
                    }
                };
                at_once(callers, call).await.served()
            };
            let on_pool = async || {
                let call = || {
                    let plugin = Arc::clone(&plugin);
                    async move {
                        for _ in 0..each {
                            Work::Query.run(&plugin).await?;
                        }
                        Ok(())
                    }
                };
                at_once(callers, call).await.served()
            };
            let row = bench.row(&format!("throughput: {transport}, {callers}"), 500);
            let rmcp = || -> Took<'_> { Box::pin(on_bare()) };
            let pooled = || -> Took<'_> { Box::pin(on_pool()) };
            let [slow, fast] = by_turns(2, row, [&rmcp, &pooled]).await?;
            let rate = |samples: &Samples| {
                let calls = (samples.len() * callers * each) as f64;
                Cell::Rate(calls / samples.total().as_secs_f64())
            };
            section.row(vec![
                Cell::word(transport.name()),
                Cell::count(callers),
                rate(&slow),
                rate(&fast),
                Cell::times(&slow),
                Cell::times(&fast),
                Cell::ratio(&fast, &slow),
                Cell::Count(plugin.stats().pool.opened),
                Cell::count(slow.len()),
            ]);
            plugin.close(CLOSE).await;
            if let Some(bare) = Arc::into_inner(bare) {
                bare.close().await?;
            }
        }
    }
    Ok(section)
}

/// How many bytes an operation sends and receives, on a session that is open.
async fn sizes(servers: &Servers, transport: Transport, work: Work) -> Result<Sizes, Error> {
    let relay;
    let (bare, traffic) = match transport {
        Transport::Http => {
            relay = Relay::start(servers.http_address()?, Duration::ZERO).await?;
            let url = format!("http://{}/mcp", relay.address());
            (
                Bare::open(&Place::Http(url)).await?,
                Arc::clone(relay.traffic()),
            )
        }
        // The same lines travel on pipes and in this process.
        Transport::Stdio | Transport::InProcess => {
            let traffic = Arc::new(Traffic::default());
            let counted = Counted {
                stream: servers.in_process(),
                traffic: Arc::clone(&traffic),
            };
            (Bare::over(counted).await?, traffic)
        }
    };
    bare.run(work).await?;
    traffic.take();
    bare.run(work).await?;
    let (question, answer) = traffic.take();
    bare.close().await?;
    Ok(Sizes {
        question: question as usize,
        answer: answer as usize,
    })
}

/// A stream that counts.
#[derive(Debug)]
struct Counted {
    stream: DuplexStream,
    traffic: Arc<Traffic>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        let read = (buffer.filled().len() - before) as u64;
        add(&self.traffic.received, read);
        Poll::Ready(result)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        add(&self.traffic.sent, *result.as_ref().unwrap_or(&0) as u64);
        Poll::Ready(result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn add(counter: &AtomicU64, bytes: u64) {
    counter.fetch_add(bytes, Ordering::Relaxed);
}
