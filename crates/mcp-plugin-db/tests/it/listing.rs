//! What is listed is kept, for each scope, and fetched once however many ask.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use mcp_domain::{PoolStats, Scope};
use mcp_plugin_db::{Access, DatabasePlugin};
use mcp_transport::{ClientConnector, Lifecycle};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, split};

use crate::{
    fixture::sqlite,
    servers::{HttpServer, stdio},
};

const HOUR: Duration = Duration::from_secs(3600);

fn checkouts(plugin: &DatabasePlugin) -> u64 {
    let PoolStats {
        hits,
        shares,
        waits,
        connects,
        ..
    } = plugin.stats().pool;
    hits + shares + waits + connects
}

#[tokio::test]
async fn a_list_is_fetched_once_and_kept() {
    let mut server = HttpServer::start("127.0.0.1:0");
    let builder = DatabasePlugin::builder(server.connector()).access(Access::Pooled);
    let plugin = builder.keep_listings(HOUR).build();
    let all = (0..64).map(|_| plugin.tables());
    for tables in futures::future::join_all(all).await {
        assert_eq!(tables.unwrap().len(), 13);
    }
    assert_eq!(checkouts(&plugin), 1);
    plugin.describe("orders").await.unwrap();
    plugin.describe("orders").await.unwrap();
    plugin.resources().await.unwrap();
    plugin.resources().await.unwrap();
    assert_eq!(checkouts(&plugin), 3);

    // Another scope sees for itself.
    let other = plugin.scoped(Scope::new("user:42"));
    assert_eq!(
        other.tables().await.unwrap(),
        plugin.tables().await.unwrap()
    );
    assert_eq!(checkouts(&plugin), 4);

    // Forgotten in all scopes.
    plugin.forget_listings();
    plugin.tables().await.unwrap();
    other.tables().await.unwrap();
    assert_eq!(checkouts(&plugin), 6);

    // Kept, the server needs not even be there.
    server.kill();
    assert_eq!(plugin.tables().await.unwrap().len(), 13);
    plugin.close(Duration::from_secs(10)).await;
    assert!(plugin.tables().await.is_err());
}

#[tokio::test]
async fn what_writes_makes_lists_fetched_anew() {
    let builder = DatabasePlugin::builder(stdio()).access(Access::Pooled);
    let plugin = builder.build();
    plugin.tables().await.unwrap();
    // Refused, but the plugin cannot know what it has done.
    plugin.execute("DROP TABLE orders", &[]).await.unwrap_err();
    let before = checkouts(&plugin);
    plugin.tables().await.unwrap();
    assert_eq!(checkouts(&plugin), before + 1);
    plugin.close(Duration::from_secs(10)).await;
}

/// Of the names of tables, as this plugin sees them.
async fn has(plugin: &DatabasePlugin, table: &str) -> bool {
    let tables = plugin.tables().await.unwrap();
    tables.iter().any(|known| known.name == table)
}

#[tokio::test]
async fn tables_that_somebody_else_makes_are_seen_when_the_server_tells() {
    for lifecycle in [Lifecycle::Initialize, Lifecycle::Discover] {
        let folder = tempfile::tempdir().unwrap();
        let database = sqlite(folder.path());
        let mut server = HttpServer::serve("127.0.0.1:0", &["--allow-writes", "--", &database]);
        let connector = server.connector().with_lifecycle(lifecycle);
        let builder = DatabasePlugin::builder(connector).access(Access::Pooled);
        let plugin = builder.keep_listings(HOUR).build();
        assert!(!has(&plugin, "made").await);
        plugin.resources().await.unwrap();
        let before = checkouts(&plugin);
        assert!(!has(&plugin, "made").await);
        assert_eq!(checkouts(&plugin), before, "it is kept");

        let other = DatabasePlugin::builder(server.connector()).build();
        other.execute("CREATE TABLE made(id)", &[]).await.unwrap();
        while !has(&plugin, "made").await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let resources = plugin.resources().await.unwrap();
        assert!(resources.iter().any(|one| one.uri.contains("/made/")));

        // Nobody would tell any more: what was kept is forgotten.
        server.kill();
        plugin.query("SELECT 1", &[]).await.unwrap_err();
        while plugin.tables().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        plugin.close(Duration::from_secs(10)).await;
    }
}

/// A server of revision 2026-07-28 whose list of resources is fresh for so long.
async fn serve(stream: DuplexStream, ttl_ms: Option<u64>, asked: Arc<AtomicUsize>) {
    let (input, mut output) = split(stream);
    let mut lines = BufReader::new(input).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let request: Value = serde_json::from_str(&line).unwrap();
        let mut result = match request["method"].as_str() {
            Some("server/discover") => json!({
                "supportedVersions": ["2026-07-28"], "capabilities": { "resources": {} },
                "serverInfo": { "name": "hinting", "version": "1" }
            }),
            Some("resources/list") => {
                asked.fetch_add(1, SeqCst);
                json!({ "resources": [{ "uri": "test://one", "name": "one" }] })
            }
            _ => json!({ "tools": [] }),
        };
        result["resultType"] = json!("complete");
        result["cacheScope"] = json!("private");
        if let Some(ttl_ms) = ttl_ms {
            result["ttlMs"] = json!(ttl_ms);
        }
        let answer = json!({ "jsonrpc": "2.0", "id": request["id"], "result": result });
        let answer = format!("{answer}\n");
        output.write_all(answer.as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn resources_are_kept_for_as_long_as_the_server_says() {
    for (ttl_ms, times) in [(Some(3_600_000), 1), (Some(0), 3), (None, 3)] {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let connector =
            ClientConnector::in_process(move |stream| serve(stream, ttl_ms, Arc::clone(&count)));
        let connector = connector.with_lifecycle(Lifecycle::Discover);
        let builder = DatabasePlugin::builder(connector).access(Access::Pooled);
        let plugin = builder.keep_listings(HOUR).build();
        for _ in 0..3 {
            assert_eq!(plugin.resources().await.unwrap().len(), 1);
        }
        assert_eq!(asked.load(SeqCst), times, "{ttl_ms:?}");
        plugin.close(Duration::from_secs(10)).await;
    }
}
