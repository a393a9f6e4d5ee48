//! A proxy that the environment names, which is read once in a process: so each case is
//! this very test, run again in an environment of its own.

use std::{env, process::Stdio};

use mcp_domain::Connection as _;
use mcp_transport::Client;
use tokio::process::Command;

use crate::wire::{Request, Wire};

/// Only the proxy knows it.
const SERVER: &str = "http://mcp.invalid/mcp";

/// Says that this process is the one whose environment matters.
const INNER: &str = "MCP_TRANSPORT_TEST_OF_PROXIES";

/// Calls a tool of the server in this environment; tells whether that succeeds.
async fn reaches_it(variables: &[(&str, &str)]) -> bool {
    let mut inner = Command::new(env::current_exe().unwrap());
    inner
        .args(["--exact", "proxies::http_goes_where_the_environment_says"])
        .envs(variables.iter().copied())
        .env(INNER, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ] {
        if !variables.iter().any(|(set, _)| *set == name) {
            inner.env_remove(name);
        }
    }
    inner.status().await.unwrap().success()
}

#[tokio::test]
async fn http_goes_where_the_environment_says() {
    if env::var_os(INNER).is_some() {
        let client = Client::connect(SERVER).await.unwrap();
        client.call_tool("any", ()).await.unwrap();
        client.close().await.unwrap();
        return;
    }
    let proxy = Wire::start(Request::legacy).await;
    let address = proxy.url.trim_end_matches("/mcp");
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        assert!(reaches_it(&[(name, address)]).await, "{name}");
    }
    let calls = proxy.requests("tools/call");
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| call.path() == SERVER));

    let around = [("HTTP_PROXY", address), ("NO_PROXY", "mcp.invalid")];
    assert!(!reaches_it(&around).await);
    assert!(!reaches_it(&[]).await);
    assert_eq!(proxy.requests("tools/call").len(), 3);
}
