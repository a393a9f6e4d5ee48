//! A server that is killed and comes back.

use std::time::Duration;

use mcp_domain::{Error, ErrorKind};
use mcp_plugin_db::{Access, DatabasePlugin};
use mcp_pool::Settings;

use crate::servers::{HttpServer, children, stdio};

async fn ask(plugin: &DatabasePlugin) -> Result<(), Error> {
    let rows = plugin.query("SELECT count(*) FROM orders", &[]).await?;
    assert_eq!(rows.rows[0][0], 10_000);
    Ok(())
}

#[tokio::test]
async fn a_child_process_that_is_killed_is_replaced() {
    let plugin = DatabasePlugin::builder(stdio())
        .access(Access::Pooled)
        .build();
    for _ in 0..5 {
        ask(&plugin).await.unwrap();
        let servers = children();
        assert_eq!(servers.len(), 1);
        let mut kill = std::process::Command::new("kill");
        kill.args(["-9", &servers[0].to_string()]);
        assert!(kill.status().unwrap().success());
        ask(&plugin).await.unwrap();
    }
    plugin.close(Duration::from_secs(10)).await;
    assert_eq!(children(), Vec::<u32>::new());
}

#[tokio::test]
async fn an_http_server_that_is_restarted_is_found_again() {
    let mut server = HttpServer::start("127.0.0.1:0");
    let plugin = DatabasePlugin::builder(server.connector())
        .access(Access::Pooled)
        .build();
    ask(&plugin).await.unwrap();
    let address = server.address();
    for _ in 0..3 {
        server.kill();
        server = HttpServer::start(&address);
        ask(&plugin).await.unwrap();
    }
    plugin.close(Duration::from_secs(10)).await;
    assert_eq!(children(), [server.pid()]);
}

#[tokio::test]
async fn a_server_that_is_gone_opens_the_breaker() {
    let mut server = HttpServer::start("127.0.0.1:0");
    let plugin = DatabasePlugin::builder(server.connector())
        .access(Access::Pooled)
        .build();
    ask(&plugin).await.unwrap();
    server.kill();
    let mut refused = None;
    for _ in 0..10 {
        let error = ask(&plugin).await.unwrap_err();
        if error.kind() == ErrorKind::BreakerOpen {
            refused = Some(error);
            break;
        }
    }
    let refused = refused.expect("the breaker never opened");
    assert!(refused.retry_after().unwrap() <= Duration::from_secs(60));
    plugin.close(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn a_plugin_that_is_not_lazy_finds_out_at_its_start() {
    let mut server = HttpServer::start("127.0.0.1:0");
    let eager = || {
        DatabasePlugin::builder(server.connector())
            .access(Access::Pooled)
            .settings(
                Settings::builder()
                    .min_connections(2)
                    .lazy_initialization(false),
            )
            .build()
    };
    let (well, ill) = (eager(), eager());
    well.initialize().await.unwrap();
    assert_eq!(well.stats().pool.total_connections, 2);
    well.close(Duration::from_secs(10)).await;
    server.kill();
    let error = ill.initialize().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectFailed, "{}", error.chain());
    ill.close(Duration::from_secs(10)).await;
}
