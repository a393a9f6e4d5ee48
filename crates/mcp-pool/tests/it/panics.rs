//! Code of others that panics costs a connection, not the pool.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, atomic::Ordering::SeqCst},
    task::{Context, Wake, Waker},
};

use futures::{FutureExt as _, future::join_all};
use mcp_domain::{
    BreakerSnapshot, CircuitBreaker, Connector, Error, ErrorKind, Outcome, Rejected, Scope, Ticket,
};
use mcp_pool::{Pool, Settings, Sharing};
use tokio::time::{Instant, sleep, timeout};
use tracing::{Event, Metadata, Subscriber, span, subscriber::Interest};

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

/// Hears of spans, and cannot stand one of the things that it hears of them.
struct Touchy(&'static str);

impl Touchy {
    fn hears(&self, what: &str) {
        assert_ne!(self.0, what, "anything but that");
    }
}

impl Subscriber for Touchy {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.hears("enabled");
        metadata.is_span()
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        self.hears("new");
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {
        self.hears("record");
    }

    fn enter(&self, _: &span::Id) {
        self.hears("enter");
    }

    fn exit(&self, _: &span::Id) {
        self.hears("exit");
    }

    fn try_close(&self, _: span::Id) -> bool {
        self.hears("close");
        true
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, _: &Event<'_>) {}
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_panics_in_a_span_costs_no_call() {
    for what in ["enabled", "new", "record", "enter", "exit", "close"] {
        let _guard = tracing::subscriber::set_default(Touchy(what));
        let set = exclusive(1);
        let run = async |time| {
            let call = |one: Arc<FakeConnection>| async move { one.call(seconds(time)).await };
            set.server.run(CALL.within(seconds(5)), call).await
        };
        assert_eq!(run(1).await.unwrap(), 1, "{what}");
        // One that fails, one that is given up, and one that panics itself.
        let error = run(6).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CallTimeout, "{what}");
        assert!(timeout(seconds(1), run(2)).await.is_err(), "{what}");
        let call = |_| async { panic!("the caller's own fault") };
        let panics = AssertUnwindSafe(set.server.run::<(), _, _>(CALL, call)).catch_unwind();
        let fault = panics.await.unwrap_err();
        let fault = fault.downcast_ref::<&str>();
        assert_eq!(fault, Some(&"the caller's own fault"), "{what}");
        assert_eq!(run(1).await.unwrap(), 1, "{what}");
        assert_eq!(set.fake.connects(), 1, "{what}");
        settle().await;
        check_books(&set, 5);
    }
}

/// Panics when it is woken.
struct Sleeper;

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        panic!("let me sleep");
    }
}

/// Polls this once, for a caller who panics when it is woken.
fn put_to_sleep<F: Future>(future: Pin<&mut F>) {
    let sleeper = Waker::from(Arc::new(Sleeper));
    let mut context = Context::from_waker(&sleeper);
    assert!(future.poll(&mut context).is_pending());
}

#[tokio::test(start_paused = true)]
async fn a_waker_that_panics_leaves_no_count_behind() {
    let set = exclusive(2);
    let mut sleeps = Box::pin(set.server.lease(CALL));
    put_to_sleep(sleeps.as_mut());
    // The connection is there, and the sleeper is told.
    settle().await;
    drop(sleeps);
    // Nothing is taken for a connection that is still to come.
    let (one, two) = (set.server.lease(CALL).await, set.server.lease(CALL).await);
    drop((one.unwrap(), two.unwrap()));
    check_books(&set, 2);
}

#[tokio::test(start_paused = true)]
async fn a_waker_that_panics_costs_nobody_a_place() {
    let settings = Settings::builder().sharing(Sharing::Shared);
    let settings = settings.max_in_flight(2).max_connections(2);
    let set = set(settings.max_total(2).min_connections(0));
    let run = |time| {
        let server = set.server.clone();
        let call = move |one: Arc<FakeConnection>| async move { one.call(seconds(time)).await };
        async move { server.run(CALL.within(seconds(200)), call).await }
    };
    let (short, long) = (tokio::spawn(run(5)), tokio::spawn(run(100)));
    let other = set.server.scoped(Scope::new("other"));
    let held = other.lease(CALL).await.unwrap();
    // All places are taken. Somebody waits who has none, and then one who panics when it is
    // woken, for whom there is no room.
    let third = set.server.scoped(Scope::new("third"));
    let third = tokio::spawn(async move { third.lease(CALL).await.map(drop) });
    settle().await;
    let mut sleeps = Box::pin(run(1));
    put_to_sleep(sleeps.as_mut());
    // The connection in use takes no more calls, for it is to make way.
    short.await.unwrap().unwrap();
    settle().await;
    // It need not, as there is a place: it takes calls again, and the sleeper is told.
    held.discard();
    third.await.unwrap().unwrap();
    sleeps.await.unwrap();
    long.await.unwrap().unwrap();
    settle().await;
    assert_eq!(set.pool.close(seconds(9)).await.abandoned, 0);
}
