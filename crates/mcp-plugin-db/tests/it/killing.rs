//! Servers that are killed at random while callers run.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures::future::join_all;
use mcp_domain::{ErrorKind, Fault, Operation};
use mcp_plugin_db::{Access, DatabasePlugin};
use mcp_pool::{Pool, Server, Settings, Sharing};
use mcp_transport::{Client, ClientConnector};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::servers::{HttpServer, children, descriptors, stdio, until};

/// Not repeatable: a call that was in flight is lost, and nothing hides it.
const COUNT: Operation = Operation::new("count");

const CALLERS: usize = 8;
const CALLS: usize = 40;

/// After so many calls, one server is killed.
const CALLS_PER_KILL: usize = 8;

/// After so many calls, the one server is restarted.
const CALLS_PER_RESTART: usize = 32;

/// How far the callers are.
#[derive(Default)]
struct Progress {
    calls: AtomicUsize,
    callers_done: AtomicUsize,
    changed: Notify,
}

impl Progress {
    fn one_call_more(&self) {
        self.calls.fetch_add(1, SeqCst);
        self.changed.notify_one();
    }

    fn is_over(&self) -> bool {
        self.callers_done.load(SeqCst) == CALLERS
    }
}

/// A caller, who is done when this is dropped: also by a test that fails.
struct Calling(Arc<Progress>);

impl Drop for Calling {
    fn drop(&mut self) {
        self.0.callers_done.fetch_add(1, SeqCst);
        self.0.changed.notify_one();
    }
}

/// One caller: every call but those in flight on a killed server has the right answer.
async fn call(server: Server<ClientConnector>, progress: Arc<Progress>) -> Vec<ErrorKind> {
    let _calling = Calling(Arc::clone(&progress));
    let mut failures = Vec::new();
    for _ in 0..CALLS {
        let sql = json!({ "sql": "SELECT count(*) AS orders FROM orders" });
        let asked = server.run(COUNT, |client: Arc<Client>| {
            let sql = sql.clone();
            async move { client.call_tool("query", sql).await?.parse::<Value>() }
        });
        match asked.await {
            Ok(answer) => assert_eq!(answer["rows"][0][0], 10_000),
            Err(error) => {
                assert_eq!(error.kind().fault(), Fault::Connection, "{}", error.chain());
                failures.push(error.kind());
            }
        }
        progress.one_call_more();
    }
    failures
}

/// One caller who only reads: no call of theirs fails.
async fn read(plugin: DatabasePlugin, progress: Arc<Progress>) {
    let _calling = Calling(Arc::clone(&progress));
    for n in 0..CALLS {
        let sql = "SELECT count(*) + ? FROM orders";
        let sum = plugin.query_as::<usize>(sql, &[n.into()]).await;
        assert_eq!(sum.map_err(|error| error.chain()), Ok(vec![10_000 + n]));
        progress.one_call_more();
    }
}

/// Kills one server at random each time that the callers are so much further. Tells how many.
async fn kill(progress: Arc<Progress>) -> usize {
    let mut kills = 0;
    while !progress.is_over() {
        if progress.calls.load(SeqCst) < (kills + 1) * CALLS_PER_KILL {
            progress.changed.notified().await;
            continue;
        }
        let running: Vec<u32> = children()
            .into_iter()
            .filter(|pid| is_running(*pid))
            .collect();
        let Some(victim) = fastrand::choice(running) else {
            tokio::task::yield_now().await;
            continue;
        };
        let pid = Pid::from_raw(victim.try_into().unwrap()).unwrap();
        // It may have ended by itself meanwhile.
        let _ = kill_process(pid, Signal::KILL);
        kills += 1;
    }
    kills
}

/// Not a zombie.
fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
    state.is_some_and(|state| !state.starts_with('Z'))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_are_killed_at_random_cost_the_calls_in_flight_and_nothing_else() {
    // What the first child costs once and for all: the runtime's watch over children.
    let first = Pool::new(Settings::default());
    let warm = first.server("shop", stdio()).add();
    warm.warm_up().await.unwrap();
    first.close(Duration::from_secs(10)).await;
    let before = descriptors();

    let settings = Settings::builder()
        .max_connections(4)
        .sharing(Sharing::Exclusive)
        // Each kill may hit a server while it starts; that is no call, and repeated.
        .retry_attempts(20);
    let pool = Pool::new(settings.build().unwrap());
    let server = pool.server("shop", stdio()).add();
    let progress = Arc::new(Progress::default());
    let killer = tokio::spawn(kill(Arc::clone(&progress)));
    let callers = (0..CALLERS).map(|_| tokio::spawn(call(server.clone(), Arc::clone(&progress))));
    let failures: Vec<ErrorKind> = join_all(callers)
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect();
    let kills = killer.await.unwrap();

    // One caller on a connection: no kill costs more than one call.
    assert!(
        kills >= CALLERS * CALLS / CALLS_PER_KILL / 2,
        "{kills} kills"
    );
    assert!(failures.len() <= kills, "{kills} kills, {failures:?}");
    // And it is over: the pool answers as if nothing had been, but for the last kill.
    server
        .run(COUNT.repeatable(), |client| async move {
            client.call_tool("list_tables", ()).await
        })
        .await
        .unwrap();
    let report = pool.close(Duration::from_secs(10)).await;
    assert_eq!(report.abandoned, 0);
    let stats = pool.stats();
    assert_eq!(stats.opened, stats.closed.total(), "{stats:?}");
    assert_eq!(children(), Vec::<u32>::new(), "no child and no zombie");
    // Whoever hears a server closes its pipes a little later; so it may have been before.
    until(|| descriptors() <= before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_the_plugin_do_not_notice_servers_that_are_killed() {
    let plugin = DatabasePlugin::builder(stdio())
        .access(Access::Pooled)
        // Each kill may hit what is just being repeated.
        .settings(Settings::builder().retry_attempts(20))
        .build();
    let progress = Arc::new(Progress::default());
    let killer = tokio::spawn(kill(Arc::clone(&progress)));
    let readers = (0..CALLERS).map(|_| tokio::spawn(read(plugin.clone(), Arc::clone(&progress))));
    join_all(readers).await.into_iter().for_each(Result::unwrap);
    let kills = killer.await.unwrap();
    assert!(
        kills >= CALLERS * CALLS / CALLS_PER_KILL / 2,
        "{kills} kills"
    );
    plugin.close(Duration::from_secs(10)).await;
    let stats = plugin.stats().pool;
    assert_eq!(stats.opened, stats.closed.total(), "{stats:?}");
    assert_eq!(children(), Vec::<u32>::new(), "no child and no zombie");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_the_plugin_do_not_notice_a_server_that_is_restarted() {
    let mut server = HttpServer::start("127.0.0.1:0");
    let plugin = DatabasePlugin::builder(server.connector())
        .access(Access::Pooled)
        .settings(Settings::builder().retry_attempts(20))
        .build();
    let progress = Arc::new(Progress::default());
    let readers = (0..CALLERS).map(|_| tokio::spawn(read(plugin.clone(), Arc::clone(&progress))));
    let readers = join_all(readers);
    let restarts = async {
        for restart in 1..=CALLERS * CALLS / CALLS_PER_RESTART / 2 {
            let due = restart * CALLS_PER_RESTART;
            while progress.calls.load(SeqCst) < due && !progress.is_over() {
                progress.changed.notified().await;
            }
            server.kill();
            server = HttpServer::start(&server.address());
        }
    };
    let (readers, ()) = tokio::join!(readers, restarts);
    readers.into_iter().for_each(Result::unwrap);
    plugin.close(Duration::from_secs(10)).await;
}
