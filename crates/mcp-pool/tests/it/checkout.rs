//! How a caller comes by a connection.

use futures::future::join_all;
use mcp_domain::Scope;
use mcp_pool::{Settings, Sharing};
use tokio::time::{Instant, sleep};

use crate::fake::{CALL, FakeServer, Reaction, check_books, exclusive, seconds, set, settle};

#[tokio::test(start_paused = true)]
async fn nothing_is_opened_before_the_first_call() {
    let set = exclusive(6);
    settle().await;
    assert_eq!(set.fake.connects(), 0);
    assert_eq!(set.pool.stats().max_connections, 6);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_reused() {
    let set = exclusive(6);
    let first = set.server.lease(CALL).await.unwrap().id;
    let second = set.server.lease(CALL).await.unwrap().id;
    assert_eq!(first, second);
    assert_eq!(set.fake.connects(), 1);
    let stats = set.pool.stats();
    assert_eq!((stats.connects, stats.hits), (1, 1));
    check_books(&set, 2);
}

#[tokio::test(start_paused = true)]
async fn the_most_recently_used_connection_is_taken_first() {
    let set = exclusive(2);
    let (one, two) = (set.server.lease(CALL).await, set.server.lease(CALL).await);
    let (one, two) = (one.unwrap(), two.unwrap());
    let last = two.id;
    drop(one);
    drop(two);
    assert_eq!(set.server.lease(CALL).await.unwrap().id, last);
}

#[tokio::test(start_paused = true)]
async fn a_cold_burst_of_exclusive_callers_opens_all_at_once_and_no_more() {
    let set = exclusive(6);
    FakeServer::set(&set.fake.on_connect, Reaction::After(seconds(1)));
    let start = Instant::now();
    let calls = (0..64).map(|_| set.server.run(CALL, |_| async { Ok(()) }));
    for result in join_all(calls).await {
        result.unwrap();
    }
    assert_eq!(start.elapsed(), seconds(1));
    assert_eq!(set.fake.connects(), 6);
    check_books(&set, 64);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_takes_a_connection_that_comes_back() {
    let set = exclusive(2);
    let held = set.server.lease(CALL).await.unwrap();
    // The second connection takes for ever to open.
    FakeServer::set(&set.fake.on_connect, Reaction::Never);
    let waiting = tokio::spawn({
        let server = set.server.clone();
        async move { server.lease(CALL).await.map(|lease| lease.id) }
    });
    settle().await;
    assert_eq!(set.fake.connects(), 2);
    let id = held.id;
    drop(held);
    assert_eq!(waiting.await.unwrap().unwrap(), id);
    assert_eq!(set.pool.stats().waits, 1);
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_connect_lands_in_the_pool() {
    let set = exclusive(1);
    FakeServer::set(&set.fake.on_connect, Reaction::After(seconds(1)));
    let caller = tokio::spawn({
        let server = set.server.clone();
        async move { server.lease(CALL).await.map(drop) }
    });
    settle().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    sleep(seconds(2)).await;
    let start = Instant::now();
    set.server.lease(CALL).await.map(drop).unwrap();
    assert_eq!(start.elapsed(), seconds(0));
    assert_eq!(set.fake.connects(), 1);
}

#[tokio::test(start_paused = true)]
async fn scopes_never_share_a_connection() {
    let set = set(Settings::builder());
    let alice = set.server.scoped(Scope::new("alice"));
    let bob = set.server.scoped(Scope::new("bob"));
    for (server, scope) in [(&alice, "alice"), (&bob, "bob"), (&alice, "alice")] {
        let lease = server.lease(CALL).await.unwrap();
        assert_eq!(lease.scope, Scope::new(scope));
    }
    assert_eq!(set.fake.connects(), 2);
    // The same scope asked for again has the same connections.
    let again = set.server.scoped(Scope::new("alice"));
    assert_eq!(again.stats().total_connections, 1);
    assert_eq!(set.server.stats().total_connections, 0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_idle_is_checked_before_it_is_handed_out() {
    let set = exclusive(1);
    drop(set.server.lease(CALL).await.unwrap());
    drop(set.server.lease(CALL).await.unwrap());
    assert_eq!(set.fake.pings(), 0);
    sleep(seconds(1)).await;
    drop(set.server.lease(CALL).await.unwrap());
    assert_eq!(set.fake.pings(), 1);
    // One that does not answer is replaced.
    FakeServer::set(&set.fake.on_ping, Reaction::Fail);
    sleep(seconds(1)).await;
    assert_eq!(set.server.lease(CALL).await.unwrap().id, 1);
    settle().await;
    assert_eq!(set.pool.stats().closed.failed_check, 1);
    check_books(&set, 4);
}

#[tokio::test(start_paused = true)]
async fn a_dead_connection_is_not_handed_out() {
    let set = exclusive(1);
    let lease = set.server.lease(CALL).await.unwrap();
    lease.die();
    drop(lease);
    assert_eq!(set.server.lease(CALL).await.unwrap().id, 1);
    settle().await;
    assert_eq!(set.pool.stats().closed.died, 1);
    check_books(&set, 2);
}

#[tokio::test(start_paused = true)]
async fn a_discarded_lease_is_not_handed_out() {
    let set = exclusive(1);
    set.server.lease(CALL).await.unwrap().discard();
    assert_eq!(set.server.lease(CALL).await.unwrap().id, 1);
    assert_eq!(set.pool.stats().closed.discarded, 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_opened_long_ago_and_never_used_is_checked_too() {
    let set = set(Settings::builder().min_connections(2));
    set.server.warm_up().await.unwrap();
    assert_eq!(set.fake.present(), 2);
    sleep(seconds(10)).await;
    FakeServer::set(&set.fake.on_ping, Reaction::Fail);
    let one = set.server.lease(CALL).await.unwrap();
    let two = set.server.lease(CALL).await.unwrap();
    // Neither of the first two, which do not answer any more.
    assert!(one.id >= 2 && two.id >= 2, "{} and {}", one.id, two.id);
    settle().await;
    assert_eq!(set.pool.stats().closed.failed_check, 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_gave_up_during_a_check_leaves_nothing_for_others_to_trip_over() {
    let settings = Settings::builder().max_connections(1).min_connections(1);
    let set = set(settings.sharing(Sharing::Exclusive));
    drop(set.server.lease(CALL).await.unwrap());
    sleep(seconds(1)).await;
    FakeServer::set(&set.fake.on_ping, Reaction::Never);
    tokio::time::timeout(seconds(1), set.server.lease(CALL))
        .await
        .unwrap_err();
    FakeServer::set(&set.fake.on_ping, Reaction::Ok);
    // It fails its check, and the minimum is restored.
    sleep(seconds(10)).await;
    let held = set.server.lease(CALL).await.unwrap();
    let waiting = tokio::spawn({
        let server = set.server.clone();
        async move { server.lease(CALL).await.map(drop) }
    });
    settle().await;
    let start = Instant::now();
    drop(held);
    waiting.await.unwrap().unwrap();
    assert_eq!(start.elapsed(), seconds(0));
}
