//! Direct and pooled give the same answers, in the same run, and leave nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_domain::{BreakerState, Error, ErrorKind, Target};
use mcp_plugin_db::{
    Access, DatabasePlugin, Dialect, DialectChoice, Rows, Value,
    dialect::{Call, Request},
};
use mcp_pool::Settings;
use mcp_transport::ClientConnector;
use serde_json::json;

use crate::servers::{HttpServer, children, descriptors, stdio};

fn plugin(connector: ClientConnector, access: Access) -> DatabasePlugin {
    DatabasePlugin::builder(connector)
        .access(access)
        .name("shop")
        .build()
}

/// Every operation of the plugin, with what it answered or how it failed.
async fn everything(
    plugin: &DatabasePlugin,
) -> Vec<(&'static str, Result<serde_json::Value, ErrorKind>)> {
    macro_rules! ask {
        ($name:literal, $operation:expr) => {
            (
                $name,
                match $operation.await {
                    Ok(answer) => Ok(json!(answer)),
                    Err(error) => Err(error.kind()),
                },
            )
        };
    }
    let odd = "x' OR 1=1 --";
    vec![
        ask!("tables", plugin.tables()),
        ask!("describe", plugin.describe("orders")),
        ask!("describe nothing", plugin.describe("nope")),
        ask!(
            "query",
            plugin.query("SELECT * FROM products LIMIT 50", &[])
        ),
        ask!(
            "query odd",
            plugin.query("SELECT 9007199254740993, x'00ff', NULL, ?", &[odd.into()])
        ),
        ask!("query wrong", plugin.query("SELEC 1", &[])),
        ask!("query writing", plugin.query("DELETE FROM orders", &[])),
        ask!("search", plugin.search("sturdy kettle", None, 7)),
        ask!("search nothing", plugin.search("xyzzy", Some("reviews"), 7)),
        ask!("resources", plugin.resources()),
        ask!("read", plugin.read("db://tables/orders/schema")),
        ask!("read nothing", plugin.read("db://tables/nope/schema")),
    ]
}

async fn check(connector: ClientConnector) {
    let before = (children(), descriptors());
    let direct = plugin(connector.clone(), Access::Direct);
    let pooled = plugin(connector, Access::Pooled);
    assert_eq!(
        (direct.access(), pooled.access()),
        (Access::Direct, Access::Pooled)
    );

    let by_direct = everything(&direct).await;
    assert_eq!(by_direct, everything(&pooled).await);
    for (name, answer) in &by_direct {
        match *name {
            "describe nothing" | "query wrong" | "query writing" => {
                assert_eq!(*answer, Err(ErrorKind::ToolFailed), "{name}");
            }
            "read nothing" => assert!(matches!(answer, Err(ErrorKind::Rpc(_))), "{answer:?}"),
            _ => assert!(answer.is_ok(), "{name}: {answer:?}"),
        }
    }

    let stats = pooled.stats();
    assert!(stats.using_pool);
    assert_eq!(stats.pool.opened, 1, "one session served all: {stats:?}");
    assert_eq!(stats.pool.circuit_breaker_state, BreakerState::Closed);
    let json = serde_json::to_value(&stats).unwrap();
    assert_eq!(json["total_connections"], 1);
    assert_eq!(json["using_pool"], true);
    assert!(!direct.stats().using_pool);

    pooled.close(Duration::from_secs(10)).await;
    direct.close(Duration::from_secs(10)).await;
    assert_eq!(pooled.tables().await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(before.0, children());
    // The HTTP client keeps a few sockets for the next one; nobody else keeps any.
    assert!(
        descriptors() <= before.1 + 4,
        "{} and {}",
        before.1,
        descriptors()
    );
}

#[tokio::test]
async fn over_child_processes() {
    check(stdio()).await;
}

#[tokio::test]
async fn over_http() {
    let server = HttpServer::start("127.0.0.1:0");
    check(server.connector()).await;
}

#[tokio::test]
async fn building_a_plugin_opens_nothing() {
    let before = children();
    let plugin = plugin(stdio(), Access::Pooled);
    assert_eq!(children(), before);
    assert_eq!(plugin.stats().pool.opened, 0);
}

#[tokio::test]
async fn a_pool_that_cannot_be_built_leaves_direct_access() {
    let impossible = Settings::builder().max_connections(0);
    let builder = DatabasePlugin::builder(stdio()).settings(impossible);
    let plugin = builder.access(Access::Pooled).build();
    assert_eq!(plugin.access(), Access::Direct);
    assert!(!plugin.stats().using_pool);
    assert_eq!(plugin.tables().await.unwrap().len(), 13);
    assert_eq!(children(), Vec::<u32>::new());
}

#[tokio::test]
async fn concurrent_operations_share_what_the_server_allows() {
    let server = HttpServer::start("127.0.0.1:0");
    let pooled = plugin(server.connector(), Access::Pooled);
    let queries = (0..64).map(|n| {
        let pooled = &pooled;
        async move {
            pooled
                .query("SELECT ?", &[n.into()])
                .await
                .map(|rows| rows.rows)
        }
    });
    for (n, rows) in futures::future::join_all(queries)
        .await
        .into_iter()
        .enumerate()
    {
        assert_eq!(rows.unwrap(), [[Value::from(n)]]);
    }
    let stats = pooled.stats().pool;
    assert!(stats.opened <= 6 && stats.shares > 0, "{stats:?}");
    pooled.close(Duration::from_secs(10)).await;
}

/// Takes no answer of the server for one.
#[derive(Debug)]
struct Puzzled(Arc<AtomicUsize>);

impl Dialect for Puzzled {
    fn name(&self) -> &str {
        "puzzled"
    }

    fn query(&self, _: &str, _: &[Value]) -> Result<Request<Rows>, Error> {
        let asked = Arc::clone(&self.0);
        let call = Call::new("query", json!({ "sql": "SELECT 1" }));
        Ok(Request::one(call, move |_| {
            asked.fetch_add(1, Ordering::Relaxed);
            Err(Error::new(ErrorKind::BadResponse, "what is this?"))
        }))
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_costs_neither_the_session_nor_a_second_call() {
    for access in [Access::Direct, Access::Pooled] {
        let asked = Arc::new(AtomicUsize::new(0));
        let plugin = DatabasePlugin::builder(stdio())
            .access(access)
            .name("shop")
            .dialect(DialectChoice::own(Puzzled(Arc::clone(&asked))))
            .build();
        for n in 1..=10 {
            let error = plugin.query("SELECT 1", &[]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadResponse);
            let message = "the answer to `query` of server `shop` cannot be read: what is this?";
            assert_eq!(error.chain(), message);
            assert_eq!(asked.load(Ordering::Relaxed), n);
        }
        let stats = plugin.stats().pool;
        assert_eq!(stats.failure_count, 0);
        assert_eq!(stats.opened, u64::from(access == Access::Pooled));
        plugin.close(Duration::from_secs(10)).await;
    }
}

#[tokio::test]
async fn both_modes_say_what_failed_and_where() {
    for access in [Access::Direct, Access::Pooled] {
        let nobody = ClientConnector::new(Target::command("no-such-program", [""; 0])).unwrap();
        let error = plugin(nobody, access).tables().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectFailed);
        let said = error.to_string();
        assert!(
            said.starts_with("`tables` on server `shop` failed"),
            "{said}"
        );
        assert!(error.chain().contains("cannot start `no-such-program`"));
    }
}
