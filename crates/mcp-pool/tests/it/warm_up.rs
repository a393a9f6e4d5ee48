//! Building opens nothing; warming up opens what is asked for, or says why not.

use mcp_domain::{ErrorKind, Scope};
use mcp_pool::{Pool, Settings};
use std::sync::Arc;
use tokio::time::sleep;

use crate::fake::{FakeConnector, FakeServer, Reaction, Set, check_books, seconds, set, settle};

fn eager(min: usize) -> Set {
    set(Settings::builder()
        .min_connections(min)
        .lazy_initialization(false))
}

/// No runtime, no connect: a pool can be built in a `static` or before `main` starts one.
#[test]
fn building_a_pool_and_adding_servers_opens_nothing_and_needs_no_runtime() {
    let set = eager(3);
    assert_eq!(set.fake.connects(), 0);
    assert_eq!(set.server.stats().max_connections, 6);
}

#[tokio::test(start_paused = true)]
async fn initializing_a_lazy_pool_opens_nothing() {
    let set = set(Settings::builder().min_connections(3));
    set.pool.initialize().await.unwrap();
    settle().await;
    assert_eq!(set.fake.connects(), 0);
}

#[tokio::test(start_paused = true)]
async fn initializing_an_eager_pool_opens_the_minimum_to_each_server() {
    let set = eager(3);
    let other = Arc::new(FakeServer::default());
    let add = set.pool.server("other", FakeConnector(Arc::clone(&other)));
    let _other = add.add();
    set.pool.initialize().await.unwrap();
    assert_eq!((set.fake.connects(), other.connects()), (3, 3));
    assert_eq!(set.pool.stats().total_connections, 6);
    // A second time there is nothing to do.
    set.pool.initialize().await.unwrap();
    assert_eq!((set.fake.connects(), other.connects()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn an_eager_pool_fails_early_and_says_on_which_server_and_why() {
    let set = eager(2);
    FakeServer::set(&set.fake.on_connect, Reaction::Fail);
    let error = set.pool.initialize().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectFailed);
    let chain = error.chain();
    assert!(
        chain.starts_with("`warm up` on server `fake` failed after 3 attempts"),
        "{chain}"
    );
    assert!(chain.ends_with("the fake server says no"), "{chain}");
    assert_eq!(set.fake.present(), 0);
}

#[tokio::test(start_paused = true)]
async fn warming_up_reports_on_every_server() {
    let set = set(Settings::builder().min_connections(2));
    let dead = Arc::new(FakeServer::default());
    FakeServer::set(&dead.on_connect, Reaction::Fail);
    let add = set.pool.server("dead", FakeConnector(Arc::clone(&dead)));
    let _dead = add.add();
    let report = set.pool.warm_up().await;
    let told: Vec<_> = report
        .servers
        .iter()
        .map(|one| (&*one.server, one.result.as_ref().ok().copied()))
        .collect();
    assert_eq!(told, [("fake", Some(2)), ("dead", None)]);
    let error = report.into_result().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectFailed);
}

/// Also where none is to be kept: that the server can be reached is worth knowing.
#[tokio::test(start_paused = true)]
async fn at_least_one_connection_is_opened() {
    let none = set(Settings::builder().min_connections(0));
    assert_eq!(none.server.warm_up().await.unwrap(), 1);
    let scoped = set(Settings::builder().min_connections(3));
    let ann = scoped.server.scoped(Scope::new("ann"));
    assert_eq!(ann.warm_up().await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_minimum_that_is_only_partly_reached_is_told() {
    let settings = Settings::builder().min_connections(1).max_total(2);
    let pool = Pool::new(settings.build().unwrap());
    let fake = Arc::new(FakeServer::default());
    let add = |name: &str| pool.server(name, FakeConnector(Arc::clone(&fake)));
    let three = add("three").adjust(|settings| settings.max_total(9).min_connections(3));
    let three = three.unwrap().add();
    let error = three.warm_up().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "only 2 of 3 connections to server `three` could be opened; the pool is full"
    );
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_closed_while_it_warms_up_says_so() {
    let set = eager(3);
    FakeServer::set(&set.fake.on_connect, Reaction::After(seconds(2)));
    let (result, report) = tokio::join!(set.server.warm_up(), async {
        sleep(seconds(3)).await;
        set.pool.close(seconds(9)).await
    });
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(
        error.to_string(),
        "only 0 of 3 connections to server `fake` could be opened; the pool is closed"
    );
    assert_eq!((report.closed, report.abandoned), (3, 0));
}

/// One who gives up while the pool warms up loses no place.
#[tokio::test(start_paused = true)]
async fn a_warm_up_that_is_given_up_leaves_what_was_opened_in_the_pool() {
    let set = eager(2);
    FakeServer::set(&set.fake.on_connect, Reaction::After(seconds(2)));
    let given_up = tokio::time::timeout(seconds(3), set.pool.warm_up()).await;
    assert!(given_up.is_err());
    sleep(seconds(5)).await;
    assert_eq!(set.pool.stats().total_connections, 2);
    assert_eq!(set.fake.connects(), 2);
    settle().await;
    check_books(&set, 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_one_session_and_refuses_more_is_told() {
    let set = eager(3);
    FakeServer::set(&set.fake.on_connect, Reaction::After(seconds(2)));
    let pool = set.pool.clone();
    let warming = tokio::spawn(async move { pool.initialize().await });
    sleep(seconds(1)).await;
    FakeServer::set(&set.fake.on_connect, Reaction::Fail);
    let error = warming.await.unwrap().unwrap_err();
    assert_eq!(
        error.chain(),
        "only 1 of 3 connections to server `fake` could be opened: the fake server says no"
    );
}
