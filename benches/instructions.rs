//! How many instructions the hot paths take: a figure that does not drift with the
//! machine's mood.
//!
//! `cargo bench -p mcp-bench --bench instructions -- [--save FILE] [--compare FILE]`;
//! with `--json` it writes a line of JSON for each path instead of a table.
//!
//! Every path runs under valgrind's callgrind with few and with many repetitions, one
//! after the other on one thread; the difference is what the repetitions took. Without
//! valgrind nothing is measured, and that is said.

use std::{
    collections::BTreeMap,
    env, fs,
    hint::black_box,
    io::Write as _,
    process::{Command, ExitCode, Stdio},
    sync::Arc,
    time::Duration,
};

use deadpool::managed;
use futures::future::join_all;
use mcp_breaker::Breaker;
use mcp_domain::{CircuitBreaker, Operation, Outcome, Permit, Scope};
use mcp_pool::{Pool, Server, Settings, Sharing};
use mcp_transport::Lifecycle;
use serde_json::json;
use tokio::{runtime::Builder, task::yield_now};

#[path = "parts/http.rs"]
mod http;
#[path = "parts/nothing.rs"]
mod nothing;
#[path = "parts/quick.rs"]
mod quick;

use self::{
    http::Served,
    nothing::Opener,
    quick::{Bare, Ours},
};

const CALL: Operation = Operation::new("call");
const FEW: u64 = 500;
const MANY: u64 = 2500;

/// So many tasks share so many connections, where they wait for each other.
const TASKS: u64 = 50;
const PLACES: usize = 8;

/// As long as no caller here ever waits.
const LONG: Duration = Duration::from_secs(35);

/// More than this in a hundred is no noise: hash seeds move a path by a few instructions.
const NOISE: f64 = 2.0;

type Failure = Box<dyn std::error::Error>;

/// A hot path.
#[derive(Clone, Copy)]
enum Path {
    Bb8,
    Breaker,
    Call(Lifecycle),
    CallBare(Lifecycle),
    Deadpool,
    DeadpoolWaits,
    Evict,
    Http(Lifecycle),
    HttpBare(Lifecycle),
    Lease,
    OneOfManyScopes,
    RunExclusive,
    RunGuarded,
    RunShared,
    RunWaits,
}

impl Path {
    const ALL: [Self; 19] = [
        Self::Deadpool,
        Self::Bb8,
        Self::Breaker,
        Self::Lease,
        Self::RunExclusive,
        Self::RunShared,
        Self::RunGuarded,
        Self::DeadpoolWaits,
        Self::RunWaits,
        Self::OneOfManyScopes,
        Self::Evict,
        Self::CallBare(Lifecycle::Initialize),
        Self::Call(Lifecycle::Initialize),
        Self::CallBare(Lifecycle::Discover),
        Self::Call(Lifecycle::Discover),
        Self::HttpBare(Lifecycle::Initialize),
        Self::Http(Lifecycle::Initialize),
        Self::HttpBare(Lifecycle::Discover),
        Self::Http(Lifecycle::Discover),
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Bb8 => "bb8: get and return",
            Self::Breaker => "breaker: admit and record",
            Self::Call(Lifecycle::Discover) => "call, client, discover",
            Self::Call(_) => "call, client, initialize",
            Self::CallBare(Lifecycle::Discover) => "call, bare SDK, discover",
            Self::CallBare(_) => "call, bare SDK, initialize",
            Self::Deadpool => "deadpool: get and return",
            Self::DeadpoolWaits => "deadpool with a wait timeout, 50 tasks for 8",
            Self::Evict => "lease in a new scope, evicting",
            Self::Http(Lifecycle::Discover) => "query over HTTP, client, discover",
            Self::Http(_) => "query over HTTP, client, initialize",
            Self::HttpBare(Lifecycle::Discover) => "query over HTTP, bare SDK, discover",
            Self::HttpBare(_) => "query over HTTP, bare SDK, initialize",
            Self::Lease => "lease and return",
            Self::OneOfManyScopes => "lease in one of 1,000 scopes",
            Self::RunExclusive => "run, exclusive",
            Self::RunGuarded => "run, with a breaker",
            Self::RunShared => "run, shared",
            Self::RunWaits => "run, exclusive, 50 tasks for 8",
        }
    }

    /// Who does the same.
    fn beside(self) -> Option<Self> {
        match self {
            Self::Breaker
            | Self::CallBare(_)
            | Self::Deadpool
            | Self::DeadpoolWaits
            | Self::HttpBare(_) => None,
            Self::RunWaits => Some(Self::DeadpoolWaits),
            Self::Call(lifecycle) => Some(Self::CallBare(lifecycle)),
            Self::Http(lifecycle) => Some(Self::HttpBare(lifecycle)),
            Self::Bb8
            | Self::Evict
            | Self::Lease
            | Self::OneOfManyScopes
            | Self::RunExclusive
            | Self::RunGuarded
            | Self::RunShared => Some(Self::Deadpool),
        }
    }
}

fn main() -> ExitCode {
    match run(&env::args().collect::<Vec<_>>()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("instructions: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    // Whoever closes the pipe has seen enough.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Did nothing get worse?
fn run(args: &[String]) -> Result<bool, Failure> {
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg == name);
        at.and_then(|at| args.get(at + 1))
    };
    if args.iter().any(|arg| arg == http::SERVE) {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(http::serve())?;
        return Ok(true);
    }
    if let (Some(name), Some(count)) = (value("--path"), value("--count")) {
        let path = Path::ALL.into_iter().find(|path| path.name() == name);
        repeat(path.ok_or("there is no such path")?, count.parse()?)?;
        return Ok(true);
    }
    let asked = |what: &str| args.iter().any(|arg| arg == what);
    let as_json = asked("--json");
    // `cargo test --benches`, which asks for nothing, wants to know that it runs.
    if !(as_json || asked("--bench")) {
        for path in Path::ALL {
            repeat(path, 3)?;
        }
        return Ok(true);
    }
    let valgrind = Command::new("valgrind").arg("--version").output();
    if !valgrind.is_ok_and(|output| output.status.success()) {
        if !as_json {
            say(
                "instructions: skipped, for there is no valgrind (Debian: apt-get install valgrind)",
            );
        }
        return Ok(true);
    }
    let base: BTreeMap<String, f64> = match value("--compare") {
        Some(file) => serde_json::from_str(&fs::read_to_string(file)?)?,
        None => BTreeMap::new(),
    };
    if as_json {
        for path in Path::ALL {
            let (name, beside) = (path.name(), path.beside().map(Path::name));
            let each = each(path)?;
            say(&json!({ "name": name, "instructions": each, "beside": beside }).to_string());
        }
        return Ok(true);
    }
    say("| path | instructions | before | change |\n| --- | ---: | ---: | ---: |");
    let mut measured = BTreeMap::new();
    let mut worse = false;
    for path in Path::ALL {
        let each = each(path)?;
        let (before, change) = match base.get(path.name()) {
            Some(before) => {
                let percent = (each / before - 1.0) * 100.0;
                worse |= percent > NOISE;
                let verdict = match percent {
                    percent if percent > NOISE => ", worse",
                    percent if percent < -NOISE => ", better",
                    _ => ", noise",
                };
                (format!("{before:.0}"), format!("{percent:+.1} %{verdict}"))
            }
            None => Default::default(),
        };
        say(&format!(
            "| {} | {each:.0} | {before} | {change} |",
            path.name()
        ));
        measured.insert(path.name(), each);
    }
    if let Some(file) = value("--save") {
        fs::write(file, serde_json::to_string_pretty(&measured)? + "\n")?;
    }
    Ok(!worse)
}

/// The instructions of one repetition.
fn each(path: Path) -> Result<f64, Failure> {
    Ok((count(path, MANY)? - count(path, FEW)?) / (MANY - FEW) as f64)
}

/// The instructions of a whole process with so many repetitions.
fn count(path: Path, count: u64) -> Result<f64, Failure> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--"])
        .arg(env::current_exe()?)
        .args(["--path", path.name(), "--count", &count.to_string()])
        .stdout(Stdio::null())
        .output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    let line = words
        .lines()
        .find_map(|line| line.split_once("Collected :"));
    let collected = line.and_then(|(_, figure)| figure.trim().parse().ok());
    match collected {
        Some(collected) if output.status.success() => Ok(collected),
        _ => Err(format!("valgrind failed: {words}").into()),
    }
}

fn server(settings: &Settings, breaker: bool) -> Server<Opener> {
    let server = Pool::new(*settings).server("nothing", Opener);
    if breaker {
        server.breaker(Arc::new(Breaker::default())).add()
    } else {
        server.add()
    }
}

/// Does so many repetitions of one path, and nothing else that depends on their number.
fn repeat(path: Path, count: u64) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let settings = Settings::builder().check_after_idle(Duration::MAX);
        let exclusive = settings.clone().sharing(Sharing::Exclusive).build()?;
        let shared = settings.clone().sharing(Sharing::Shared).build()?;
        match path {
            Path::Deadpool => {
                let pool = managed::Pool::<Opener>::builder(Opener).build()?;
                for _ in 0..count {
                    drop(pool.get().await);
                }
            }
            Path::Bb8 => {
                let pool = bb8::Pool::builder().build(Opener).await?;
                for _ in 0..count {
                    drop(pool.get().await);
                }
            }
            Path::Breaker => {
                let breaker = Breaker::default();
                let breaker: &dyn CircuitBreaker = &breaker;
                for _ in 0..count {
                    if let Ok(permit) = Permit::acquire(black_box(breaker)) {
                        permit.record(Outcome::Success);
                    }
                }
            }
            Path::Call(lifecycle) => {
                let client = Ours::connect(lifecycle).await;
                for _ in 0..count {
                    client.call().await;
                }
            }
            Path::CallBare(lifecycle) => {
                let client = Bare::connect(lifecycle).await;
                for _ in 0..count {
                    client.call().await;
                }
            }
            Path::Http(lifecycle) => {
                let served = Served::start()?;
                let client = http::Ours::connect(&served, lifecycle).await;
                for _ in 0..count {
                    client.call().await;
                }
                client.close().await;
            }
            Path::HttpBare(lifecycle) => {
                let served = Served::start()?;
                let client = http::Bare::connect(&served, lifecycle).await;
                for _ in 0..count {
                    client.call().await;
                }
                client.close().await;
            }
            Path::DeadpoolWaits => {
                let pool = managed::Pool::<Opener>::builder(Opener)
                    .max_size(PLACES)
                    .wait_timeout(Some(LONG))
                    .runtime(deadpool::Runtime::Tokio1)
                    .build()?;
                let tasks = (0..TASKS).map(|_| async {
                    for _ in 0..count.div_ceil(TASKS) {
                        let connection = pool.get().await;
                        yield_now().await;
                        drop(connection);
                    }
                });
                join_all(tasks).await;
            }
            Path::RunWaits => {
                let few = settings.clone().max_connections(PLACES);
                let server = server(&few.sharing(Sharing::Exclusive).build()?, false);
                let call = |_| async {
                    yield_now().await;
                    Ok(())
                };
                let tasks = (0..TASKS).map(|_| async {
                    for _ in 0..count.div_ceil(TASKS) {
                        server.run(CALL, call).await?;
                    }
                    Ok::<_, Failure>(())
                });
                for done in join_all(tasks).await {
                    done?;
                }
            }
            Path::Lease => {
                let server = server(&exclusive, false);
                for _ in 0..count {
                    drop(server.lease(CALL).await?);
                }
            }
            Path::RunExclusive | Path::RunGuarded | Path::RunShared => {
                let settings = match path {
                    Path::RunShared => &shared,
                    _ => &exclusive,
                };
                let server = server(settings, matches!(path, Path::RunGuarded));
                for _ in 0..count {
                    server.run(CALL, |_| async { Ok(()) }).await?;
                }
            }
            Path::OneOfManyScopes => {
                let settings = settings.max_total(2000).build()?;
                let server = server(&settings, false);
                let scopes: Vec<_> = (0..1000).map(|n| Scope::new(format!("user:{n}"))).collect();
                for scope in &scopes {
                    drop(server.scoped(scope.clone()).lease(CALL).await?);
                }
                for scope in scopes.iter().cycle().take(count as usize) {
                    drop(server.scoped(scope.clone()).lease(CALL).await?);
                }
            }
            Path::Evict => {
                let settings = settings.max_total(100).build()?;
                let server = server(&settings, false);
                // Full before the first that counts.
                for number in 0..100 + count {
                    let scope = Scope::new(format!("user:{number}"));
                    drop(server.scoped(scope).lease(CALL).await?);
                }
            }
        }
        Ok(())
    })
}
