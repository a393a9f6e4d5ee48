//! Several callers on one connection.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use futures::future::join_all;
use mcp_pool::{Settings, Sharing};
use tokio::time::Instant;

use crate::fake::{
    CALL, FakeConnection, FakeServer, Reaction, Set, check_books, seconds, set, settle,
};

fn shared(max_in_flight: usize) -> Set {
    let settings = Settings::builder().max_in_flight(max_in_flight);
    set(settings.sharing(Sharing::Shared))
}

async fn burst(set: &Set, callers: usize) -> usize {
    let calls = (0..callers).map(|_| {
        let call =
            |connection: Arc<FakeConnection>| async move { connection.call(seconds(1)).await };
        set.server.run(CALL, call)
    });
    let beside = join_all(calls).await.into_iter().map(Result::unwrap);
    beside.max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_cold_burst_of_callers_who_may_share_opens_one_connection() {
    let set = shared(64);
    FakeServer::set(&set.fake.on_connect, Reaction::After(seconds(1)));
    let start = Instant::now();
    assert_eq!(burst(&set, 64).await, 64);
    assert_eq!(start.elapsed(), seconds(2));
    assert_eq!(set.fake.connects(), 1);
    check_books(&set, 64);
}

#[tokio::test(start_paused = true)]
async fn a_stateless_server_is_found_out_and_shared() {
    let set = set(Settings::builder().max_in_flight(64));
    set.fake.stateless.store(true, SeqCst);
    assert_eq!(burst(&set, 64).await, 64);
    assert_eq!(set.fake.connects(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_state_is_not_shared() {
    let set = set(Settings::builder().max_in_flight(64));
    assert_eq!(burst(&set, 64).await, 1);
    assert_eq!(set.fake.connects(), 6);
    check_books(&set, 64);
}

#[tokio::test(start_paused = true)]
async fn no_connection_has_more_callers_than_allowed() {
    let set = shared(4);
    assert_eq!(burst(&set, 64).await, 4);
    assert_eq!(set.fake.connects(), 6);
    check_books(&set, 64);
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_alone_even_where_calls_are_shared() {
    let set = shared(4);
    let lease = set.server.lease(CALL).await.unwrap();
    let call = |connection: Arc<FakeConnection>| async move { Ok(connection.id) };
    assert_ne!(set.server.run(CALL, call).await.unwrap(), lease.id);
}

#[tokio::test(start_paused = true)]
async fn a_shared_connection_that_died_is_not_joined() {
    let set = shared(4);
    let slow = tokio::spawn({
        let server = set.server.clone();
        async move {
            let call = |connection: Arc<FakeConnection>| async move {
                connection.call(seconds(5)).await?;
                Ok(connection.id)
            };
            server.run(CALL, call).await
        }
    });
    settle().await;
    let die = |connection: Arc<FakeConnection>| async move {
        connection.die();
        Ok(connection.id)
    };
    assert_eq!(set.server.run(CALL, die).await.unwrap(), 0);
    let call = |connection: Arc<FakeConnection>| async move { Ok(connection.id) };
    assert_eq!(set.server.run(CALL, call).await.unwrap(), 1);
    // Nobody else is harmed by that.
    assert_eq!(slow.await.unwrap().unwrap(), 0);
    settle().await;
    check_books(&set, 3);
}
