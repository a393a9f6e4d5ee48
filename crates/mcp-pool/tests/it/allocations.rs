//! What is taken from the heap: by the way that is taken most, nothing.

use std::{
    future::ready,
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
};

use futures::FutureExt as _;
use mcp_breaker::Breaker;
use mcp_domain::Scope;
use mcp_pool::{Pool, Settings, Sharing};

use crate::fake::{CALL, FakeConnection, FakeConnector};

#[tokio::test]
async fn a_call_on_an_open_connection_allocates_nothing() {
    for sharing in [Sharing::Exclusive, Sharing::Shared, Sharing::Auto] {
        let pool = Pool::new(Settings::builder().sharing(sharing).build().unwrap());
        let server = pool
            .server("fake", FakeConnector::default())
            .breaker(Arc::new(Breaker::default()))
            .add();
        let call = |connection: Arc<FakeConnection>| ready(Ok(connection.id));
        for _ in 0..3 {
            server.run(CALL, call).await.unwrap();
            drop(server.lease(CALL).await.unwrap());
        }
        let allocated = allocation_counter::measure(|| {
            let answer = server.run(CALL, call).now_or_never();
            assert!(matches!(answer, Some(Ok(0))));
        });
        assert_eq!(allocated.count_total, 0, "run, {sharing:?}");
        let allocated = allocation_counter::measure(|| {
            let lease = server.lease(CALL).now_or_never();
            assert!(matches!(lease, Some(Ok(_))));
        });
        assert_eq!(allocated.count_total, 0, "lease, {sharing:?}");
    }
}

#[tokio::test]
async fn a_caller_who_waits_allocates_nothing() {
    for sharing in [Sharing::Exclusive, Sharing::Shared, Sharing::Auto] {
        let settings = Settings::builder().sharing(sharing).max_connections(1);
        let pool = Pool::new(settings.build().unwrap());
        let server = pool.server("fake", FakeConnector::default()).add();
        for measured in [false, true] {
            let held = server.lease(CALL).await.unwrap();
            let allocated = allocation_counter::measure(|| {
                let call = |connection: Arc<FakeConnection>| ready(Ok(connection.id));
                let mut waiting = pin!(server.run(CALL, call));
                let mut context = Context::from_waker(Waker::noop());
                assert!(waiting.as_mut().poll(&mut context).is_pending());
                drop(held);
                assert!(waiting.as_mut().poll(&mut context).is_ready());
            });
            // The first time, lists are made as long as they will be.
            assert!(!measured || allocated.count_total == 0, "{sharing:?}");
        }
    }
}

/// So 100,000 of them cost 200 MB at most, without their names, whatever they may open.
#[test]
fn a_scope_that_nobody_uses_costs_two_kilobytes_at_most_and_nothing_when_it_is_let_go() {
    const SCOPES: u64 = 1000;
    for max_connections in [6, 1_000_000] {
        let settings = Settings::builder().max_connections(max_connections);
        let pool = Pool::new(settings.build().unwrap());
        let server = pool.server("fake", FakeConnector::default()).add();
        let names: Vec<_> = (0..SCOPES)
            .map(|number| Scope::new(format!("scope {number}")))
            .collect();
        let mut held = Vec::with_capacity(names.len());
        let taken = allocation_counter::measure(|| {
            held.extend(names.iter().map(|scope| server.scoped(scope.clone())));
        });
        let each = taken.bytes_current / SCOPES as i64;
        assert!((1..=2048).contains(&each), "{each} bytes each");
        let freed = allocation_counter::measure(|| held.clear());
        // The list of names keeps its size.
        let left = (taken.bytes_current + freed.bytes_current) / SCOPES as i64;
        assert!(left <= 128, "{left} bytes each are left");
    }
}
