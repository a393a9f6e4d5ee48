//! One round: a pool, callers of every kind, and faults.

use std::{fmt, ops::AddAssign, sync::Arc, time::Duration};

use mcp_domain::{Error, ErrorKind, Operation, PoolStats, Scope};
use mcp_pool::{Pool, Server, Settings};
use mcp_transport::{Client, ClientConnector};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

use super::faults::{self, Befallen};
use crate::{
    servers::{Servers, Transport},
    work,
};

const CALLERS: usize = 8;

/// More than the pool may have connections, so that scopes come and go.
const SCOPES: u32 = 40;

/// Every second call may be lost, every other is repeated.
const ONCE: Operation = Operation::new("soak once");
const REPEATED: Operation = Operation::new("soak").repeatable();

/// Long enough for servers that were stopped to be given up.
const CLOSE: Duration = Duration::from_secs(30);

/// How it went.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    answered: u64,
    failed: u64,
    given_up: u64,
    befallen: Befallen,
    opened: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.answered += other.answered;
        self.failed += other.failed;
        self.given_up += other.given_up;
        self.befallen.kills += other.befallen.kills;
        self.befallen.hangs += other.befallen.hangs;
        self.opened += other.opened;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Befallen { kills, hangs } = self.befallen;
        write!(
            f,
            "{} answered, {} failed, {} given up, {kills} kills, {hangs} hangs, {} sessions",
            self.answered, self.failed, self.given_up, self.opened
        )
    }
}

/// Short times all over, so that everything that a pool does happens in seconds.
fn settings() -> Result<Settings, Error> {
    let settings = Settings::builder()
        .max_connections(3)
        .max_total(8)
        .connection_timeout(Duration::from_secs(5))
        .call_timeout(Duration::from_secs(1))
        .idle_timeout(Duration::from_millis(400))
        .max_connection_age(Duration::from_millis(1500))
        .health_check_interval(Duration::from_millis(200))
        .check_after_idle(Duration::from_millis(20))
        .check_timeout(Duration::from_millis(300))
        .drain_timeout(Duration::from_millis(300))
        .close_timeout(Duration::from_secs(5))
        .leak_detection_threshold(Duration::from_secs(10));
    settings
        .build()
        .map_err(|error| Error::new(ErrorKind::InvalidInput, error.to_string()))
}

/// Runs one round, and checks that its pool closes with nothing left.
pub(super) async fn run(servers: &Servers, time: Duration) -> Result<Tally, Error> {
    let until = Instant::now() + time;
    let pool = Pool::new(settings()?);
    let stdio = pool
        .server("stdio", servers.connector(Transport::Stdio)?)
        .add();
    let http = pool
        .server("http", servers.connector(Transport::Http)?)
        .add();
    let faults = tokio::spawn(faults::befall(servers.http_pid()?, until));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(call(stdio.clone(), http.clone(), until));
    }
    let mut tally = Tally::default();
    while let Some(caller) = callers.join_next().await {
        tally += caller.map_err(ended)?;
    }
    tally.befallen = faults.await.map_err(ended)??;
    let report = pool.close(CLOSE).await;
    let stats = pool.stats();
    tally.opened = stats.opened;
    check(&tally, &stats, report.abandoned)?;
    Ok(tally)
}

fn check(tally: &Tally, stats: &PoolStats, abandoned: usize) -> Result<(), Error> {
    let wrong = if abandoned > 0 {
        "connections were not closed"
    } else if stats.opened != stats.closed.total() || stats.total_connections != 0 {
        "the books do not add up"
    } else if stats.suspected_leaks > 0 {
        "a lease was not given back"
    } else if tally.answered == 0 {
        "no call was answered"
    } else {
        return Ok(());
    };
    let message = format!("{wrong}: {tally}; {abandoned} abandoned; {stats:?}");
    Err(Error::new(ErrorKind::BadResponse, message))
}

fn ended(error: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::BadResponse, "a task has panicked").with_source(error)
}

/// One caller, who does something else each time.
async fn call(
    stdio: Server<ClientConnector>,
    http: Server<ClientConnector>,
    until: Instant,
) -> Tally {
    let mut tally = Tally::default();
    while Instant::now() < until {
        let server = if fastrand::bool() { &stdio } else { &http };
        let server = match fastrand::u32(..2 * SCOPES) {
            user if user < SCOPES => server.scoped(Scope::new(format!("user {user}"))),
            _ => server.clone(),
        };
        let done = match fastrand::u8(..10) {
            0 | 1 => lease(&server, fastrand::bool()).await,
            // Most give up while they wait, connect or call.
            2..4 => {
                let patience = Duration::from_micros(fastrand::u64(..5000));
                match timeout(patience, query(&server)).await {
                    Ok(done) => done,
                    Err(_) => {
                        tally.given_up += 1;
                        continue;
                    }
                }
            }
            _ => query(&server).await,
        };
        match done {
            Ok(()) => tally.answered += 1,
            Err(_) => tally.failed += 1,
        }
    }
    tally
}

async fn query(server: &Server<ClientConnector>) -> Result<(), Error> {
    let operation = if fastrand::bool() { ONCE } else { REPEATED };
    let query = |client: Arc<Client>| async move { work::query(&client).await };
    server.run(operation, query).await
}

/// Two calls on one connection, which is thrown away afterwards if so asked.
async fn lease(server: &Server<ClientConnector>, discard: bool) -> Result<(), Error> {
    let lease = server.lease(ONCE).await?;
    for _ in 0..2 {
        let asked = timeout(Duration::from_secs(1), work::query(&lease)).await;
        let late = |_| Error::new(ErrorKind::CallTimeout, "no answer in time");
        if let Err(error) = asked.unwrap_or_else(|elapsed| Err(late(elapsed))) {
            // Nothing can be said of what is still under way on it.
            lease.discard();
            return Err(error);
        }
    }
    if discard {
        lease.discard();
    }
    Ok(())
}
