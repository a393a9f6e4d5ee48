//! Servers that send more than agreed: each costs an error that names the limit, and
//! no more memory than that.

use std::{fs, time::Duration};

use mcp_domain::{Connection as _, Connector as _, Error, ErrorKind, Scope};
use mcp_transport::{ClientConnector, Lifecycle};
use tokio::time::timeout;

use crate::{
    shell::{ShellServer, eventually, exists},
    wire::{Answer, EVENTS, Request, Wire},
};

const LONG: Duration = Duration::from_secs(20);
const LIMIT: usize = 100_000;

/// The most memory that this process ever had, in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<usize>().unwrap() * 1024
}

#[track_caller]
fn check(error: &Error, kind: ErrorKind, part: &str) {
    let line = error.chain();
    assert_eq!(error.kind(), kind, "{line}");
    assert!(line.contains(part), "`{part}` is not in: {line}");
    assert!(line.len() < 500, "{line}");
}

/// Connects and calls; returns the error of the call.
async fn call(connector: ClientConnector) -> Error {
    let client = connector.connect(&Scope::default()).await.unwrap();
    let call = timeout(LONG, client.call_tool("any", ())).await;
    let error = call.unwrap().unwrap_err();
    let _ = timeout(LONG, client.close()).await.unwrap();
    error
}

#[tokio::test]
async fn a_process_that_never_ends_its_line() {
    let before = peak();
    let server = ShellServer::new("exec cat /dev/zero");
    let connector = server.connector().with_lifecycle(Lifecycle::Initialize);
    let connect = timeout(LONG, async { connector.connect(&Scope::default()).await });
    let error = connect.await.unwrap().unwrap_err();
    check(&error, ErrorKind::BadResponse, "more than 16777216 bytes");
    assert!(peak() - before < 80 << 20, "{}", peak() - before);
    eventually(|| !exists(server.pid())).await;
}

#[tokio::test]
async fn a_call_answered_with_a_line_that_is_too_long() {
    let server = ShellServer::answering(
        r#"case "$method" in
            tools/call) head -c 200000 /dev/zero | tr '\0' x; echo ;;
            *) legacy ;;
        esac"#,
    );
    let error = call(server.connector().with_message_size(LIMIT)).await;
    check(&error, ErrorKind::BadResponse, "more than 100000 bytes");
    eventually(|| !exists(server.pid())).await;
}

#[tokio::test]
async fn a_process_that_never_stops_talking_nonsense() {
    // Each line is harmless, and none is an answer.
    let before = peak();
    let server = ShellServer::new("exec yes 'hello { world'");
    let limit = Duration::from_secs(1);
    let connector = server.connector().with_connect_timeout(limit);
    let error = connector.connect(&Scope::default()).await.unwrap_err();
    check(&error, ErrorKind::ConnectTimeout, "within 1 s");
    assert!(peak() - before < 80 << 20, "{}", peak() - before);
    eventually(|| !exists(server.pid())).await;
}

#[tokio::test]
async fn a_process_that_asks_on_and_on_without_reading_the_answers() {
    let before = peak();
    let server = ShellServer::answering(
        r#"case "$method" in
            tools/call) exec yes '{"jsonrpc":"2.0","id":1,"method":"ping"}' ;;
            *) legacy ;;
        esac"#,
    );
    let error = call(server.connector()).await;
    check(
        &error,
        ErrorKind::BadResponse,
        "without reading 1000 answers",
    );
    assert!(peak() - before < 80 << 20, "{}", peak() - before);
    eventually(|| !exists(server.pid())).await;
}

#[tokio::test]
async fn a_process_that_asks_much_and_reads_the_answers() {
    // Twice what may pile up.
    let server = ShellServer::answering(
        r#"case "$method" in
            tools/call)
                call=$id; n=0
                while [ $n -lt 2000 ]; do
                    n=$((n + 1)); echo '{"jsonrpc":"2.0","id":'$n',"method":"ping"}'; read -r _
                done
                id=$call; legacy ;;
            *) legacy ;;
        esac"#,
    );
    let client = server.connector().connect(&Scope::default()).await.unwrap();
    let answer = timeout(LONG, client.call_tool("any", ())).await.unwrap();
    assert_eq!(answer.unwrap().text(), "done");
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_process_that_floods_its_errors() {
    let before = peak();
    let server = ShellServer::answering(
        r#"case "$method" in
            tools/call) head -c 50000000 /dev/zero >&2; legacy ;;
            *) legacy ;;
        esac"#,
    );
    let client = server.connector().connect(&Scope::default()).await.unwrap();
    let answer = timeout(LONG, client.call_tool("any", ())).await.unwrap();
    assert_eq!(answer.unwrap().text(), "done");
    assert!(peak() - before < 40 << 20, "{}", peak() - before);
    client.close().await.unwrap();
}

/// A server that answers a call like this, and all else properly.
async fn answering(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Wire {
    Wire::start(move |request| match request.method.as_str() {
        "tools/call" => answer(request),
        _ => request.legacy(),
    })
    .await
}

const ENDLESS_JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                            connection: close\r\n\r\n\"";
const ENDLESS_ERROR: &str = "HTTP/1.1 400 Bad\r\ncontent-type: text/plain\r\n\
                             connection: close\r\n\r\n";

#[tokio::test]
async fn a_body_that_never_ends() {
    for (head, limit) in [(ENDLESS_JSON, "16777216"), (ENDLESS_ERROR, "65536")] {
        let before = peak();
        let server = answering(move |_| Answer::Flood(head.to_owned(), "x")).await;
        let error = call(server.connector()).await;
        check(&error, ErrorKind::BadResponse, limit);
        assert!(peak() - before < 80 << 20, "{}", peak() - before);
    }
}

#[tokio::test]
async fn an_event_that_never_ends() {
    let before = peak();
    let server = answering(|_| Answer::Flood(format!("{EVENTS}data: "), "x")).await;
    let connector = server.connector().with_message_size(LIMIT);
    let client = connector.connect(&Scope::default()).await.unwrap();
    let call = timeout(LONG, client.call_tool("any", ())).await;
    check(
        &call.unwrap().unwrap_err(),
        ErrorKind::BadResponse,
        "100000 bytes",
    );
    // The others on the same connection go on.
    client.ping().await.unwrap();
    timeout(LONG, client.close()).await.unwrap().unwrap();
    assert!(peak() - before < 80 << 20, "{}", peak() - before);
}

#[tokio::test]
async fn events_that_never_answer() {
    let before = peak();
    let server =
        answering(|_| Answer::Flood(EVENTS.to_owned(), "data: {\"jsonrpc\":\"2.0\"}\n\n")).await;
    let client = server.connector().connect(&Scope::default()).await.unwrap();
    // It ends with its caller.
    let call = timeout(Duration::from_secs(1), client.call_tool("any", ()));
    call.await.unwrap_err();
    assert!(peak() - before < 80 << 20, "{}", peak() - before);
    let _ = client.close().await;
}

#[tokio::test]
async fn a_list_that_never_ends() {
    for (cursor, said) in [("again", "in circles"), ("'$id'", "more than 1000 pages")] {
        let server = ShellServer::answering(&format!(
            r#"case "$method" in
                tools/list) respond '{{"tools":[],"nextCursor":"{cursor}"}}' ;;
                *) legacy ;;
            esac"#
        ));
        let client = server.connector().connect(&Scope::default()).await.unwrap();
        let error = client.list_tools().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadResponse);
        assert!(error.to_string().contains(said), "{error}");
        client.close().await.unwrap();
    }
}
