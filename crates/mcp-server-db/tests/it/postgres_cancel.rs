//! PostgreSQL: a call that nobody waits for any more stops its statement in the database.

use std::time::Duration;

use mcp_server_db::{HttpOptions, Limits, Options};
use rmcp::{
    model::CallToolRequestParams,
    service::{ClientLifecycleMode, ClientServiceExt as _},
    transport::StreamableHttpClientTransport,
};
use serde_json::json;
use tokio::{
    net::TcpListener,
    time::{Instant, sleep, timeout},
};

use crate::{
    client::{Client, ask, config, lifecycles},
    cluster::{Cluster, connect},
};

/// Far longer than any test runs.
pub(crate) fn patient(statements: usize) -> Options {
    Options {
        limits: Limits {
            time: Duration::from_secs(1000),
            statements,
            ..Limits::default()
        },
        ..Options::default()
    }
}

fn sleeping() -> CallToolRequestParams {
    let mut params = CallToolRequestParams::new("query");
    params.arguments = json!({ "sql": "SELECT pg_sleep(900)" })
        .as_object()
        .cloned();
    params
}

/// Waits until so many statements of ours run in the database.
pub(crate) async fn until_running(cluster: &Cluster, wanted: i64) {
    const RUNNING: &str = "SELECT count(*) FROM pg_stat_activity \
                           WHERE query LIKE '%pg_sleep(900)%' AND state = 'active' \
                             AND pid <> pg_backend_pid()";
    let admin = cluster.admin().await;
    let end = Instant::now() + Duration::from_secs(50);
    loop {
        let running: i64 = admin.query_one(RUNNING, &[]).await.unwrap().get(0);
        if running == wanted {
            return;
        }
        assert!(Instant::now() < end, "{running} run, not {wanted}");
        sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn call_in_background(client: &Client) -> tokio::task::JoinHandle<()> {
    let peer = client.peer().clone();
    tokio::spawn(async move {
        let _ = peer.call_tool(sleeping()).await;
    })
}

#[tokio::test]
async fn a_call_that_is_cancelled_stops_its_statement() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    for mode in lifecycles() {
        let client = connect(cluster.server(&patient(1)), mode).await;
        let call = call_in_background(&client);
        until_running(&cluster, 1).await;
        call.abort();
        until_running(&cluster, 0).await;
        // Its connection was not given to the next one while it was being cancelled.
        for _ in 0..5 {
            ask(&client, "query", json!({ "sql": "SELECT 1" })).await;
        }
    }
}

#[tokio::test]
async fn a_client_that_vanishes_stops_its_statement() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let client = connect(cluster.server(&patient(4)), ClientLifecycleMode::Initialize).await;
    let call = call_in_background(&client);
    until_running(&cluster, 1).await;
    // The plug is pulled: no word of farewell.
    drop(client);
    call.abort();
    until_running(&cluster, 0).await;
}

#[tokio::test]
async fn a_call_that_is_given_up_over_http_stops_its_statement() {
    // Fails if another test of this process has been here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let server = cluster.server(&patient(4));
    let serving =
        tokio::spawn(server.serve_http(listener, HttpOptions::default(), std::future::pending()));
    for mode in lifecycles() {
        let transport = StreamableHttpClientTransport::from_uri(url.clone());
        let client = config()
            .serve_with_lifecycle(transport, mode)
            .await
            .unwrap();
        let call = call_in_background(&client);
        until_running(&cluster, 1).await;
        call.abort();
        until_running(&cluster, 0).await;
    }
    serving.abort();
}

#[tokio::test]
async fn a_server_that_ends_takes_its_statements_along() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let serving = tokio::spawn(cluster.server(&patient(4)).serve_stream(theirs));
    let mode = ClientLifecycleMode::Initialize;
    let client = config().serve_with_lifecycle(ours, mode).await.unwrap();
    let call = call_in_background(&client);
    until_running(&cluster, 1).await;
    drop(client);
    call.abort();
    // Whoever waits for the service waits for the cancelling, too.
    timeout(Duration::from_secs(20), serving)
        .await
        .unwrap()
        .unwrap();
    until_running(&cluster, 0).await;
}

#[tokio::test]
async fn a_server_that_dies_takes_its_statements_along() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let server = cluster.server(&patient(4));
    // A runtime that is gone sends no word to anybody, as a process that is killed.
    let dying = tokio::runtime::Runtime::new().unwrap();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    dying.spawn(server.serve_stream(theirs));
    let mode = ClientLifecycleMode::Initialize;
    let client = config().serve_with_lifecycle(ours, mode).await.unwrap();
    let call = call_in_background(&client);
    until_running(&cluster, 1).await;
    dying.shutdown_background();
    // The database looks now and then whether we are still there.
    until_running(&cluster, 0).await;
    call.abort();
}

#[tokio::test]
async fn statements_run_side_by_side_up_to_the_limit() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let client = connect(cluster.server(&patient(2)), ClientLifecycleMode::Initialize).await;
    let first = call_in_background(&client);
    until_running(&cluster, 1).await;
    for _ in 0..5 {
        ask(&client, "query", json!({ "sql": "SELECT 1" })).await;
    }
    let others: Vec<_> = (0..3).map(|_| call_in_background(&client)).collect();
    until_running(&cluster, 2).await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader'";
    let open: i64 = cluster
        .admin()
        .await
        .query_one(open, &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(open, 2);
    first.abort();
    for call in others {
        call.abort();
    }
    until_running(&cluster, 0).await;
}
