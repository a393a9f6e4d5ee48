//! One pool for the whole process.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use mcp_pool::{GlobalPool, Pool, Settings};

use crate::fake::{CALL, FakeConnector, FakeServer};

/// Which pool it is: each of these has another limit.
fn max(pool: &Pool<FakeConnector>) -> u64 {
    pool.stats().max_connections
}

fn pool(max: usize) -> Pool<FakeConnector> {
    Pool::new(Settings::builder().max_connections(max).build().unwrap())
}

#[test]
fn it_can_be_asked_for_by_any_thread_before_there_is_a_runtime() {
    static POOL: GlobalPool<FakeConnector> = GlobalPool::new();
    let fake = Arc::new(FakeServer::default());
    let barrier = Barrier::new(8);
    let servers: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    let connector = FakeConnector(Arc::clone(&fake));
                    POOL.get().server("fake", connector).add_once()
                })
            })
            .collect();
        threads.into_iter().map(|one| one.join().unwrap()).collect()
    });
    // Whoever asked, it is one pool with one server.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        for server in &servers {
            server.run(CALL, |_| async { Ok(()) }).await.unwrap();
        }
        assert_eq!(fake.connects(), 1);
        assert_eq!(POOL.get().stats().hits, 7);
    });
}

#[test]
fn it_is_built_once_it_is_needed_and_not_before() {
    static BUILT: AtomicUsize = AtomicUsize::new(0);
    static POOL: GlobalPool<FakeConnector> = GlobalPool::with(|| {
        BUILT.fetch_add(1, SeqCst);
        pool(3)
    });
    assert!(POOL.take().is_none());
    assert_eq!(BUILT.load(SeqCst), 0);
    assert_eq!((max(&POOL.get()), max(&POOL.get())), (3, 3));
    assert_eq!(BUILT.load(SeqCst), 1);
    // Taken out at the end of a program; a new life gets a new one.
    assert!(POOL.take().is_some());
    assert_eq!(max(&POOL.get()), 3);
    assert_eq!(BUILT.load(SeqCst), 2);
}

#[test]
fn a_test_replaces_it_and_gives_it_back() {
    static POOL: GlobalPool<FakeConnector> = GlobalPool::new();
    {
        let _replaced = POOL.replace(pool(2));
        assert_eq!(max(&POOL.get()), 2);
        let _again = POOL.replace(pool(1));
        assert_eq!(max(&POOL.get()), 1);
    }
    assert_eq!(max(&POOL.get()), 6);
}

#[test]
fn guards_give_it_back_in_whatever_order_they_go() {
    static POOL: GlobalPool<FakeConnector> = GlobalPool::new();
    let first = POOL.replace(pool(2));
    let second = POOL.replace(pool(1));
    drop(first);
    assert_eq!(max(&POOL.get()), 1);
    drop(second);
    assert_eq!(max(&POOL.get()), 6);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_added_once_is_found_by_its_name_also_when_nobody_holds_it() {
    let pool = pool(2);
    assert!(pool.find("fake").is_none());
    let fake = Arc::new(FakeServer::default());
    let first = pool.server("fake", FakeConnector(Arc::clone(&fake)));
    drop(first.add_once());
    let other = Arc::new(FakeServer::default());
    let again = pool.server("fake", FakeConnector(Arc::clone(&other)));
    again.add_once().warm_up().await.unwrap();
    pool.find("fake").unwrap().warm_up().await.unwrap();
    assert_eq!((fake.connects(), other.connects()), (1, 0));
    // Those of `add` are apart, whatever they are called.
    let apart = pool.server("fake", FakeConnector(other)).add();
    apart.warm_up().await.unwrap();
    assert_eq!(pool.stats().total_connections, 2);
}
