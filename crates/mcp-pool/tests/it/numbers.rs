//! How long things take, and who holds on to what.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use mcp_domain::{Scope, Times};
use mcp_pool::{Settings, Sharing};
use tokio::time::{Instant, sleep};
use tracing::subscriber::DefaultGuard;

use crate::fake::{CALL, FakeConnection, FakeServer, Reaction, exclusive, seconds, set, settle};

/// To an eighth, the longest exactly.
#[track_caller]
fn check(times: Times, count: u64, p50: Duration, max: Duration) {
    assert_eq!((times.count, times.max), (count, max), "{times:?}");
    let ratio = times.p50.as_secs_f64() / p50.as_secs_f64();
    assert!((1.0..1.125).contains(&ratio), "{times:?}");
}

async fn call(connection: Arc<FakeConnection>) -> Result<usize, mcp_domain::Error> {
    connection.call(seconds(3)).await
}

#[tokio::test(start_paused = true)]
async fn waiting_connecting_and_using_are_timed() {
    let set = exclusive(1);
    FakeServer::set(&set.fake.on_connect, Reaction::After(seconds(2)));
    let calls = (0..2).map(|_| set.server.run(CALL, call));
    for result in futures::future::join_all(calls).await {
        result.unwrap();
    }
    for stats in [set.server.stats(), set.pool.stats()] {
        // The first waits for the connect, the second for the first as well.
        check(stats.wait_time, 2, seconds(2), seconds(5));
        check(stats.connect_time, 1, seconds(2), seconds(2));
        check(stats.use_time, 2, seconds(3), seconds(3));
    }
}

#[tokio::test(start_paused = true)]
async fn what_takes_no_time_is_not_timed() {
    let set = exclusive(1);
    set.server.warm_up().await.unwrap();
    let before = set.server.stats();
    for _ in 0..100 {
        set.server.run(CALL, |_| async { Ok(()) }).await.unwrap();
    }
    let after = set.server.stats();
    assert_eq!(after.hits, before.hits + 100);
    assert_eq!(
        (after.wait_time, after.use_time),
        (before.wait_time, before.use_time)
    );
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_vain_and_who_gets_no_answer_is_timed_too() {
    let set = exclusive(1);
    let held = set.server.lease(CALL).await.unwrap();
    let short = CALL.within(seconds(7));
    set.server.run(short, call).await.unwrap_err();
    assert_eq!(set.server.stats().wait_time.max, seconds(7));
    drop(held);
    let endless =
        |connection: Arc<FakeConnection>| async move { connection.call(seconds(99)).await };
    set.server.run(short, endless).await.unwrap_err();
    assert_eq!(set.server.stats().use_time.max, seconds(7));
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_timed_from_its_beginning_to_its_end() {
    let set = exclusive(1);
    let lease = set.server.lease(CALL).await.unwrap();
    sleep(seconds(40)).await;
    drop(lease);
    check(set.server.stats().use_time, 1, seconds(40), seconds(40));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_has_disappeared_stays_in_the_figures_of_the_pool() {
    let set = set(Settings::builder()
        .min_connections(0)
        .sharing(Sharing::Exclusive));
    set.server.run(CALL, call).await.unwrap();
    drop(set.server);
    sleep(seconds(3000)).await;
    // Adding one looks through the others.
    let _other = set
        .pool
        .server("other", crate::fake::FakeConnector::default())
        .add();
    let stats = set.pool.stats();
    assert_eq!((stats.total_connections, stats.closed.idle), (0, 1));
    assert_eq!((stats.use_time.count, stats.connect_time.count), (1, 1));
}

/// What is logged on this thread while it lives.
struct Log {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: DefaultGuard,
}

impl Log {
    fn new(level: tracing::Level) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&text);
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .without_time()
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
            .with_writer(move || Writer(Arc::clone(&writer)))
            .finish();
        Self {
            text,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    fn lines(&self, with: &str) -> Vec<String> {
        let text = String::from_utf8(self.text.lock().unwrap().clone()).unwrap();
        let lines = text.lines().filter(|line| line.contains(with));
        lines.map(str::to_owned).collect()
    }
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_held_for_too_long_is_reported_once_with_where_it_was_taken() {
    let log = Log::new(tracing::Level::WARN);
    let set = set(Settings::builder().leak_detection_threshold(seconds(30)));
    let line = line!() + 1;
    let leaked = set.server.lease(CALL).await.unwrap();
    let returned = set.server.lease(CALL).await.unwrap();
    sleep(seconds(29)).await;
    drop(returned);
    assert_eq!(set.server.stats().suspected_leaks, 0);
    sleep(seconds(1000)).await;
    assert_eq!(set.server.stats().suspected_leaks, 1);
    assert_eq!(set.pool.stats().suspected_leaks, 1);
    let reports = log.lines("lease.suspected_leak");
    assert_eq!(reports.len(), 1, "{reports:?}");
    let place = format!("numbers.rs:{line}:");
    assert!(reports[0].contains(&place), "{reports:?}");
    assert!(reports[0].contains("pool.name=fake"), "{reports:?}");
    drop(leaked);
}

#[tokio::test(start_paused = true)]
async fn a_sticky_lease_is_reported_with_where_it_was_taken_too() {
    let log = Log::new(tracing::Level::WARN);
    let set = set(Settings::builder().leak_detection_threshold(seconds(30)));
    let sticky = set.server.sticky();
    let line = line!() + 1;
    let (_leaked, _) = sticky.lease(CALL).await.unwrap();
    sleep(seconds(31)).await;
    let reports = log.lines("lease.suspected_leak");
    assert!(
        reports[0].contains(&format!("numbers.rs:{line}:")),
        "{reports:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_suspected_by_default() {
    let set = exclusive(1);
    let _lease = set.server.lease(CALL).await.unwrap();
    sleep(seconds(100_000)).await;
    assert_eq!(set.server.stats().suspected_leaks, 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_has_a_span_and_a_connection_its_events() {
    let log = Log::new(tracing::Level::DEBUG);
    let set = exclusive(1);
    set.server.run(CALL, call).await.unwrap();
    FakeServer::set(&set.fake.on_ping, Reaction::Fail);
    FakeServer::set(&set.fake.on_connect, Reaction::Fail);
    sleep(seconds(1)).await;
    set.server.run(CALL, call).await.unwrap_err();
    settle().await;
    for (event, told) in [
        ("connect.start", "mcp.client.connection.pool.name=fake"),
        ("connect.done", "took=0ns"),
        ("connect.failed", "error.type=\"connect_failed\""),
        ("connection.closed", "reason=\"failed_check\""),
    ] {
        let lines = log.lines(event);
        assert!(
            lines.iter().any(|line| line.contains(told)),
            "{event}: {lines:?}"
        );
    }
    let spans = log.lines("run: close");
    assert_eq!(spans.len(), 2, "{spans:?}");
    assert!(spans[0].contains("mcp.pool.run{"), "{spans:?}");
    assert!(
        spans[0].contains("mcp.pool.operation=\"call\""),
        "{spans:?}"
    );
    assert!(!spans[0].contains("error.type"), "{spans:?}");
    assert!(
        spans[1].contains("error.type=\"connect_failed\""),
        "{spans:?}"
    );
}

/// A server's scopes come and go while somebody looks at the figures again and again.
#[test]
fn what_was_counted_stays_counted_while_scopes_disappear() {
    let set = exclusive(1);
    let (over, begin) = (AtomicBool::new(false), Instant::now());
    thread::scope(|threads| {
        threads.spawn(|| {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_time().build().unwrap();
            runtime.block_on(async {
                for number in 0.. {
                    let scoped = set.server.scoped(Scope::new(format!("scope {number}")));
                    scoped.lease(CALL).await.unwrap().discard();
                    drop(scoped);
                    if begin.elapsed() >= Duration::from_millis(600) && number >= 1000 {
                        break;
                    }
                }
                while set.pool.stats().total_connections > 0 {
                    tokio::task::yield_now().await;
                }
            });
            over.store(true, SeqCst);
        });
        let mut before = set.pool.stats();
        while !over.load(SeqCst) {
            let now = set.pool.stats();
            assert!(now.opened >= before.opened, "{before:?}, then {now:?}");
            assert!(now.connects >= before.connects, "{before:?}, then {now:?}");
            assert!(
                now.closed.total() >= before.closed.total(),
                "{before:?}, then {now:?}"
            );
            before = now;
        }
    });
    let stats = set.pool.stats();
    assert_eq!(stats.opened, stats.closed.total(), "{stats:?}");
    assert_eq!(stats.connects, stats.opened, "{stats:?}");
}
