//! Several runtimes, at once or one after another.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use futures::FutureExt as _;
use mcp_domain::{Error, Scope};
use mcp_pool::{Pool, Settings};
use tokio::{
    runtime::{Builder, Runtime},
    time::sleep,
};

use crate::fake::{
    CALL, FakeConnector, FakeServer, Reaction, check_books, exclusive, seconds, set, settle,
};

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

#[test]
fn who_would_wait_outside_of_all_runtimes_is_told_and_leaves_nothing_behind() {
    let set = exclusive(1);
    let one = runtime();
    for round in 0..2 {
        // At first nothing is open, then what is open is taken.
        let held = (round > 0).then(|| one.block_on(set.server.lease(CALL)).unwrap());
        let lease = || set.server.lease(CALL).now_or_never().is_some();
        let told = catch_unwind(AssertUnwindSafe(lease)).unwrap_err();
        let told = told.downcast_ref::<String>().cloned();
        assert!(told.unwrap_or_default().contains("Tokio"), "{round}");
        drop(held);
    }
    drop(one.block_on(set.server.lease(CALL)).unwrap());
    assert_eq!(set.fake.connects(), 1);
    one.block_on(settle());
    check_books(&set, 2);
}

/// As in a process with a runtime for each test, or each command.
#[test]
fn upkeep_begins_on_the_next_runtime_where_it_did_not_get_that_far_on_the_first() {
    let settings = Settings::builder().min_connections(0);
    let set = set(settings.idle_timeout(seconds(30)));
    let one = runtime();
    // The connect begins, and with it the upkeep; neither task is ever polled.
    let mut caller = Box::pin(set.server.lease(CALL));
    one.block_on(async { assert!(futures::poll!(&mut caller).is_pending()) });
    drop(caller);
    drop(one);
    runtime().block_on(async {
        // The pause after a connect that failed is over.
        sleep(seconds(60)).await;
        drop(set.server.lease(CALL).await.unwrap());
        sleep(seconds(100)).await;
        assert_eq!(set.pool.stats().closed.idle, 1);
    });
}

/// Holds the only place on a runtime of its own, while another scope waits for it on another
/// runtime; then that of the first ends like this.
fn who_waits_is_served_after(end: impl FnOnce(Runtime, mcp_pool::Lease<FakeConnector>)) {
    let fake = Arc::<FakeServer>::default();
    let settings = Settings::builder().max_total(1).min_connections(0);
    let pool = Pool::new(settings.build().unwrap());
    let server = pool.server("fake", FakeConnector(Arc::clone(&fake))).add();
    let other = server.scoped(Scope::new("other"));
    let one = runtime();
    let held = one.block_on(server.lease(CALL)).unwrap();
    let two = runtime();
    let mut waiting = Box::pin(other.lease(CALL));
    two.block_on(async { assert!(futures::poll!(&mut waiting).is_pending()) });
    end(one, held);
    let lease = two.block_on(async { tokio::time::timeout(seconds(20), waiting).await });
    assert_eq!(lease.unwrap().unwrap().scope, Scope::new("other"));
    assert_eq!(pool.stats().failed_connects, 0);
}

#[test]
fn a_place_that_is_left_with_a_runtime_goes_to_who_waits_on_another() {
    who_waits_is_served_after(|one, held| {
        one.spawn(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        drop(one);
    });
}

#[test]
fn a_place_that_is_left_outside_all_runtimes_goes_to_who_waits_on_one() {
    who_waits_is_served_after(|one, held| {
        drop(one);
        drop(held);
    });
}

#[test]
fn who_waits_is_served_on_its_own_runtime_when_another_who_waited_has_gone() {
    let fake = Arc::<FakeServer>::default();
    let settings = Settings::builder().max_total(1).min_connections(0);
    let pool = Pool::new(settings.build().unwrap());
    let server = pool.server("fake", FakeConnector(fake)).add();
    let other = server.scoped(Scope::new("other"));
    // Both live on; one of them is not driven any more.
    let (one, two) = (runtime(), runtime());
    let held = two.block_on(server.lease(CALL)).unwrap();
    let mut stays = Box::pin(other.lease(CALL));
    two.block_on(async { assert!(futures::poll!(&mut stays).is_pending()) });
    let mut goes = Box::pin(other.lease(CALL));
    one.block_on(async { assert!(futures::poll!(&mut goes).is_pending()) });
    drop(goes);
    drop(held);
    drop(two.block_on(stays).unwrap());
}

#[test]
fn a_connect_that_ends_with_its_runtime_is_begun_anew_for_who_waits_on_another() {
    let set = set(Settings::builder().min_connections(0));
    FakeServer::set(&set.fake.on_connect, Reaction::Never);
    let (one, two) = (runtime(), runtime());
    let mut first = Box::pin(set.server.lease(CALL));
    let mut second = Box::pin(set.server.lease(CALL));
    one.block_on(async {
        assert!(futures::poll!(&mut first).is_pending());
        // It is under way there.
        settle().await;
    });
    two.block_on(async { assert!(futures::poll!(&mut second).is_pending()) });
    // Its own task would be gone with it.
    drop(first);
    drop(one);
    FakeServer::set(&set.fake.on_connect, Reaction::Ok);
    drop(two.block_on(second).unwrap());
    let stats = set.pool.stats();
    assert_eq!((stats.opened, stats.retries), (1, 0));
}

#[test]
fn a_minimum_is_not_restored_over_and_over_on_a_runtime_that_ends() {
    let set = set(Settings::builder().min_connections(1));
    let runtime = runtime();
    let server = set.server.clone();
    runtime.block_on(async {
        let forever = |_| std::future::pending::<Result<(), Error>>();
        tokio::spawn(async move { server.run(CALL, forever).await });
        settle().await;
    });
    assert_eq!(set.fake.connects(), 1);
    drop(runtime);
    let stats = set.pool.stats();
    assert_eq!((stats.closed.abandoned, stats.failed_connects), (1, 1));
}
