//! Growth over many requests: memory, file descriptors, child processes.
//!
//! Each way of calling runs in a process of its own, which tells how it fares and
//! waits until its server has been looked at, too.

use std::{process::Stdio, time::Duration};

use mcp_domain::{Connection as _, Connector as _, Error, ErrorKind, Scope};
use mcp_pool::{Pool, Server, Settings};
use mcp_transport::{Client, ClientConnector};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
    time::Instant,
};

use crate::{
    bench::Bench,
    connection::CLOSE,
    plot::{Axis, Lines, Plot, Scale, Series, Tone, Unit},
    process::{self, Usage},
    sample::Samples,
    section::{Cell, Section, column},
    servers::{PlaceArgs, Servers, Transport},
    words, work,
};

/// How often it is looked at, the beginning included.
const LOOKS: usize = 21;

/// What a machine keeps for others.
const LEAVE: u64 = 1 << 30;

/// How a request gets its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Way {
    /// A new one, which nobody closes.
    Leaky,
    /// A new one, closed afterwards.
    Closed,
    Pooled,
}

impl Way {
    const ALL: [Self; 3] = [Self::Leaky, Self::Closed, Self::Pooled];

    fn name(self) -> &'static str {
        match self {
            Self::Leaky => "direct, never closed",
            Self::Closed => "direct, closed",
            Self::Pooled => "pooled",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Self::Leaky => Tone::Direct,
            Self::Closed => Tone::First,
            Self::Pooled => Tone::Pooled,
        }
    }

    fn argument(self) -> &'static str {
        match self {
            Self::Leaky => "leaky",
            Self::Closed => "closed",
            Self::Pooled => "pooled",
        }
    }
}

/// One look at the process that calls.
#[derive(Debug, Serialize, Deserialize)]
struct Look {
    requests: usize,
    usage: Usage,
    /// The requests since the last look, in nanoseconds.
    took: Vec<u64>,
    /// Why it ended before its time.
    failed: Option<String>,
}

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Section>, Error> {
    let columns = [
        column("transport", "transport"),
        column("way", "way"),
        column("requests", "requests"),
        column("memory", "memory"),
        column("descriptors", "descriptors"),
        column("children", "children"),
        column("servers_memory", "servers' memory"),
        column("request_us", "a request"),
        column("over_pooled", "request / pooled").judged(),
        column("left_over_pooled", "at the end / pooled"),
        column("end", "end"),
    ];
    let mut section = Section::new("growth", "Growth over many requests", &columns).about(&[
        "Each way runs in a process of its own, one query after the other, and one process after the other: what the operating system says of it before and after.",
        "*direct, never closed* is how the case study began: every request opens a session, and nobody closes it.",
        "*servers' memory*: what the child processes have for themselves (stdio), or all of the server's (HTTP).",
        "Each request is a sample of *a request*. What the system says is read after the first twentieth of the requests and after the last, with how many times as much that is: one reading each, so that there is no interval.",
        "*at the end / pooled*: what there is after the last request beside what the pool has then; memory is the process's and its servers'. Pooled rows, with which the others are compared, have no such ratio; nor is there one of what a request leaves behind, for with a pool that is nothing or next to nothing.",
    ]);
    for transport in [Transport::Stdio, Transport::Http] {
        let (mut memory, mut descriptors) = (Vec::new(), Vec::new());
        let mut lives = Vec::new();
        for way in Way::ALL {
            // A server of its own, so that what one way leaves behind is not the next one's.
            let servers = bench.servers.others().await?;
            let lived = live(bench, &servers, transport, way).await;
            servers.stop().await?;
            let looks = lived?;
            let points = |of: fn(&(Look, u64)) -> u64| {
                let points = looks
                    .iter()
                    .map(|look| (look.0.requests as f64, of(look) as f64));
                Series::new(way.name(), way.tone(), points.collect())
            };
            memory.push(points(memory_of));
            descriptors.push(points(|(look, _)| look.usage.descriptors));
            lives.push((way, looks));
        }
        let pooled = lives.last().map_or(&[][..], |(_, looks)| looks);
        for (way, looks) in &lives {
            section.row(row(transport, *way, looks, pooled));
        }
        let title = format!("Memory with the servers', {transport}");
        let id = format!("growth-memory-{transport}");
        section.plots.push(plot(id, title, Unit::Bytes, memory));
        let title = format!("File descriptors, {transport}");
        let id = format!("growth-descriptors-{transport}");
        section
            .plots
            .push(plot(id, title, Unit::Count, descriptors));
    }
    Ok(vec![section])
}

fn plot(id: String, title: String, unit: Unit, series: Vec<Series>) -> Plot {
    let axis = |label, unit| Axis {
        label,
        scale: Scale::Linear,
        unit,
    };
    let lines = Lines {
        x: axis("requests", Unit::Count),
        y: axis("", unit),
        series,
    };
    Plot::lines(id, title, lines)
}

/// One process, from its first request to its last; the server's usage beside.
async fn live(
    bench: &Bench,
    servers: &Servers,
    transport: Transport,
    way: Way,
) -> Result<Vec<(Look, u64)>, Error> {
    let requests = if bench.effort.quick { 100 } else { 1000 };
    let place = match transport {
        Transport::Stdio => servers.stdio(),
        _ => servers.http(),
    };
    let this = std::env::current_exe().map_err(broken)?;
    let child = Command::new(this)
        .args(["growth", "--way", way.argument()])
        .args(["--requests", &requests.to_string()])
        .args(place.arguments())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = Parent(child.map_err(broken)?);
    let (Some(mut input), Some(output)) = (child.0.stdin.take(), child.0.stdout.take()) else {
        return Err(broken(std::io::Error::other("its pipes are missing")));
    };
    let mut lines = BufReader::new(output).lines();
    let mut looks = Vec::new();
    let label = format!("growth: {transport}, {}", way.name());
    let mut bar = bench.progress.steps(&label, LOOKS);
    while let Some(line) = lines.next_line().await.map_err(broken)? {
        let look: Look = serde_json::from_str(&line).map_err(|error| broken(error.into()))?;
        let server = match transport {
            Transport::Http => Usage::of(servers.http_pid()?).map_err(broken)?.memory,
            _ => look.usage.children_memory,
        };
        looks.push((look, server));
        bar.step();
        input.write_all(b"\n").await.map_err(broken)?;
    }
    let status = child.0.wait().await.map_err(broken)?;
    let last = looks.last().map(|(look, _)| look);
    let is_over = |look: &Look| look.requests == requests || look.failed.is_some();
    if status.success() && last.is_some_and(is_over) {
        return Ok(looks);
    }
    let message = format!("the process that was to grow ended before its time with {status}");
    Err(Error::new(ErrorKind::BadResponse, message))
}

/// A process with servers of its own. It is told to end when it is dropped, not killed: it
/// takes its servers with it.
#[derive(Debug)]
struct Parent(Child);

impl Drop for Parent {
    fn drop(&mut self) {
        // Without a number, it has been waited for.
        let pid = self.0.id().map(u32::cast_signed).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // Fails only if it has ended; whoever runs the runtime waits for it.
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

/// What each request took.
fn requests(looks: &[(Look, u64)]) -> Samples {
    let mut times = Samples::default();
    for nanos in looks.iter().flat_map(|(look, _)| &look.took) {
        times.push(Duration::from_nanos(*nanos));
    }
    times
}

/// With the servers'.
fn memory_of((look, servers): &(Look, u64)) -> u64 {
    look.usage.memory + servers
}

/// What there is at the end, beside what the pool has then.
fn left(looks: &[(Look, u64)], pooled: &[(Look, u64)]) -> Cell {
    type Figure = fn(&(Look, u64)) -> u64;
    let figures: [(&str, Figure); 3] = [
        ("memory", memory_of),
        ("descriptors", |(look, _)| look.usage.descriptors),
        ("children", |(look, _)| look.usage.children),
    ];
    let told = figures.into_iter().filter_map(|(name, of)| {
        let (here, there) = (of(looks.last()?), of(pooled.last()?));
        let times = words::factor(here as f64 / there as f64);
        // Nothing goes into nothing.
        (there > 0).then(|| format!("{name} {times}x"))
    });
    Cell::Word(told.collect::<Vec<_>>().join(", "))
}

fn row(transport: Transport, way: Way, looks: &[(Look, u64)], pooled: &[(Look, u64)]) -> Vec<Cell> {
    // The first look is at a process that has not called anybody yet.
    let last = looks.len() - 1;
    let first = last.min(1);
    let both = |of: fn(&(Look, u64)) -> u64| vec![of(&looks[first]), of(&looks[last])];
    let times = requests(looks);
    let [request, left] = match way {
        Way::Pooled => [(); 2].map(|()| Cell::Missing("–".to_owned())),
        _ => [Cell::ratio(&times, &requests(pooled)), left(looks, pooled)],
    };
    vec![
        Cell::word(transport.name()),
        Cell::word(way.name()),
        Cell::count(looks[last].0.requests),
        Cell::Bytes(both(|(look, _)| look.usage.memory)),
        Cell::Counts(both(|(look, _)| look.usage.descriptors)),
        Cell::Counts(both(|(look, _)| look.usage.children)),
        Cell::Bytes(both(|(_, server)| *server)),
        Cell::times(&times),
        request,
        left,
        Cell::word(looks[last].0.failed.as_deref().unwrap_or("all answered")),
    ]
}

fn broken(error: std::io::Error) -> Error {
    let message = "cannot watch a process grow";
    Error::new(ErrorKind::ConnectFailed, message).with_source(error)
}

/// The arguments of the process that grows.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long, value_enum)]
    way: Way,
    #[arg(long)]
    requests: usize,
    #[command(flatten)]
    place: PlaceArgs,
}

/// The process that grows: requests, and a look from time to time. What it has leaked ends
/// with it.
pub(crate) async fn grow(args: Args) -> Result<(), Error> {
    let Some(place) = args.place.place() else {
        let message = "name the server by --url, or by --program and --database";
        return Err(Error::new(ErrorKind::InvalidInput, message));
    };
    let connector = place.connector()?;
    let pool = Pool::new(Settings::default());
    let server = pool.server("measured", connector.clone()).add();
    let between = args.requests.div_ceil(LOOKS - 1);
    let mut took = Vec::new();
    let mut leaked = Vec::new();
    let mut failed = None;
    tell(0, &mut took, None).await?;
    for number in 1..=args.requests {
        let start = Instant::now();
        let done = request(args.way, &connector, &server, &mut leaked).await;
        took.push(start.elapsed().as_nanos() as u64);
        if let Err(error) = done {
            failed = Some(format!("failed: {}", error.chain()));
        } else if process::available().is_ok_and(|bytes| bytes < LEAVE) {
            failed = Some("stopped: the machine is out of memory".to_owned());
        }
        if number % between == 0 || number == args.requests || failed.is_some() {
            tell(number, &mut took, failed.clone()).await?;
        }
        if failed.is_some() {
            break;
        }
    }
    pool.close(CLOSE).await;
    Ok(())
}

/// Tells one look, and waits for leave to go on.
async fn tell(requests: usize, took: &mut Vec<u64>, failed: Option<String>) -> Result<(), Error> {
    let look = Look {
        requests,
        usage: Usage::of_this_process().map_err(broken)?,
        took: std::mem::take(took),
        failed,
    };
    let mut line = serde_json::to_string(&look).map_err(|error| broken(error.into()))?;
    line.push('\n');
    let mut output = tokio::io::stdout();
    output.write_all(line.as_bytes()).await.map_err(broken)?;
    output.flush().await.map_err(broken)?;
    let mut leave = String::new();
    let mut input = BufReader::new(tokio::io::stdin());
    input.read_line(&mut leave).await.map_err(broken)?;
    Ok(())
}

async fn request(
    way: Way,
    connector: &ClientConnector,
    server: &Server<ClientConnector>,
    leaked: &mut Vec<Client>,
) -> Result<(), Error> {
    if way == Way::Pooled {
        return work::pooled_query(server).await;
    }
    let client: Client = connector.connect(&Scope::default()).await?;
    let done = work::query(&client).await;
    if way == Way::Closed {
        client.close().await?;
    } else {
        // Nobody uses it again, and nobody closes it: the leak of the case study.
        leaked.push(client);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupt;

    #[tokio::test]
    async fn a_process_with_servers_is_told_to_end_and_not_killed() {
        let folder = tempfile::tempdir().unwrap();
        let told = folder.path().join("told");
        let script = "trap 'echo > \"$0\"; exit' TERM; echo ready; while :; do sleep 0.01; done";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .arg(&told)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        assert_eq!(output.lines().next_line().await.unwrap().unwrap(), "ready");
        drop(Parent(child));
        interrupt::no_child_left().await;
        assert!(told.exists());
    }

    #[test]
    fn what_is_left_stands_beside_what_the_pool_has() {
        let look = |memory, descriptors, children, server| {
            let usage = Usage {
                memory,
                descriptors,
                children,
                ..Usage::default()
            };
            let look = Look {
                requests: 1,
                usage,
                took: Vec::new(),
                failed: None,
            };
            [(look, server)]
        };
        let pooled = look(10, 16, 1, 10);
        let of = |looks| words::cell(&left(looks, &pooled));
        let leaky = look(100, 40, 30, 900);
        assert_eq!(of(&leaky), "memory 50x, descriptors 2.5x, children 30x");
        let closed = look(10, 12, 0, 0);
        assert_eq!(of(&closed), "memory 0.50x, descriptors 0.75x, children 0x");
        // Over HTTP, where the pool has no children either, there is nothing to compare.
        let http = words::cell(&left(&closed, &closed));
        assert_eq!(http, "memory 1.00x, descriptors 1.00x");
    }
}
