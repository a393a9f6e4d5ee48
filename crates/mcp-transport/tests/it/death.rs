//! Peers that die while they are needed.

use std::{process::Command, time::Duration};

use mcp_domain::{Connection as _, Connector as _, ErrorKind, Scope};
use mcp_transport::{Client, Lifecycle};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    server::{Calculator, HttpServer, in_process},
    shell::{ShellServer, eventually},
};

const SOON: Duration = Duration::from_secs(5);

fn kill(pid: u32) {
    let status = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(status.unwrap().success());
}

#[tokio::test]
async fn a_call_in_flight_fails_at_once_when_the_process_dies() {
    let server = ShellServer::answering(r#"case "$method" in tools/call) ;; *) legacy ;; esac"#);
    let client = server.connector().connect(&Scope::default()).await.unwrap();
    let pid = server.pid();
    let call = client.call_tool("never", ());
    let killer = async {
        eventually(|| server.asked_for().contains(&"tools/call".to_owned())).await;
        kill(pid);
    };
    let (result, ()) = timeout(SOON, async { tokio::join!(call, killer) })
        .await
        .unwrap();
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert!(error.to_string().contains("SIGKILL"), "{error}");
    eventually(|| !client.is_open()).await;
    // From now on nothing is even sent.
    let error = client.call_tool("any", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotSent);
    assert!(error.to_string().contains("SIGKILL"), "{error}");
    assert_eq!(client.ping().await.unwrap_err().kind(), ErrorKind::NotSent);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_server_that_gives_up_is_quoted() {
    let server = ShellServer::answering(
        r#"case "$method" in
            tools/call) echo 'disk full' >&2; exit 7 ;;
            *) legacy ;;
        esac"#,
    );
    let client = server.connector().connect(&Scope::default()).await.unwrap();
    let error = timeout(SOON, client.call_tool("any", ()))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    let line = error.chain();
    assert!(
        line.contains("exit status: 7") && line.contains("disk full"),
        "{line}"
    );
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_a_dead_server_left_behind_does_not_keep_it_alive() {
    // A helper of its own session, which inherits the pipe and outlives the server.
    let server = ShellServer::answering(
        r#"case "$method" in
            tools/call)
                setsid sh -c 'echo $$ > "$FOLDER/helper"; exec sleep 1000' &
                while [ ! -s "$FOLDER/helper" ]; do sleep 0.01; done
                exit 0 ;;
            *) legacy ;;
        esac"#,
    );
    let client = server.connector().connect(&Scope::default()).await.unwrap();
    let error = timeout(SOON, client.call_tool("any", ()))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert!(!client.is_open());
    kill(server.number("helper"));
    client.close().await.unwrap();
}

#[tokio::test]
async fn an_idle_client_learns_of_the_death_without_asking() {
    let server = ShellServer::answering("legacy");
    let client = server.connector().connect(&Scope::default()).await.unwrap();
    assert!(client.is_open());
    kill(server.pid());
    eventually(|| !client.is_open()).await;
    client.close().await.unwrap();
}

#[tokio::test]
async fn bad_answers_cost_their_call_and_no_other() {
    // A wrong id, half a message, no JSON at all: then the right answer.
    let server = ShellServer::answering(
        r#"case "$method" in
            tools/call)
                printf '{"jsonrpc":"2.0","id":9999,"result":{}}\n'
                printf '{"jsonrpc":"2.0","id":\n'
                printf 'nonsense\n'
                legacy ;;
            *) legacy ;;
        esac"#,
    );
    let client = server.connector().connect(&Scope::default()).await.unwrap();
    for _ in 0..3 {
        let answer = timeout(SOON, client.call_tool("any", ())).await.unwrap();
        assert_eq!(answer.unwrap().text(), "done");
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn an_answer_of_another_kind_costs_its_call_an_error() {
    let server = ShellServer::answering(
        r#"case "$method" in tools/list) respond '{"surprise":true}' ;; *) legacy ;; esac"#,
    );
    let client = server.connector().connect(&Scope::default()).await.unwrap();
    let error = timeout(SOON, client.list_tools())
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadResponse);
    assert_eq!(client.call_tool("any", ()).await.unwrap().text(), "done");
    client.close().await.unwrap();
}

async fn connect(server: &HttpServer) -> Client {
    let connector = server.connector().with_lifecycle(Lifecycle::Initialize);
    connector.connect(&Scope::default()).await.unwrap()
}

#[tokio::test]
async fn a_session_that_the_server_forgot_is_told_apart() {
    let server = HttpServer::start(0).await;
    let client = connect(&server).await;
    client.call_tool("add", json!({ "a": 1 })).await.unwrap();
    // The same address, and nobody there who knows us.
    let port = server.port;
    server.stop().await;
    let restarted = HttpServer::start(port).await;
    // A request that hits a socket of the old server may be lost with it.
    let mut error = client
        .call_tool("add", json!({ "a": 1 }))
        .await
        .unwrap_err();
    if error.kind() == ErrorKind::Disconnected {
        error = client
            .call_tool("add", json!({ "a": 1 }))
            .await
            .unwrap_err();
    }
    assert!(
        matches!(error.kind(), ErrorKind::SessionExpired | ErrorKind::NotSent),
        "{error:?}"
    );
    let _ = client.close().await;
    // A new connection works.
    let client = connect(&restarted).await;
    client.call_tool("add", json!({ "a": 1 })).await.unwrap();
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_gone_costs_each_call_an_error() {
    for lifecycle in [Lifecycle::Initialize, Lifecycle::Discover] {
        let server = HttpServer::start(0).await;
        let connector = server.connector().with_lifecycle(lifecycle);
        let client = connector.connect(&Scope::default()).await.unwrap();
        server.stop().await;
        let call = client.call_tool("add", json!({ "a": 1 }));
        let error = timeout(SOON, call).await.unwrap().unwrap_err();
        let kind = error.kind();
        assert!(
            matches!(
                kind,
                ErrorKind::NotSent | ErrorKind::Disconnected | ErrorKind::SessionExpired
            ),
            "{error:?}"
        );
        let _ = client.close().await;
    }
}

#[tokio::test]
async fn a_server_in_this_process_that_ends_is_noticed() {
    let connector = in_process(&Calculator::default());
    let client = connector.connect(&Scope::default()).await.unwrap();
    assert!(client.is_open());
    client.close().await.unwrap();
    eventually(|| !client.is_open()).await;
}
