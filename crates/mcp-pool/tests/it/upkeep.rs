//! What happens while nobody looks.

use mcp_domain::Scope;
use mcp_pool::{Settings, Sharing};
use tokio::time::sleep;

use crate::fake::{
    CALL, FakeConnector, FakeServer, Reaction, Set, check_books, seconds, set, settle,
};

fn upkept(min: usize) -> Set {
    let settings = Settings::builder().sharing(Sharing::Exclusive);
    let settings = settings.min_connections(min).max_connections(4);
    let settings = settings
        .idle_timeout(seconds(60))
        .max_connection_age(seconds(600));
    set(settings.health_check_interval(seconds(30)))
}

async fn open(set: &Set, count: usize) {
    let leases = futures::future::join_all((0..count).map(|_| set.server.lease(CALL))).await;
    for lease in leases {
        drop(lease.unwrap());
    }
    assert_eq!(set.pool.stats().total_connections, count as u64);
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_down_to_the_minimum() {
    let set = upkept(2);
    open(&set, 4).await;
    sleep(seconds(50)).await;
    assert_eq!(set.pool.stats().total_connections, 4);
    sleep(seconds(50)).await;
    assert_eq!(set.pool.stats().total_connections, 2);
    assert_eq!(set.pool.stats().closed.idle, 2);
    sleep(seconds(200)).await;
    assert_eq!(set.pool.stats().total_connections, 2);
    check_books(&set, 4);
}

#[tokio::test(start_paused = true)]
async fn old_connections_are_replaced_but_never_under_a_caller() {
    let set = upkept(1);
    let lease = set.server.lease(CALL).await.unwrap();
    sleep(seconds(1000)).await;
    assert!(mcp_domain::Connection::is_open(&*lease));
    drop(lease);
    settle().await;
    assert_eq!(set.pool.stats().closed.age, 1);
    // The minimum is restored.
    sleep(seconds(60)).await;
    assert_eq!(set.pool.stats().total_connections, 1);
    assert_eq!(set.fake.connects(), 2);
    check_books(&set, 1);
}

#[tokio::test(start_paused = true)]
async fn connections_opened_together_do_not_retire_together() {
    let settings = Settings::builder()
        .sharing(Sharing::Exclusive)
        .max_connections(32);
    let set = set(settings
        .max_connection_age(seconds(1000))
        .min_connections(0));
    let leases = futures::future::join_all((0..32).map(|_| set.server.lease(CALL))).await;
    sleep(seconds(950)).await;
    drop(leases);
    settle().await;
    let retired = set.pool.stats().closed.age;
    assert!((1..32).contains(&retired), "{retired} of 32 at once");
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_checked_and_the_dead_ones_replaced() {
    let set = upkept(1);
    open(&set, 1).await;
    sleep(seconds(50)).await;
    assert!(set.fake.pings() >= 1);
    assert_eq!(set.pool.stats().total_connections, 1);
    FakeServer::set(&set.fake.on_ping, Reaction::Fail);
    sleep(seconds(50)).await;
    let stats = set.pool.stats();
    assert!(stats.closed.failed_check >= 1, "{stats:?}");
    assert_eq!(stats.total_connections, 1);
    check_books(&set, 1);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_blocks_nobody() {
    let set = upkept(1);
    open(&set, 2).await;
    FakeServer::set(&set.fake.on_ping, Reaction::Never);
    sleep(seconds(50)).await;
    let start = tokio::time::Instant::now();
    drop(set.server.lease(CALL).await.unwrap());
    assert!(start.elapsed() <= seconds(5));
}

#[tokio::test(start_paused = true)]
async fn scopes_without_connections_are_forgotten() {
    let set = upkept(1);
    for user in 0..100 {
        let server = set.server.scoped(Scope::new(format!("user:{user}")));
        drop(server.lease(CALL).await.unwrap());
    }
    assert_eq!(set.pool.stats().total_connections, 100);
    sleep(seconds(200)).await;
    let stats = set.pool.stats();
    assert_eq!(stats.total_connections, 0);
    // What they did is not forgotten.
    assert_eq!((stats.opened, stats.closed.idle), (100, 100));
    // One scope is left: that of the handle that is still held.
    assert_eq!(stats.max_connections, 4);
}

#[tokio::test(start_paused = true)]
async fn the_minimum_is_restored_when_a_server_comes_back_though_nobody_calls() {
    let set = upkept(1);
    drop(set.server.lease(CALL).await.unwrap());
    FakeServer::set(&set.fake.on_connect, Reaction::Fail);
    set.server.lease(CALL).await.unwrap().discard();
    sleep(seconds(120)).await;
    assert_eq!(set.pool.stats().total_connections, 0);
    let tries = set.fake.connects();
    assert!((3..=40).contains(&tries), "{tries} tries in 120 s");
    FakeServer::set(&set.fake.on_connect, Reaction::Ok);
    sleep(seconds(60)).await;
    assert_eq!(set.pool.stats().total_connections, 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_nobody_can_call_any_more_is_let_go() {
    let set = upkept(1);
    drop(set.server.lease(CALL).await.unwrap());
    drop(set.server);
    sleep(seconds(600)).await;
    assert_eq!(set.pool.stats().total_connections, 0);
    assert_eq!(set.fake.present(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_with_short_limits_is_tended_in_time_though_it_came_late() {
    let set = set(Settings::builder());
    drop(set.server.lease(CALL).await.unwrap());
    // The upkeep is at rest, for half a minute.
    sleep(seconds(1)).await;
    let hasty = set.pool.server("hasty", FakeConnector::default());
    let hasty = hasty.adjust(|settings| settings.idle_timeout(seconds(2)).min_connections(0));
    let hasty = hasty.unwrap().add();
    drop(hasty.lease(CALL).await.unwrap());
    sleep(seconds(4)).await;
    assert_eq!(hasty.stats().closed.idle, 1);
    assert_eq!(set.server.stats().total_connections, 1);
}

/// As in a process with a runtime for each test, or each command.
#[test]
fn upkeep_goes_on_on_the_next_runtime() {
    let set = upkept(0);
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    };
    let call = || set.server.run(CALL, |_| async { Ok(()) });
    runtime().block_on(call()).unwrap();
    // This connection needs no runtime, and so outlives that one; now it is in use again.
    runtime().block_on(async {
        call().await.unwrap();
        assert_eq!(set.pool.stats().hits, 1);
        sleep(seconds(100)).await;
        assert_eq!(set.pool.stats().closed.idle, 1);
    });
}
