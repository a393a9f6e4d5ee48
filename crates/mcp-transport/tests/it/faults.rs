//! What can go wrong between two sockets, each while a call is under way.

use std::time::Duration;

use mcp_domain::{Connection as _, Connector as _, Error, ErrorKind, Scope};
use tokio::time::timeout;

use crate::{
    shell::ShellServer,
    wire::{Answer, Request, Wire},
};

const SOON: Duration = Duration::from_secs(10);

/// The error of a call that is answered like this.
async fn fail(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Error {
    let server = Wire::start(move |request| match request.method.as_str() {
        "tools/call" => answer(request),
        _ => request.legacy(),
    })
    .await;
    let client = server.connector().connect(&Scope::default()).await.unwrap();
    let call = timeout(SOON, client.call_tool("any", ())).await;
    let error = call.unwrap().unwrap_err();
    let line = error.chain();
    assert!(!line.contains('\n') && line.len() < 500, "{line}");
    timeout(SOON, client.close()).await.unwrap().ok();
    error
}

#[track_caller]
fn check(error: &Error, kinds: &[ErrorKind]) {
    assert!(kinds.contains(&error.kind()), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_is_reset() {
    let error = fail(|_| Answer::Reset).await;
    check(&error, &[ErrorKind::Disconnected]);
}

#[tokio::test]
async fn half_a_head() {
    let error = fail(|_| Answer::Cut("HTTP/1.1 200 OK\r\ncontent-ty".to_owned())).await;
    check(&error, &[ErrorKind::Disconnected]);
}

#[tokio::test]
async fn half_a_body() {
    let error = fail(|request| {
        let whole = request.result("{}");
        let length = whole.len();
        let half = &whole[..length / 2];
        Answer::Cut(format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{half}"
        ))
    })
    .await;
    check(&error, &[ErrorKind::Disconnected]);
}

#[tokio::test]
async fn a_body_that_is_no_json() {
    let json = "content-type: application/json\r\n";
    for body in ["", "{", "<html>", "[]", "{\"jsonrpc\":\"1.0\"}"] {
        let error = fail(move |_| Answer::http(200, json, body)).await;
        check(&error, &[ErrorKind::BadResponse]);
    }
}

#[tokio::test]
async fn a_body_of_another_kind() {
    let error = fail(|_| Answer::http(200, "content-type: text/html\r\n", "<html>")).await;
    check(&error, &[ErrorKind::BadResponse]);
}

#[tokio::test]
async fn statuses_of_every_sort() {
    for (status, headers, kind) in [
        (400, "", ErrorKind::BadResponse),
        (401, "", ErrorKind::Unauthorized),
        (401, "www-authenticate: Bearer\r\n", ErrorKind::Unauthorized),
        (403, "", ErrorKind::Unauthorized),
        (404, "", ErrorKind::SessionExpired),
        (429, "retry-after: 7\r\n", ErrorKind::Disconnected),
        (500, "", ErrorKind::Disconnected),
        (503, "retry-after: 7\r\n", ErrorKind::Disconnected),
    ] {
        let error = fail(move |_| Answer::http(status, headers, "")).await;
        assert_eq!(error.kind(), kind, "{status}: {}", error.chain());
        let asks = headers.starts_with("retry-after");
        let expected = asks.then(|| Duration::from_secs(7));
        assert_eq!(error.retry_after(), expected, "{status}");
    }
}

#[tokio::test]
async fn a_lost_session_in_the_words_of_the_reference_server() {
    let body = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}"#;
    let error = fail(move |_| Answer::http(400, "content-type: application/json\r\n", body)).await;
    check(&error, &[ErrorKind::SessionExpired]);
}

/// It came with success, so the call may have run, and is not repeated unasked.
#[tokio::test]
async fn an_answer_that_speaks_of_a_session_of_the_servers_own() {
    let json = "content-type: application/json\r\n";
    let body = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"the session with the database is lost"},"id":null}"#;
    let error = fail(move |_| Answer::http(200, json, body)).await;
    check(&error, &[ErrorKind::Disconnected]);
}

#[tokio::test]
async fn a_call_that_is_accepted_and_not_answered() {
    for status in [202, 204] {
        let error = fail(move |_| Answer::http(status, "", "")).await;
        check(&error, &[ErrorKind::BadResponse]);
        assert!(error.chain().contains("not answered"), "{}", error.chain());
    }
}

#[tokio::test]
async fn a_body_that_is_packed_shows_no_control_characters() {
    let json = "content-type: application/json\r\n";
    let error = fail(move |_| Answer::http(200, json, "\u{1b}[2J\u{7}packed")).await;
    check(&error, &[ErrorKind::BadResponse]);
    let line = error.chain();
    assert!(line.contains("[2J\u{fffd}packed"), "{line}");
    assert!(!line.contains(char::is_control), "{line}");
}

#[tokio::test]
async fn an_answer_with_the_id_of_another_request() {
    let json = "content-type: application/json\r\n";
    let body = r#"{"jsonrpc":"2.0","id":4711,"result":{}}"#;
    let error = fail(move |_| Answer::http(200, json, body)).await;
    check(&error, &[ErrorKind::BadResponse]);
}

#[tokio::test]
async fn events_that_end_without_an_answer() {
    for events in [
        "",
        "data: nonsense\n\n",
        "data: {\"jsonrpc\":\"2.0\"}\n\n",
        ": \n\n",
    ] {
        let error = fail(move |_| Answer::events(events)).await;
        check(&error, &[ErrorKind::Disconnected, ErrorKind::BadResponse]);
    }
}

#[tokio::test]
async fn lines_that_answer_and_are_no_answers() {
    for (rest, said) in [
        ("", "neither a result nor an error"),
        (r#","result":{},"jsonrpc":"1.0""#, "neither"),
        (r#","error":"disk full""#, "disk full"),
        (r#","error":{"message":"disk full"}"#, "disk full"),
    ] {
        let server = ShellServer::answering(&format!(
            r#"case "$method" in
                tools/call) echo '{{"id":'$id'{rest}}}' ;;
                *) legacy ;;
            esac"#
        ));
        let client = server.connector().connect(&Scope::default()).await.unwrap();
        let call = timeout(SOON, client.call_tool("any", ())).await;
        let error = call.unwrap().unwrap_err();
        check(&error, &[ErrorKind::BadResponse]);
        assert!(error.to_string().contains(said), "{error}");
        // It cost that call.
        client.ping().await.unwrap();
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_ends_with_its_caller() {
    let server = Wire::start(|request| match request.method.as_str() {
        "tools/call" => Answer::Nothing,
        _ => request.legacy(),
    })
    .await;
    let client = server.connector().connect(&Scope::default()).await.unwrap();
    let call = timeout(Duration::from_millis(300), client.call_tool("any", ()));
    call.await.unwrap_err();
    client.ping().await.unwrap();
    timeout(SOON, client.close()).await.unwrap().unwrap();
}
