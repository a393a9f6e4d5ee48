//! A call that its caller gave up.

use std::{future::pending, sync::Arc};

use mcp_domain::{Error, ErrorKind, Operation};
use mcp_pool::{Settings, Sharing};
use tokio::time::{Instant, sleep};

use crate::fake::{
    CALL, FakeConnection, FakeServer, Reaction, Set, check_books, exclusive, seconds, set, settle,
};

const SHORT: Operation = CALL.within(std::time::Duration::from_secs(1));

async fn never(_: Arc<FakeConnection>) -> Result<(), Error> {
    pending().await
}

async fn time_out(set: &Set) {
    let error = set.server.run(SHORT, never).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CallTimeout);
}

#[tokio::test(start_paused = true)]
async fn its_connection_is_reused_once_it_gives_a_sign_of_life() {
    let set = exclusive(1);
    FakeServer::set(&set.fake.on_ping, Reaction::After(seconds(2)));
    time_out(&set).await;
    let start = Instant::now();
    assert_eq!(set.server.lease(CALL).await.unwrap().id, 0);
    assert_eq!(start.elapsed(), seconds(2));
    check_books(&set, 2);
}

#[tokio::test(start_paused = true)]
async fn its_connection_is_closed_if_it_does_not() {
    let set = exclusive(1);
    FakeServer::set(&set.fake.on_ping, Reaction::Never);
    time_out(&set).await;
    let start = Instant::now();
    assert_eq!(set.server.lease(CALL).await.unwrap().id, 1);
    assert_eq!(start.elapsed(), seconds(5));
    settle().await;
    assert_eq!(set.pool.stats().closed.abandoned, 1);
    check_books(&set, 2);
}

#[tokio::test(start_paused = true)]
async fn nobody_joins_a_shared_connection_until_then() {
    let settings = Settings::builder().sharing(Sharing::Shared);
    let set = set(settings.min_connections(0));
    FakeServer::set(&set.fake.on_ping, Reaction::After(seconds(2)));
    time_out(&set).await;
    let id = |connection: Arc<FakeConnection>| async move { Ok(connection.id) };
    assert_eq!(set.server.run(CALL, id).await.unwrap(), 1);
    sleep(seconds(3)).await;
    settle().await;
    check_books(&set, 2);
}

#[tokio::test(start_paused = true)]
async fn others_on_a_shared_connection_are_not_harmed() {
    let set = set(Settings::builder().sharing(Sharing::Shared));
    let slow = tokio::spawn({
        let server = set.server.clone();
        async move {
            let call =
                |connection: Arc<FakeConnection>| async move { connection.call(seconds(3)).await };
            server.run(CALL, call).await
        }
    });
    settle().await;
    time_out(&set).await;
    slow.await.unwrap().unwrap();
    settle().await;
    assert_eq!(set.fake.connects(), 1);
    check_books(&set, 2);
}
