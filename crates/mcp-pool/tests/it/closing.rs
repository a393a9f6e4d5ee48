//! The end of a pool.

use std::sync::Arc;

use mcp_domain::{ErrorKind, Scope};
use mcp_pool::{Pool, Settings};
use tokio::{
    runtime::Builder,
    time::{Instant, sleep},
};

use crate::fake::{
    CALL, FakeConnection, FakeConnector, FakeServer, Reaction, check_books, exclusive, seconds,
    settle,
};

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_and_counted() {
    let set = exclusive(2);
    FakeServer::set(&set.fake.on_close, Reaction::After(seconds(1)));
    let (one, two) = tokio::join!(set.server.lease(CALL), set.server.lease(CALL));
    drop((one.unwrap(), two.unwrap()));
    let report = set.pool.close(seconds(5)).await;
    assert_eq!((report.closed, report.abandoned), (2, 0));
    assert_eq!(set.fake.present(), 0);
    assert_eq!(set.pool.stats().closed.shutdown, 2);
    check_books(&set, 2);
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_may_finish() {
    let set = exclusive(1);
    let call = tokio::spawn({
        let server = set.server.clone();
        async move {
            let slow =
                |connection: Arc<FakeConnection>| async move { connection.call(seconds(2)).await };
            server.run(CALL, slow).await
        }
    });
    settle().await;
    let start = Instant::now();
    let report = set.pool.close(seconds(5)).await;
    assert_eq!(start.elapsed(), seconds(2));
    assert_eq!((report.closed, report.abandoned), (1, 0));
    call.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_does_not_finish_in_time_is_reported_and_closed_later() {
    let set = exclusive(1);
    let lease = set.server.lease(CALL).await.unwrap();
    let start = Instant::now();
    let report = set.pool.close(seconds(5)).await;
    assert_eq!(start.elapsed(), seconds(5));
    assert_eq!((report.closed, report.abandoned), (0, 1));
    drop(lease);
    settle().await;
    assert_eq!(set.fake.present(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_report_counts_connections_and_no_attempts_to_have_one() {
    let set = exclusive(3);
    FakeServer::set(&set.fake.on_close, Reaction::After(seconds(1)));
    let gone = set.server.lease(CALL).await.unwrap();
    let held = set.server.lease(CALL).await.unwrap();
    // One is closing already, one is to close, and one connect fails meanwhile.
    FakeServer::set(&set.fake.on_connect, Reaction::Never);
    let settings = Settings::builder().connection_timeout(seconds(2));
    let other = set
        .pool
        .server("other", FakeConnector(Arc::clone(&set.fake)));
    let other = other.settings(settings.build().unwrap()).add();
    let waiting = tokio::spawn(async move { other.lease(CALL).await.map(drop) });
    settle().await;
    gone.discard();
    settle().await;
    let (report, ()) = tokio::join!(set.pool.close(seconds(5)), async move { drop(held) });
    assert_eq!((report.closed, report.abandoned), (2, 0));
    waiting.await.unwrap().unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn new_callers_and_those_who_wait_are_turned_away() {
    let set = exclusive(1);
    let lease = set.server.lease(CALL).await.unwrap();
    let waiting = tokio::spawn({
        let server = set.server.clone();
        async move { server.lease(CALL).await.map(drop) }
    });
    settle().await;
    let closing = tokio::spawn({
        let pool = set.pool.clone();
        async move { pool.close(seconds(5)).await }
    });
    settle().await;
    assert_eq!(
        waiting.await.unwrap().unwrap_err().kind(),
        ErrorKind::Closed
    );
    let late = set
        .server
        .run(CALL, |_| async { Ok(()) })
        .await
        .unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Closed);
    let other = set.server.scoped(Scope::new("other"));
    assert_eq!(
        other.lease(CALL).await.unwrap_err().kind(),
        ErrorKind::Closed
    );
    drop(lease);
    assert_eq!(closing.await.unwrap().abandoned, 0);
}

#[tokio::test(start_paused = true)]
async fn a_connect_under_way_is_closed_when_it_lands() {
    let set = exclusive(1);
    FakeServer::set(&set.fake.on_connect, Reaction::After(seconds(2)));
    let waiting = tokio::spawn({
        let server = set.server.clone();
        async move { server.lease(CALL).await.map(drop) }
    });
    settle().await;
    let report = set.pool.close(seconds(5)).await;
    assert_eq!(report.abandoned, 0);
    waiting.await.unwrap().unwrap_err();
    assert_eq!(set.fake.present(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_dropped_closes_its_connections() {
    let set = exclusive(2);
    drop(set.server.lease(CALL).await.unwrap());
    assert_eq!(set.fake.present(), 1);
    let fake = set.fake;
    drop((set.pool, set.server));
    settle().await;
    assert_eq!(fake.present(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_connect_that_lands_when_the_pool_is_gone_is_closed_properly() {
    let set = exclusive(1);
    FakeServer::set(&set.fake.on_connect, Reaction::After(seconds(2)));
    FakeServer::set(&set.fake.on_close, Reaction::After(seconds(2)));
    let caller = tokio::spawn({
        let server = set.server.clone();
        async move { server.lease(CALL).await.map(drop) }
    });
    settle().await;
    caller.abort();
    let fake = set.fake;
    drop((set.pool, set.server));
    sleep(seconds(3)).await;
    assert_eq!((fake.present(), fake.closes()), (1, 0));
    sleep(seconds(2)).await;
    assert_eq!((fake.present(), fake.closes()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn no_task_is_left() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let closed = exclusive(2);
    drop(closed.server.lease(CALL).await.unwrap());
    assert!(tasks() > 0);
    closed.pool.close(seconds(5)).await;
    settle().await;
    assert_eq!(tasks(), 0);

    let dropped = exclusive(2);
    drop(dropped.server.lease(CALL).await.unwrap());
    drop((dropped.pool, dropped.server));
    settle().await;
    assert_eq!(tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_outlives_its_pool_is_closed_when_it_ends() {
    let set = exclusive(2);
    let lease = set.server.lease(CALL).await.unwrap();
    let fake = set.fake;
    drop((set.pool, set.server));
    settle().await;
    assert_eq!(fake.present(), 1);
    drop(lease);
    settle().await;
    assert_eq!(fake.present(), 0);
    // Nothing of the pool is left to do anything with time.
    sleep(seconds(10_000)).await;
    assert_eq!(fake.connects(), 1);
}

#[test]
fn a_runtime_that_ends_takes_along_however_many_wait_for_a_place() {
    const SCOPES: usize = 3000;
    let fake = Arc::<FakeServer>::default();
    FakeServer::set(&fake.on_connect, Reaction::Never);
    let settings = Settings::builder().max_total(1).min_connections(0);
    let pool = Pool::new(settings.build().unwrap());
    let server = pool.server("fake", FakeConnector(fake)).add();
    let scopes: Vec<_> = (0..SCOPES)
        .map(|number| server.scoped(Scope::new(number.to_string())))
        .collect();
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let callers = scopes.iter().map(|scope| Box::pin(scope.lease(CALL)));
    let mut callers: Vec<_> = callers.collect();
    runtime.block_on(async {
        for caller in &mut callers {
            assert!(futures::poll!(caller).is_pending());
        }
    });
    drop(runtime);
    let stats = pool.stats();
    assert_eq!(stats.failed_connects, SCOPES as u64);
    assert_eq!(stats.total_connections, 0);
}
