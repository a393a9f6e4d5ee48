//! Code of others that panics costs a connection, not the pool.

use std::sync::{Arc, atomic::Ordering::SeqCst};

use futures::future::join_all;
use mcp_domain::{
    BreakerSnapshot, CircuitBreaker, Connector, Error, ErrorKind, Outcome, Rejected, Scope, Ticket,
};
use mcp_pool::{Pool, Settings, Sharing};
use tokio::time::{Instant, sleep};
use tracing::{Event, Metadata, Subscriber, span};

use crate::fake::{
    CALL, FakeConnection, FakeConnector, FakeServer, Reaction, Set, check_books, exclusive,
    seconds, set, settle,
};

/// Some idle connections, wherever the pool keeps them.
async fn three(set: &Set) {
    for lease in join_all((0..3).map(|_| set.server.lease(CALL))).await {
        drop(lease.unwrap());
    }
    assert_eq!(set.pool.stats().available_connections, 3);
}

#[tokio::test(start_paused = true)]
async fn connections_that_panic_when_asked_are_closed_and_replaced() {
    for upkeep in [false, true] {
        let settings = Settings::builder().sharing(Sharing::Exclusive);
        let set = set(settings
            .health_check_interval(seconds(10))
            .min_connections(0));
        three(&set).await;
        set.fake.confused.store(true, SeqCst);
        if upkeep {
            sleep(seconds(60)).await;
        } else {
            let error = set.server.lease(CALL).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectFailed, "{}", error.chain());
        }
        set.fake.confused.store(false, SeqCst);
        drop(set.server.lease(CALL).await.unwrap());
        settle().await;
        assert!(set.pool.stats().closed.died >= 3, "{:?}", set.pool.stats());
        check_books(&set, 4);
        // The upkeep goes on.
        FakeServer::set(&set.fake.on_ping, Reaction::Fail);
        sleep(seconds(60)).await;
        assert_eq!(set.pool.stats().closed.failed_check, 1);
    }
}

/// Panics before there is anything to wait for.
struct Hasty;

impl Connector for Hasty {
    type Connection = FakeConnection;

    fn connect(&self, _: &Scope) -> impl Future<Output = Result<FakeConnection, Error>> + Send {
        assert!(self.is_wise(), "in haste");
        std::future::pending()
    }
}

impl Hasty {
    fn is_wise(&self) -> bool {
        false
    }
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_panics_at_once_fails_one_connect() {
    let server = Pool::new(Settings::default()).server("hasty", Hasty).add();
    let error = server.lease(CALL).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectFailed);
    assert!(error.chain().contains("panicked"), "{}", error.chain());
}

/// Never answers, and panics when it is given up.
struct Stubborn;

impl Connector for Stubborn {
    type Connection = FakeConnection;

    async fn connect(&self, _: &Scope) -> Result<FakeConnection, Error> {
        let _given_up = Grudge;
        std::future::pending().await
    }
}

struct Grudge;

impl Drop for Grudge {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "not yet");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connector_that_panics_when_given_up_fails_one_connect() {
    let settings = Settings::builder().connection_timeout(seconds(1));
    let pool = Pool::new(settings.build().unwrap());
    let server = pool.server("stubborn", Stubborn).add();
    let start = Instant::now();
    let error = server.lease(CALL.within(seconds(60))).await.unwrap_err();
    assert!(error.chain().contains("panicked"), "{}", error.chain());
    assert!(start.elapsed() < seconds(2), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_panics_when_closed_frees_its_place() {
    let set = exclusive(1);
    FakeServer::set(&set.fake.on_close, Reaction::Panic);
    set.server.lease(CALL).await.unwrap().discard();
    assert_eq!(set.server.lease(CALL).await.unwrap().id, 1);
    assert_eq!(set.fake.most_present(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_does_not_cost_others_the_connection() {
    let set = exclusive(1);
    let server = set.server.clone();
    let call = |_| async { panic!("the caller's own fault") };
    let caller = tokio::spawn(async move { server.run::<(), _, _>(CALL, call).await });
    assert!(caller.await.unwrap_err().is_panic());
    drop(set.server.lease(CALL).await.unwrap());
    assert_eq!(set.fake.connects(), 1);
    check_books(&set, 2);
}

/// Admits everybody, and cannot stand to hear what came of it.
#[derive(Debug)]
struct Faint;

impl CircuitBreaker for Faint {
    fn try_admit(&self) -> Result<Ticket, Rejected> {
        Ok(Ticket::new(0))
    }

    fn settle(&self, _: Ticket, _: Outcome) {
        panic!("too much");
    }

    fn snapshot(&self) -> BreakerSnapshot {
        BreakerSnapshot::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_panics_costs_no_connection() {
    let set = exclusive(1);
    let connector = FakeConnector(Arc::clone(&set.fake));
    let faint = set.pool.server("faint", connector);
    let faint = faint.breaker(Arc::new(Faint)).add();
    for _ in 0..3 {
        let faint = faint.clone();
        let caller = tokio::spawn(async move { faint.lease(CALL).await.map(drop) });
        assert!(caller.await.unwrap_err().is_panic());
    }
    let stats = faint.stats();
    assert_eq!((stats.opened, stats.hits), (1, 2));
}

/// Hears of events, and cannot stand it.
struct Squeamish;

impl Subscriber for Squeamish {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
    }

    fn event(&self, _: &Event<'_>) {
        panic!("please, not that");
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_panics_costs_neither_calls_nor_connections() {
    let _guard = tracing::subscriber::set_default(Squeamish);
    let set = exclusive(3);
    // Opened, closed because one died and the others did then, and opened again.
    three(&set).await;
    set.server.lease(CALL).await.unwrap().die();
    set.fake.restart();
    three(&set).await;
    FakeServer::set(&set.fake.on_close, Reaction::Fail);
    set.server.lease(CALL).await.unwrap().discard();
    FakeServer::set(&set.fake.on_connect, Reaction::Fail);
    let leases = join_all((0..3).map(|_| set.server.lease(CALL.within(seconds(1))))).await;
    assert_eq!(leases.iter().filter(|lease| lease.is_ok()).count(), 2);
    drop(leases);
    FakeServer::set(&set.fake.on_connect, Reaction::Ok);
    sleep(seconds(60)).await;
    three(&set).await;
    let stats = set.pool.stats();
    let checkouts = stats.hits + stats.waits + stats.connects;
    check_books(&set, checkouts);
    assert_eq!(set.pool.close(seconds(9)).await.abandoned, 0);
}
