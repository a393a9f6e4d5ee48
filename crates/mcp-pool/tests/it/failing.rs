//! A server that cannot be reached.

use std::sync::atomic::Ordering::SeqCst;

use futures::future::join_all;
use mcp_domain::ErrorKind;
use mcp_pool::Settings;
use tokio::time::{Instant, sleep};

use crate::fake::{CALL, FakeServer, Reaction, check_books, exclusive, seconds, set, settle};

#[tokio::test(start_paused = true)]
async fn all_who_wait_for_a_connect_are_told_that_it_failed() {
    let set = exclusive(6);
    FakeServer::set(&set.fake.on_connect, Reaction::Fail);
    let leases = (0..64).map(|_| set.server.lease(CALL));
    for result in join_all(leases).await {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectFailed);
        assert!(error.chain().ends_with("the fake server says no"));
    }
    // Together they tried no more often than there may be connections.
    assert!(set.fake.connects() <= 6);
    check_books(&set, 0);
}

#[tokio::test(start_paused = true)]
async fn a_connect_that_never_ends_is_given_up() {
    let settings = Settings::builder().connection_timeout(seconds(3));
    let set = set(settings.retry_attempts(0));
    FakeServer::set(&set.fake.on_connect, Reaction::Never);
    let start = Instant::now();
    let error = set
        .server
        .run(CALL, |_| async { Ok(()) })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectTimeout);
    assert_eq!(start.elapsed(), seconds(3));
    check_books(&set, 0);
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_panics_fails_one_connect() {
    let set = exclusive(1);
    FakeServer::set(&set.fake.on_connect, Reaction::Panic);
    let error = set.server.lease(CALL).await.unwrap_err();
    assert!(error.chain().contains("panicked"), "{}", error.chain());
    FakeServer::set(&set.fake.on_connect, Reaction::Ok);
    sleep(seconds(2)).await;
    drop(set.server.lease(CALL).await.unwrap());
    check_books(&set, 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_connect_does_not_fail_who_can_be_served_otherwise() {
    let set = exclusive(2);
    let held = set.server.lease(CALL).await.unwrap();
    FakeServer::set(&set.fake.on_connect, Reaction::Fail);
    let waiting = tokio::spawn({
        let server = set.server.clone();
        async move { server.lease(CALL).await.map(drop) }
    });
    settle().await;
    assert!(!waiting.is_finished());
    drop(held);
    waiting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn while_connects_fail_they_are_not_tried_all_the_time() {
    let set = exclusive(2);
    let _held = set.server.lease(CALL).await.unwrap();
    FakeServer::set(&set.fake.on_connect, Reaction::Fail);
    let error = set
        .server
        .lease(CALL.within(seconds(10)))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WaitTimeout);
    let tries = set.fake.connects() - 1;
    assert!((3..=9).contains(&tries), "{tries} tries in 10 s");
}

#[tokio::test(start_paused = true)]
async fn a_minimum_that_is_refused_is_tried_for_less_and_less_often() {
    let settings = Settings::builder().min_connections(2);
    let set = set(settings.sharing(mcp_pool::Sharing::Exclusive));
    FakeServer::set(&set.fake.on_connect, Reaction::Ok);
    let _held = set.server.lease(CALL).await.unwrap();
    settle().await;
    FakeServer::set(&set.fake.on_connect, Reaction::Fail);
    set.server.lease(CALL).await.unwrap().discard();
    let before = set.fake.connects();
    sleep(seconds(600)).await;
    let tries = set.fake.connects() - before;
    assert!((40..=130).contains(&tries), "{tries} tries in 600 s");
    FakeServer::set(&set.fake.on_connect, Reaction::Ok);
    sleep(seconds(16)).await;
    assert_eq!(set.pool.stats().total_connections, 2);
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_connections_die_at_once_is_a_server_that_cannot_be_reached() {
    let set = exclusive(6);
    set.fake.stillborn.store(true, SeqCst);
    let start = Instant::now();
    let error = set.server.lease(CALL).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectFailed);
    assert!(error.chain().ends_with("dead as soon as it was open"));
    assert_eq!((set.fake.connects(), start.elapsed()), (1, seconds(0)));
    // Tried again with pauses, as often as the settings say.
    let call = set.server.run(CALL, |_| async { Ok(()) });
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::ConnectFailed);
    assert_eq!(set.fake.connects(), 1 + 3);
    set.fake.stillborn.store(false, SeqCst);
    drop(set.server.lease(CALL).await.unwrap());
    check_books(&set, 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_comes_back_is_found_again() {
    let set = exclusive(2);
    let _held = set.server.lease(CALL).await.unwrap();
    FakeServer::set(&set.fake.on_connect, Reaction::Fail);
    let waiting = tokio::spawn({
        let server = set.server.clone();
        async move { server.lease(CALL).await.map(drop) }
    });
    sleep(seconds(5)).await;
    FakeServer::set(&set.fake.on_connect, Reaction::Ok);
    waiting.await.unwrap().unwrap();
}

#[test]
fn a_pool_outlives_the_runtime_that_opened_its_connections() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let set = exclusive(1);
    FakeServer::set(&set.fake.on_connect, Reaction::Never);
    let first = runtime();
    first.block_on(async {
        let lease = set.server.lease(CALL);
        let early = tokio::time::timeout(std::time::Duration::from_millis(1), lease).await;
        assert!(early.is_err());
    });
    // The connect is lost with its runtime, and its place is not.
    drop(first);
    FakeServer::set(&set.fake.on_connect, Reaction::Ok);
    let second = runtime();
    second
        .block_on(async { set.server.lease(CALL).await.map(drop) })
        .unwrap();
}
