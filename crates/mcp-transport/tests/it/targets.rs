//! All the ways to say how a server is reached, up to a first call.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use mcp_domain::{Connection as _, Connector as _, ErrorKind, Scope, Target};
use mcp_transport::{Client, ClientConnector, IntoConnector, Lifecycle, ServersFile};
use rmcp::ServiceExt as _;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::UnixListener;

use crate::{
    server::{Calculator, HttpServer, in_process},
    shell::ShellServer,
    wire::{Answer, Wire},
};

async fn adds(target: impl IntoConnector) {
    let client = Client::connect(target).await.unwrap();
    let sum = client.call_tool("add", json!({ "a": 40, "b": 2 })).await;
    assert_eq!(sum.unwrap().structured, Some(json!({ "sum": 42 })));
    client.close().await.unwrap();
}

async fn answers(target: impl IntoConnector) {
    let client = Client::connect(target).await.unwrap();
    assert_eq!(client.call_tool("any", ()).await.unwrap().text(), "done");
    client.close().await.unwrap();
}

/// A program that is a server, in a folder of its own.
fn program(name: &str) -> (TempDir, ShellServer, String) {
    let server = ShellServer::answering("legacy");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, format!("#!/bin/sh\n{}", server.script())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    (folder, server, path.display().to_string())
}

#[tokio::test]
async fn a_url() {
    let server = HttpServer::start(0).await;
    let url = format!("http://127.0.0.1:{}/mcp", server.port);
    adds(&url).await;
    adds(url.as_str()).await;
    adds(Target::http(url)).await;
}

#[tokio::test]
async fn a_command_line() {
    let (_folder, server, path) = program("server");
    let folder = server.folder();
    answers(format!("FOLDER='{folder}' '{path}' --flag")).await;
    answers(format!("env FOLDER='{folder}' {path}")).await;
}

#[tokio::test]
async fn a_script() {
    // By its first line: no Python is needed for it.
    let (_folder, server, path) = program("server.py");
    answers(format!("FOLDER={} {path}", server.folder())).await;
    let connector = Path::new(&path).into_connector().unwrap();
    // Without its variable it cannot keep its log, and answers all the same.
    answers(connector).await;
}

#[tokio::test]
async fn an_entry_of_a_file() {
    let (folder, server, path) = program("server");
    let http = HttpServer::start(0).await;
    let text = json!({ "mcpServers": {
        "shell": { "command": path, "env": { "FOLDER": server.folder() } },
        "http": { "type": "http", "url": format!("http://127.0.0.1:{}/mcp", http.port) },
    }});
    let file = folder.path().join("mcp.json");
    fs::write(&file, text.to_string()).unwrap();
    let servers = ServersFile::read(&file).unwrap();
    answers(servers.target("shell").unwrap()).await;
    adds(servers.target("http").unwrap()).await;
    let error = Client::connect(file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("(http, shell)"), "{error}");
}

#[tokio::test]
async fn the_only_entry_of_a_file() {
    let (folder, server, path) = program("server");
    let text = json!({ "servers": {
        "shell": { "command": path, "env": { "FOLDER": server.folder() } },
    }});
    let file = folder.path().join("mcp.json");
    fs::write(&file, text.to_string()).unwrap();
    answers(file.display().to_string()).await;
    answers(file).await;
}

#[tokio::test]
async fn a_server_in_this_process() {
    adds(in_process(&Calculator::default())).await;
}

#[tokio::test]
async fn a_unix_socket_that_takes_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let server = tokio::spawn(async move {
        let mut sessions = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            sessions.spawn(async move {
                let service = Calculator::default().serve(stream).await.unwrap();
                service.waiting().await.unwrap();
            });
        }
    });
    adds(format!("unix:{}", path.display())).await;
    let connector = ClientConnector::new(Target::unix(&path)).unwrap();
    for lifecycle in [Lifecycle::Initialize, Lifecycle::Discover] {
        adds(connector.clone().with_lifecycle(lifecycle)).await;
    }
    // Known to be dead without asking, once the peer is.
    let client = connector.connect(&Scope::default()).await.unwrap();
    server.abort();
    crate::shell::eventually(|| !client.is_open()).await;
}

#[tokio::test]
async fn a_unix_socket_that_speaks_http() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let (router, _sessions) = HttpServer::router();
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let encoded = path.display().to_string().replace('/', "%2F");
    adds(format!("http+unix://{encoded}/mcp")).await;
    let connector = ClientConnector::new(Target::http_over_unix(&path, "/mcp")).unwrap();
    for lifecycle in [Lifecycle::Initialize, Lifecycle::Discover] {
        adds(connector.clone().with_lifecycle(lifecycle)).await;
    }
    server.abort();
}

#[tokio::test]
async fn a_unix_socket_where_nobody_listens() {
    for target in [
        Target::unix("/no/such/socket"),
        Target::http_over_unix("/no/such/socket", "/mcp"),
    ] {
        let error = Client::connect(target).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectFailed);
        let line = error.chain();
        assert!(
            line.contains("unix:/no/such/socket") && line.contains("No such file"),
            "{line}"
        );
    }
    for target in [Target::unix(""), Target::http_over_unix("/run/s", "mcp")] {
        let error = Client::connect(target).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn a_name_shows_beside_the_target() {
    let connector = ClientConnector::new(Target::command("/no/such/program", [""; 0])).unwrap();
    let error = Client::connect(connector.with_name("shop")).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "cannot connect to `shop` (/no/such/program)"
    );
}

#[tokio::test]
async fn a_redirect_is_followed_within_its_origin_only() {
    let server = Wire::start(|request| match request.head.starts_with("POST /new ") {
        true => request.legacy(),
        false => Answer::http(307, "location: /new\r\n", ""),
    })
    .await;
    let client = server.connector().connect(&Scope::default()).await.unwrap();
    assert_eq!(client.call_tool("any", ()).await.unwrap().text(), "done");

    let elsewhere = Wire::start(|request| request.legacy()).await;
    let url = elsewhere.url.clone();
    let server = Wire::start(move |_| Answer::http(307, &format!("location: {url}\r\n"), "")).await;
    server
        .connector()
        .connect(&Scope::default())
        .await
        .unwrap_err();
    assert_eq!(server.requests("initialize").len(), 1);
    assert_eq!(elsewhere.requests("initialize").len(), 0);
}
