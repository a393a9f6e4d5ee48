//! Requests over HTTP go the short way, where nothing is lost by it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_domain::{Connection as _, Connector as _, ErrorKind, HttpTarget, Scope};
use mcp_transport::{Client, ClientConnector, Handlers, Lifecycle};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::{
    shell::eventually,
    wire::{Answer, Request, Wire},
};

const SOON: Duration = Duration::from_secs(10);
const JSON: &str = "content-type: application/json\r\n";

/// A stream that stays open when these events have come.
fn open_stream(events: &str) -> Answer {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked";
    let length = events.len();
    Answer::Bytes(format!("{head}\r\n\r\n{length:x}\r\n{events}\r\n"))
}

/// A stream that ends when these events have come; its socket stays open.
fn stream(events: &str) -> Answer {
    match open_stream(events) {
        Answer::Bytes(bytes) => Answer::Bytes(format!("{bytes}0\r\n\r\n")),
        other => other,
    }
}

fn event(message: &str) -> String {
    format!("event: message\ndata: {message}\n\n")
}

fn done(request: &Request) -> String {
    event(&request.result(r#"{"content":[{"type":"text","text":"done"}]}"#))
}

fn body(request: &Request) -> Value {
    serde_json::from_str(&request.body).unwrap()
}

/// A server with sessions that answers calls like this.
async fn answering(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Wire {
    Wire::start(move |request| match request.method.as_str() {
        "tools/call" => answer(request),
        _ => request.legacy(),
    })
    .await
}

/// What a server without sessions would answer, whose one tool wants an argument in a header.
fn stateless(request: &Request) -> Answer {
    let result = match request.method.as_str() {
        "server/discover" => {
            r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"serverInfo":{"name":"w","version":"1"}}"#
        }
        "tools/list" => {
            r#"{"tools":[{"name":"routed","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}],"ttlMs":0,"cacheScope":"private","resultType":"complete"}"#
        }
        _ => r#"{"content":[{"type":"text","text":"done"}],"resultType":"complete"}"#,
    };
    Answer::http(200, JSON, &request.result(result))
}

async fn connect(connector: ClientConnector) -> Client {
    connector.connect(&Scope::default()).await.unwrap()
}

async fn call(client: &Client) -> String {
    let call = timeout(SOON, client.call_tool("any", json!({ "a": 1 }))).await;
    call.unwrap().unwrap().text()
}

/// The same call on either way, as the server saw it.
async fn both_ways(client: &Client, server: &Wire) -> [Request; 2] {
    call(client).await;
    // Who wants to hear of progress goes the long way.
    let heard = client
        .call_tool("any", json!({ "a": 1 }))
        .on_progress(|_| {});
    heard.await.unwrap();
    server.requests("tools/call").try_into().unwrap()
}

#[tokio::test]
async fn a_call_says_on_either_way_what_the_protocol_wants() {
    let server = Wire::start(Request::legacy).await;
    let client = connect(server.connector()).await;
    let [short, long] = &both_ways(&client, &server).await;
    for header in [
        "accept",
        "content-type",
        "mcp-protocol-version",
        "mcp-session-id",
        "mcp-method",
        "mcp-name",
    ] {
        assert_eq!(short.header(header), long.header(header), "{header}");
    }
    let (short, long) = (body(short), body(long));
    assert!(short["id"].as_i64().unwrap() > long["id"].as_i64().unwrap());
    assert_eq!(short["params"]["_meta"]["progressToken"], short["id"]);
    for part in ["jsonrpc", "method"] {
        assert_eq!(short[part], long[part]);
    }
    for part in ["name", "arguments"] {
        assert_eq!(short["params"][part], long["params"][part]);
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn without_a_session_every_request_describes_itself() {
    let server = Wire::start(stateless).await;
    let client = connect(server.connector().with_lifecycle(Lifecycle::Discover)).await;
    let [short, long] = &both_ways(&client, &server).await;
    assert_eq!(short.header("mcp-method"), Some("tools/call"));
    assert_eq!(short.header("mcp-name"), Some("any"));
    assert_eq!(short.header("mcp-session-id"), None);
    let version = "mcp-protocol-version";
    assert_eq!(short.header(version), long.header(version));
    let without_token = |request: &Request| {
        let mut meta = body(request)["params"]["_meta"].take();
        meta.as_object_mut().unwrap().remove("progressToken");
        meta
    };
    assert_eq!(without_token(short), without_token(long));
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_tool_whose_arguments_stand_in_headers_keeps_them_there() {
    let server = Wire::start(stateless).await;
    let client = connect(server.connector().with_lifecycle(Lifecycle::Discover)).await;
    client.list_tools().await.unwrap();
    let region = json!({ "region": "north" });
    client.call_tool("routed", region).await.unwrap();
    // What a header cannot bear as it is, is wrapped.
    client.call_tool("größe", ()).await.unwrap();
    let calls = server.requests("tools/call");
    assert_eq!(calls[0].header("mcp-param-region"), Some("north"));
    assert_eq!(calls[1].header("mcp-name"), Some("=?base64?Z3LDtsOfZQ==?="));
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_stream_may_say_more_than_its_answer() {
    let server = answering(|request| {
        let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"working"}}"#;
        let ask = r#"{"jsonrpc":"2.0","id":"q","method":"ping"}"#;
        let text = [": comment\n\n", &event(log), &event(ask), &done(request)].concat();
        stream(&text)
    })
    .await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let handlers = Handlers::new().on_log(move |log| hears.lock().unwrap().push(log.data));
    let client = connect(server.connector().with_handlers(handlers)).await;
    assert_eq!(call(&client).await, "done");
    eventually(|| *heard.lock().unwrap() == ["working"]).await;
    // The server's question is answered by a request without a method.
    eventually(|| {
        let posts = server.requests("POST");
        posts
            .iter()
            .any(|post| body(post)["id"] == "q" && body(post)["result"].is_object())
    })
    .await;
    client.close().await.unwrap();
}

#[tokio::test]
async fn sockets_are_used_again_however_the_answer_comes() {
    type Script = fn(&Request) -> Answer;
    let scripts: [Script; 3] = [
        Request::legacy,
        |request| stream(&done(request)),
        |request| stream(&format!("{}: the end\n\n", done(request))),
    ];
    for script in scripts {
        let server = answering(script).await;
        let client = connect(server.connector()).await;
        call(&client).await;
        let before = server.sockets();
        for _ in 0..20 {
            call(&client).await;
        }
        assert_eq!(server.sockets(), before);
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_that_ends_too_early_is_resumed() {
    let unanswered = Arc::new(Mutex::new(None));
    let asked = Arc::clone(&unanswered);
    let server = Wire::start(move |request| match request.method.as_str() {
        "tools/call" => {
            *asked.lock().unwrap() = Some(done(request));
            stream("id: e7\nretry: 200\ndata:\n\n")
        }
        "GET" => match request.header("last-event-id") {
            Some("e7") => stream(&asked.lock().unwrap().take().unwrap()),
            _ => Answer::http(405, "", ""),
        },
        _ => request.legacy(),
    })
    .await;
    let client = connect(server.connector()).await;
    let start = Instant::now();
    assert_eq!(call(&client).await, "done");
    assert!(start.elapsed() >= Duration::from_millis(200));
    let resumed = server.requests("GET").pop().unwrap();
    assert_eq!(resumed.header("mcp-session-id"), Some("s1"));
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_cannot_be_resumed_fails_its_call() {
    let server = answering(|_| stream("id: e7\nretry: 1\ndata:\n\n")).await;
    let client = connect(server.connector()).await;
    let failed = timeout(SOON, client.call_tool("any", ())).await.unwrap();
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::BadResponse);
    client.close().await.unwrap();
}

#[tokio::test]
async fn an_event_of_a_stream_may_be_no_proper_answer() {
    for (said, kind) in [
        (r#"{"jsonrpc":"2.0","id":ID}"#, ErrorKind::BadResponse),
        (
            r#"{"jsonrpc":"2.0","id":ID,"error":{"code":-32602,"message":"no"}}"#,
            ErrorKind::Rpc(-32602),
        ),
        (
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}"#,
            ErrorKind::Rpc(-32700),
        ),
    ] {
        let server = answering(move |request| {
            let id = body(request)["id"].to_string();
            // The stream stays open: nothing but the event ends the call.
            open_stream(&event(&said.replace("ID", &id)))
        })
        .await;
        let client = connect(server.connector()).await;
        let failed = timeout(SOON, client.call_tool("any", ())).await.unwrap();
        assert_eq!(failed.unwrap_err().kind(), kind, "{said}");
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_makes_a_text_of_the_number_is_understood() {
    let server = answering(|request| {
        let id = body(request)["id"].to_string();
        let answer = format!(r#"{{"jsonrpc":"2.0","id":"{id}","result":{{"content":[]}}}}"#);
        stream(&event(&answer))
    })
    .await;
    let client = connect(server.connector()).await;
    assert_eq!(call(&client).await, "");
    client.close().await.unwrap();
}

#[tokio::test]
async fn documents_that_are_no_answers_fail_their_call() {
    let twice = |request: &Request| format!("{0}{0}", request.result("{}"));
    let asking = |_: &Request| r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.to_owned();
    let telling = |_: &Request| r#"{"jsonrpc":"2.0","method":"notifications/x"}"#.to_owned();
    let batch = |request: &Request| format!("[{}]", request.result("{}"));
    for document in [twice as fn(&Request) -> String, asking, telling, batch] {
        let server = answering(move |request| Answer::http(200, JSON, &document(request))).await;
        let client = connect(server.connector()).await;
        let failed = timeout(SOON, client.call_tool("any", ())).await.unwrap();
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::BadResponse);
        client.ping().await.unwrap();
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_document_may_come_in_pieces_and_must_come_whole() {
    let head = format!("HTTP/1.1 200 OK\r\n{JSON}transfer-encoding: chunked\r\n\r\n");
    let begun = move |request: &Request| {
        let whole = request.result(r#"{"content":[{"type":"text","text":"done"}]}"#);
        let (one, two) = whole.split_at(30);
        format!(
            "{head}{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n",
            one.len(),
            two.len()
        )
    };
    let begins = begun.clone();
    let server = answering(move |request| Answer::Bytes(begins(request) + "0\r\n\r\n")).await;
    let client = connect(server.connector()).await;
    assert_eq!(call(&client).await, "done");
    client.close().await.unwrap();

    // All of it may have come, but it was to go on.
    let server = answering(move |request| Answer::Cut(begun(request))).await;
    let client = connect(server.connector()).await;
    let failed = timeout(SOON, client.call_tool("any", ())).await.unwrap();
    let error = failed.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert!(!error.to_string().contains("not sent"), "{error}");
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled_by_its_number() {
    let server = answering(|_| open_stream(": wait\n\n")).await;
    let client = connect(server.connector()).await;
    let waiting = timeout(Duration::from_millis(200), client.call_tool("any", ()));
    waiting.await.unwrap_err();
    eventually(|| server.requests("notifications/cancelled").len() == 1).await;
    let called = server.requests("tools/call").remove(0);
    let cancelled = server.requests("notifications/cancelled").remove(0);
    assert_eq!(body(&cancelled)["params"]["requestId"], body(&called)["id"]);
    client.close().await.unwrap();
}

#[test]
fn a_call_from_another_runtime_leaves_no_socket_there() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().unwrap()
    };
    let home = runtime();
    // Only the socket of a call can be used again.
    let server = home.block_on(Wire::start(|request| {
        match (request.method.as_str(), request.legacy()) {
            ("tools/call", answer) => answer,
            (_, Answer::Bytes(bytes)) => {
                Answer::Cut(bytes.replacen("\r\n", "\r\nconnection: close\r\n", 1))
            }
            (_, answer) => answer,
        }
    }));
    let client = home.block_on(connect(server.connector()));
    let elsewhere = runtime();
    elsewhere.block_on(call(&client));
    let sockets = server.sockets();
    drop(elsewhere);
    home.block_on(async {
        call(&client).await;
        assert_eq!(server.sockets(), sockets);
        client.close().await.unwrap();
    });
}

#[tokio::test]
async fn more_calls_than_the_long_way_has_room_for_are_under_way_together() {
    const MANY: usize = 40;
    let under_way = Arc::new(AtomicUsize::new(0));
    let arrived = Arc::clone(&under_way);
    let server = answering(move |_| {
        arrived.fetch_add(1, Ordering::SeqCst);
        Answer::Nothing
    })
    .await;
    let client = connect(server.connector()).await;
    let calls = futures::future::join_all((0..MANY).map(|_| client.call_tool("any", ())));
    let all_are = eventually(|| under_way.load(Ordering::SeqCst) == MANY);
    tokio::select! {
        _ = calls => panic!("nothing is answered"),
        () = all_are => {}
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_document_that_speaks_of_a_session_does_not_say_that_it_is_lost() {
    // It came with success: the tool may have run, and must not run again.
    let server = answering(|_| Answer::http(200, JSON, "the session of today")).await;
    let client = connect(server.connector()).await;
    let failed = client.call_tool("any", ()).await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::BadResponse);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_quote_that_is_cut_within_a_credential_tells_nothing_of_it() {
    let token = "0123456789".repeat(9);
    let said = format!("no {token} {token} {token}");
    let server = answering(move |_| Answer::http(400, "", &said)).await;
    let target = HttpTarget {
        url: server.url.clone(),
        headers: [("x-token".to_owned(), token.clone())].into(),
    };
    let connector = ClientConnector::new(target.into()).unwrap();
    let client = connect(connector.with_lifecycle(Lifecycle::Initialize)).await;
    let error = client.call_tool("any", ()).await.unwrap_err();
    assert!(error.to_string().contains("HTTP 400"), "{error}");
    assert!(!format!("{error:?}").contains(&token[..20]), "{error:?}");
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_stream_whose_session_is_gone_is_not_waited_for() {
    let server = Wire::start(|request| match request.method.as_str() {
        "tools/call" => stream("id: e7\nretry: 1\ndata:\n\n"),
        "GET" if request.header("last-event-id").is_some() => Answer::http(404, "", ""),
        _ => request.legacy(),
    })
    .await;
    let client = connect(server.connector()).await;
    let failed = timeout(SOON, client.call_tool("any", ())).await.unwrap();
    // It may have run.
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Disconnected);
    client.close().await.unwrap();
}

#[tokio::test]
async fn comments_may_keep_a_stream_alive_for_long() {
    const MOST: usize = 4096;
    let server = answering(|request| {
        let comments = ": still here\n".repeat(MOST);
        stream(&format!("{comments}{}", done(request)))
    })
    .await;
    let client = connect(server.connector().with_message_size(MOST)).await;
    assert_eq!(call(&client).await, "done");
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_stream_is_understood_however_it_is_written() {
    type Writing = fn(String) -> String;
    let writings: [Writing; 5] = [
        |event| event.replace('\n', "\r\n"),
        |event| format!("\u{feff}{event}"),
        |event| event.replace("data: ", "data:"),
        |event| event.replace(",\"result\"", ",\ndata: \"result\""),
        |event| format!("event: ping\ndata: {{}}\n\ndata: no message\n\n{event}"),
    ];
    for writing in writings {
        let server = answering(move |request| stream(&writing(done(request)))).await;
        let client = connect(server.connector()).await;
        assert_eq!(call(&client).await, "done");
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_asked_any_more_while_a_connection_is_closed() {
    let server = Wire::start(|request| match request.method.as_str() {
        "tools/call" | "DELETE" => Answer::Nothing,
        _ => request.legacy(),
    })
    .await;
    let client = connect(server.connector()).await;
    let under_way = async {
        let failed = client.call_tool("any", ()).await;
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Disconnected);
        // The server is still thinking about the end of the session.
        let late = client.call_tool("any", ()).await;
        assert_eq!(late.unwrap_err().kind(), ErrorKind::NotSent);
    };
    let closing = async {
        eventually(|| server.requests("tools/call").len() == 1).await;
        let both = async {
            eventually(|| server.requests("DELETE").len() == 1).await;
            assert!(!client.is_open());
        };
        tokio::join!(both, async { client.close().await.unwrap() });
    };
    tokio::join!(under_way, closing);
    assert_eq!(server.requests("tools/call").len(), 1);
}

#[tokio::test]
async fn an_answer_without_a_text_is_told_as_such() {
    for (status, headers) in [(200, JSON), (400, "")] {
        let server = answering(move |_| Answer::http(status, headers, "")).await;
        let client = connect(server.connector()).await;
        let error = client.call_tool("any", ()).await.unwrap_err();
        assert!(error.to_string().ends_with("(empty)"), "{error}");
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn no_call_is_made_twice_where_sockets_are_closed_behind_it() {
    const MANY: usize = 50;
    let server = answering(|request| match request.legacy() {
        Answer::Bytes(bytes) => Answer::Cut(bytes),
        other => other,
    })
    .await;
    let client = connect(server.connector()).await;
    let mut answered = 0;
    for _ in 0..MANY {
        match client.call_tool("any", ()).await {
            Ok(_) => answered += 1,
            // Written to a socket that was just being closed.
            Err(error) => assert_eq!(error.kind(), ErrorKind::Disconnected),
        }
    }
    assert!(answered > 0);
    assert_eq!(server.requests("tools/call").len(), answered);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_told_and_not_followed() {
    let other = Wire::start(Request::legacy).await;
    let headers = format!("location: {}\r\n", other.url);
    let server = answering(move |_| Answer::http(307, &headers, "")).await;
    let client = connect(server.connector()).await;
    let failed = client.call_tool("any", ()).await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::BadResponse);
    assert_eq!(other.sockets(), 0);
    client.close().await.unwrap();
}
