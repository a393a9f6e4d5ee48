//! The end of a connection: nothing is left of it.

use mcp_domain::{Connection as _, Connector as _, Scope};
use mcp_transport::{Client, Lifecycle};

use crate::{
    server::HttpServer,
    shell::{ShellServer, eventually, exists, runs},
    wire::{Answer, Wire},
};

async fn connect(server: &ShellServer) -> Client {
    server.connector().connect(&Scope::default()).await.unwrap()
}

#[tokio::test]
async fn a_server_goes_when_its_input_is_closed() {
    let server = ShellServer::answering("legacy");
    let client = connect(&server).await;
    assert!(runs(server.pid()));
    client.close().await.unwrap();
    // At once, and reaped: not even a zombie.
    assert!(!exists(server.pid()));
}

#[tokio::test]
async fn one_that_does_not_is_asked_to() {
    let server = ShellServer::new("on_request() { legacy; }; requests; exec sleep 1000");
    let client = connect(&server).await;
    client.close().await.unwrap();
    assert!(!exists(server.pid()));
}

#[tokio::test]
async fn one_that_does_not_listen_is_killed_and_that_is_told() {
    let server = ShellServer::new(
        "trap '' TERM; on_request() { legacy; }; requests; while :; do sleep 1; done",
    );
    let client = connect(&server).await;
    let error = client.close().await.unwrap_err();
    assert!(error.to_string().contains("was killed"), "{error}");
    assert!(!exists(server.pid()));
}

#[tokio::test]
async fn a_server_behind_a_launcher_ends_with_it() {
    // As npx and uvx do: the launcher waits for the server that it started.
    let server = ShellServer::new(
        "sleep 1000 & echo $! > \"$FOLDER/grandchild\"; on_request() { legacy; }; requests",
    );
    let client = connect(&server).await;
    let grandchild = server.number("grandchild");
    assert!(runs(grandchild));
    client.close().await.unwrap();
    assert!(!exists(server.pid()));
    eventually(|| !runs(grandchild)).await;
}

#[tokio::test]
async fn a_client_that_is_dropped_takes_its_server_along() {
    let server = ShellServer::new(
        "trap '' TERM; sleep 1000 & echo $! > \"$FOLDER/grandchild\"; \
         on_request() { legacy; }; requests; while :; do sleep 1; done",
    );
    let client = connect(&server).await;
    let grandchild = server.number("grandchild");
    drop(client);
    eventually(|| !exists(server.pid()) && !runs(grandchild)).await;
}

#[test]
fn a_runtime_that_ends_takes_the_servers_along() {
    let server = ShellServer::new(
        "trap '' TERM; sleep 1000 & echo $! > \"$FOLDER/grandchild\"; \
         on_request() { legacy; }; requests; while :; do sleep 1; done",
    );
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    };
    let first = runtime();
    let client = first.block_on(connect(&server));
    let grandchild = server.number("grandchild");
    drop(first);
    // Reaped already, though nobody is left to wait for it.
    assert!(!exists(server.pid()));
    drop(client);
    runtime().block_on(eventually(|| !runs(grandchild)));
}

#[tokio::test]
async fn closing_goes_on_if_its_caller_gives_up() {
    let server = ShellServer::new("on_request() { legacy; }; requests; exec sleep 1000");
    let client = connect(&server).await;
    let limit = std::time::Duration::from_millis(50);
    tokio::time::timeout(limit, client.close())
        .await
        .unwrap_err();
    eventually(|| !exists(server.pid())).await;
}

#[tokio::test]
async fn an_http_session_is_deleted() {
    let server = HttpServer::start(0).await;
    let connector = server.connector().with_lifecycle(Lifecycle::Initialize);
    let closed = connector.connect(&Scope::default()).await.unwrap();
    let dropped = connector.connect(&Scope::default()).await.unwrap();
    assert_eq!(server.sessions().await, 2);
    closed.close().await.unwrap();
    assert_eq!(server.sessions().await, 1);
    drop(dropped);
    while server.sessions().await > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn closing_is_bounded_where_the_server_does_not_answer() {
    for answer in [|| Answer::Nothing, || Answer::Reset] {
        let server = Wire::start(move |request| match request.method.as_str() {
            "DELETE" => answer(),
            _ => request.legacy(),
        })
        .await;
        let client = server.connector().connect(&Scope::default()).await.unwrap();
        let limit = std::time::Duration::from_secs(20);
        let closed = tokio::time::timeout(limit, client.close()).await;
        let _ = closed.unwrap();
        assert_eq!(server.requests("DELETE").len(), 1);
        assert!(!client.is_open());
    }
}

#[tokio::test]
async fn closing_twice_is_closing_once() {
    let server = Wire::start(|request| request.legacy()).await;
    let client = server.connector().connect(&Scope::default()).await.unwrap();
    client.close().await.unwrap();
    client.close().await.unwrap();
    assert_eq!(server.requests("DELETE").len(), 1);
}
