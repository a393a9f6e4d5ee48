//! What the way that is taken most takes from the heap: nothing.

use std::{future::ready, sync::Arc};

use futures::FutureExt as _;
use mcp_breaker::Breaker;
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
