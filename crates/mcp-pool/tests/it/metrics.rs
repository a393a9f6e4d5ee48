//! The figures for the `metrics` facade.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use futures::future::join_all;
use mcp_pool::{Pool, Settings, Sharing};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use tokio::time::sleep;

use crate::fake::{
    CALL, FakeConnection, FakeConnector, FakeServer, Reaction, check_books, seconds, set,
};

/// A recorder that remembers: counts and gauges by their value, of histograms the sum.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<BTreeMap<String, Arc<Cell>>>>);

#[derive(Default)]
struct Cell(AtomicU64);

impl Memory {
    fn cell(&self, key: &Key) -> Arc<Cell> {
        let mut name = key.name().to_owned();
        for label in key.labels() {
            name += &format!(" {}={}", label.key(), label.value());
        }
        Arc::clone(self.0.lock().unwrap().entry(name).or_default())
    }

    /// All that is not zero.
    fn told(&self) -> BTreeMap<String, u64> {
        let cells = self.0.lock().unwrap();
        let values = cells
            .iter()
            .map(|(name, cell)| (name.clone(), cell.0.load(SeqCst)));
        values.filter(|(_, value)| *value > 0).collect()
    }
}

impl CounterFn for Cell {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, SeqCst);
    }

    fn absolute(&self, value: u64) {
        self.0.store(value, SeqCst);
    }
}

impl GaugeFn for Cell {
    fn increment(&self, _: f64) {
        unreachable!("gauges are set");
    }

    fn decrement(&self, _: f64) {
        unreachable!("gauges are set");
    }

    fn set(&self, value: f64) {
        self.0.store(value as u64, SeqCst);
    }
}

impl HistogramFn for Cell {
    fn record(&self, value: f64) {
        self.0.fetch_add(value as u64, SeqCst);
    }
}

impl Recorder for Memory {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.cell(key))
    }
}

#[tokio::test(start_paused = true)]
async fn every_figure_reaches_the_recorder_under_the_name_of_its_server() {
    let memory = Memory::default();
    let _guard = metrics::set_default_local_recorder(&memory);
    let settings = Settings::builder()
        .sharing(Sharing::Exclusive)
        .max_connections(1)
        .retry_attempts(1);
    let pool: Pool<FakeConnector> = Pool::new(settings.build().unwrap());
    let fake = Arc::new(FakeServer::default());
    let shop = pool.server("shop", FakeConnector(Arc::clone(&fake))).add();
    FakeServer::set(&fake.on_connect, Reaction::After(seconds(2)));

    // One connects, one waits for it, one finds it idle, one waits in vain.
    let call = |connection: Arc<FakeConnection>| async move { connection.call(seconds(3)).await };
    let (one, other) = tokio::join!(shop.run(CALL, call), shop.run(CALL, call));
    one.and(other).unwrap();
    let held = shop.lease(CALL).await.unwrap();
    shop.run(CALL.within(seconds(5)), call).await.unwrap_err();
    pool.publish_metrics();
    let name = |rest: &str| format!("mcp.client.connection.{rest}");
    let of = "mcp.client.connection.pool.name=shop";
    let told = memory.told();
    let expected = [
        (name(&format!("checkouts {of} how=connect")), 1),
        (name(&format!("checkouts {of} how=hit")), 1),
        (name(&format!("checkouts {of} how=wait")), 1),
        (name(&format!("count {of} state=used")), 1),
        (name(&format!("create_time {of}")), 2),
        (name(&format!("max {of}")), 1),
        (name(&format!("opened {of}")), 1),
        (name(&format!("timeouts {of}")), 1),
        (name(&format!("use_time {of}")), 6),
        (name(&format!("wait_time {of}")), 2 + 5 + 5),
    ];
    assert_eq!(told, BTreeMap::from(expected));

    // And what goes wrong.
    held.discard();
    FakeServer::set(&fake.on_connect, Reaction::Fail);
    sleep(seconds(10)).await;
    shop.run(CALL, call).await.unwrap_err();
    pool.publish_metrics();
    let told = memory.told();
    assert_eq!(told[&name(&format!("closed {of} reason=discarded"))], 1);
    assert_eq!(told[&name(&format!("retries {of}"))], 1);
    assert!(told[&name(&format!("failed {of}"))] >= 2);
    assert!(!told.contains_key(&name(&format!("count {of} state=used"))));
}

/// Every name that is told is in the documentation.
#[test]
fn the_documentation_lists_every_name() {
    let memory = Memory::default();
    metrics::with_local_recorder(&memory, || {
        let pool: Pool<FakeConnector> = Pool::default();
        let _server = pool.server("shop", FakeConnector::default()).add();
        pool.publish_metrics();
    });
    let page = include_str!("../../../../docs/observability.md");
    let cells = memory.0.lock().unwrap();
    assert!(!cells.is_empty());
    for full in cells.keys() {
        let name = full.split(' ').next().unwrap();
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
        for label in full.split(' ').skip(2) {
            let value = label.split_once('=').unwrap().1;
            assert!(page.contains(&format!("`{value}`")), "{label}");
        }
    }
}

/// Records nothing, and says so.
struct Broken;

impl CounterFn for Broken {
    fn increment(&self, _: u64) {
        panic!("the disk is full");
    }

    fn absolute(&self, _: u64) {
        panic!("the disk is full");
    }
}

impl GaugeFn for Broken {
    fn increment(&self, _: f64) {
        panic!("the disk is full");
    }

    fn decrement(&self, _: f64) {
        panic!("the disk is full");
    }

    fn set(&self, _: f64) {
        panic!("the disk is full");
    }
}

impl HistogramFn for Broken {
    fn record(&self, _: f64) {
        panic!("the disk is full");
    }
}

impl Recorder for Broken {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Arc::new(Self))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Arc::new(Self))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::new(Self))
    }
}

#[tokio::test(start_paused = true)]
async fn a_recorder_that_panics_costs_neither_calls_nor_connections() {
    for sharing in [Sharing::Exclusive, Sharing::Shared] {
        let _guard = metrics::set_default_local_recorder(&Broken);
        let settings = Settings::builder().max_connections(2).max_in_flight(2);
        let set = set(settings.sharing(sharing));
        let wait = Reaction::After(seconds(1));
        FakeServer::set(&set.fake.on_connect, wait);
        // All who can, and some who wait: the first of each kind, and those after them.
        let call =
            |connection: Arc<FakeConnection>| async move { connection.call(seconds(1)).await };
        for called in join_all((0..8).map(|_| set.server.run(CALL, call))).await {
            called.unwrap();
        }
        let lease = async || set.server.lease(CALL).await.map(drop);
        for leased in join_all((0..8).map(|_| lease())).await {
            leased.unwrap();
        }
        // Also to one whose caller panics.
        let lease = set.server.lease(CALL).await.unwrap();
        let panics = tokio::spawn(async move {
            let _lease = lease;
            panic!("the caller's own fault");
        });
        assert!(panics.await.unwrap_err().is_panic());
        set.server.lease(CALL).await.unwrap().discard();
        sleep(seconds(60)).await;
        check_books(&set, 18);
    }
}
