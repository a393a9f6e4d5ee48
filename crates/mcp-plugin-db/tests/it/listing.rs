//! What is listed is kept, for each scope, and fetched once however many ask.

use std::time::Duration;

use mcp_domain::{PoolStats, Scope};
use mcp_plugin_db::{Access, DatabasePlugin};

use crate::servers::{HttpServer, stdio};

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
    let plugin = builder.keep_listings(Duration::from_secs(3600)).build();
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
