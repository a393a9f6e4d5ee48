//! Calls on a lease.

use std::{sync::Arc, time::Duration};

use mcp_breaker::Breaker;
use mcp_domain::{BreakerState, Error, ErrorKind};
use mcp_pool::{Lease, Pool, Settings};
use tokio::time::Instant;

use crate::fake::{
    CALL, FakeConnection, FakeConnector, FakeServer, Reaction, exclusive, seconds, settle,
};

async fn slow(connection: Arc<FakeConnection>) -> Result<usize, Error> {
    connection.call(seconds(5)).await
}

async fn fail(lease: &mut Lease<FakeConnector>) -> Error {
    let fails = |_: Arc<FakeConnection>| async {
        Err::<(), _>(Error::new(ErrorKind::Disconnected, "the pipe is broken"))
    };
    lease.run(CALL, fails).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_call_is_bounded_and_says_what_was_tried() {
    let set = exclusive(1);
    let mut lease = set.server.lease(CALL).await.unwrap();
    assert_eq!(lease.run(CALL, slow).await.unwrap(), 1);
    let start = Instant::now();
    let error = lease.run(CALL.within(seconds(2)), slow).await.unwrap_err();
    assert_eq!(start.elapsed(), seconds(2));
    assert_eq!(
        error.chain(),
        "`call` on server `fake` failed after 1 attempt and 2.0 s: no answer within 2 s"
    );
}

#[tokio::test(start_paused = true)]
async fn a_connection_with_an_abandoned_call_is_asked_for_a_sign_of_life_first() {
    let set = exclusive(1);
    FakeServer::set(&set.fake.on_ping, Reaction::After(seconds(3)));
    let mut lease = set.server.lease(CALL).await.unwrap();
    tokio::time::timeout(seconds(1), lease.run(CALL, slow))
        .await
        .unwrap_err();
    let start = Instant::now();
    drop(lease);
    drop(set.server.lease(CALL).await.unwrap());
    assert_eq!(start.elapsed(), seconds(3));
    assert_eq!((set.fake.pings(), set.fake.connects()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_failed_does_not_come_back() {
    let set = exclusive(1);
    let mut lease = set.server.lease(CALL).await.unwrap();
    assert_eq!(fail(&mut lease).await.kind(), ErrorKind::Disconnected);
    // Later calls do not make up for it.
    lease.run(CALL, slow).await.unwrap();
    drop(lease);
    settle().await;
    assert_eq!(set.pool.stats().closed.died, 1);
}

#[tokio::test(start_paused = true)]
async fn the_breaker_hears_of_every_call() {
    let pool = Pool::new(Settings::default());
    let breaker = Breaker::builder()
        .failure_threshold(2)
        .open_timeout(Duration::from_secs(60))
        .build();
    let server = pool
        .server("fake", FakeConnector::default())
        .breaker(Arc::new(breaker.unwrap()))
        .add();
    let mut lease = server.lease(CALL).await.unwrap();
    let mut other = server.lease(CALL).await.unwrap();
    // However often its death is met, a connection dies once.
    fail(&mut other).await;
    fail(&mut other).await;
    assert_eq!(server.stats().circuit_breaker_state, BreakerState::Closed);
    fail(&mut lease).await;
    assert_eq!(server.stats().circuit_breaker_state, BreakerState::Open);
    let error = lease.run(CALL, slow).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BreakerOpen);
}
