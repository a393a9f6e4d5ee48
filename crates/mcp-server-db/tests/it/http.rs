//! Streamable HTTP, over real sockets.

use mcp_server_db::{DatabaseServer, HttpOptions, Limits};
use rmcp::{service::ClientServiceExt as _, transport::StreamableHttpClientTransport};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use crate::client::{ask, config, lifecycles, shop};

pub(crate) struct Served {
    pub(crate) address: String,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) task: JoinHandle<Result<(), mcp_domain::Error>>,
}

pub(crate) async fn serve(options: HttpOptions) -> Served {
    let server = DatabaseServer::open_sqlite(shop(), Limits::default()).unwrap();
    serve_this(server, options).await
}

pub(crate) async fn serve_this(server: DatabaseServer, options: HttpOptions) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(server.serve_http(listener, options, async move {
        let _ = stopped.await;
    }));
    Served {
        address,
        stop,
        task,
    }
}

#[tokio::test]
async fn both_lifecycles_are_served_and_an_open_session_holds_no_shutdown_up() {
    // Fails if another test of this process has been here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let served = serve(HttpOptions::default()).await;
    let mut clients = Vec::new();
    for mode in lifecycles() {
        let url = format!("http://{}/mcp", served.address);
        let transport = StreamableHttpClientTransport::from_uri(url);
        let client = config()
            .serve_with_lifecycle(transport, mode)
            .await
            .unwrap();
        let answer = ask(&client, "query", json!({ "sql": "SELECT 42" })).await;
        assert_eq!(answer["rows"], json!([[42]]));
        clients.push(client);
    }
    served.stop.send(()).unwrap();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(10), served.task);
    ended.await.unwrap().unwrap().unwrap();
}

/// The status line of the answer to a request with these headers.
async fn status(address: &str, headers: &str) -> String {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let answer = exchange(address, "POST", headers, body).await;
    answer.lines().next().unwrap().to_owned()
}

/// The whole answer to a request with these headers and this body.
pub(crate) async fn exchange(address: &str, method: &str, headers: &str, body: &str) -> String {
    let request = format!(
        "{method} /mcp HTTP/1.1\r\n{headers}content-type: application/json\r\n\
         accept: application/json, text/event-stream\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn sessions_that_nobody_closes_are_not_opened_without_end() {
    let served = serve(HttpOptions::default()).await;
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" } } });
    let host = format!("host: {}\r\n", served.address);
    let begin = async || exchange(&served.address, "POST", &host, &hello.to_string()).await;
    let mut last = String::new();
    for _ in 0..1000 {
        last = begin().await;
        assert!(last.starts_with("HTTP/1.1 200"), "{last}");
    }
    let refused = begin().await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("retry-after: 10\r\n"), "{refused}");
    assert!(refused.contains("too many sessions"), "{refused}");
    // Who needs no session is served all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let [_, discover] = lifecycles();
    let transport =
        StreamableHttpClientTransport::from_uri(format!("http://{}/mcp", served.address));
    let client = config()
        .serve_with_lifecycle(transport, discover)
        .await
        .unwrap();
    let answer = ask(&client, "query", json!({ "sql": "SELECT 42" })).await;
    assert_eq!(answer["rows"], json!([[42]]));
    drop(client);
    // One goes, the next may come.
    let session = last
        .lines()
        .find(|line| line.starts_with("mcp-session-id: "));
    let session = format!("{host}{}\r\n", session.unwrap());
    let gone = exchange(&served.address, "DELETE", &session, "").await;
    assert!(gone.starts_with("HTTP/1.1 2"), "{gone}");
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while !begin().await.starts_with("HTTP/1.1 200") {
        assert!(tokio::time::Instant::now() < end, "no place became free");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    served.stop.send(()).unwrap();
    served.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn requests_for_another_host_or_from_another_site_are_refused() {
    let served = serve(HttpOptions::default()).await;
    let address = &served.address;
    let foreign_host = status(address, "host: evil.example\r\n").await;
    assert!(foreign_host.contains("403"), "{foreign_host}");
    let origin = format!("host: {address}\r\norigin: http://evil.example\r\n");
    let foreign_site = status(address, &origin).await;
    assert!(foreign_site.contains("403"), "{foreign_site}");
}

#[tokio::test]
async fn requests_of_this_very_server_are_no_other_sites() {
    let served = serve(HttpOptions::default()).await;
    let address = &served.address;
    let origin = format!("host: {address}\r\norigin: http://{address}\r\n");
    let own = status(address, &origin).await;
    assert!(!own.contains("403"), "{own}");
    let other_port = format!("host: {address}\r\norigin: http://127.0.0.1:1\r\n");
    let other_port = status(address, &other_port).await;
    assert!(other_port.contains("403"), "{other_port}");
}

#[tokio::test]
async fn who_must_bear_a_token_is_refused_without() {
    let options = HttpOptions {
        token: Some("kept-secret".to_owned()),
        ..HttpOptions::default()
    };
    let served = serve(options).await;
    let address = &served.address;
    for wrong in [
        "",
        "Bearer ",
        "Bearer kept-secre",
        "Bearer kept-secret2",
        "Basic kept-secret",
        "kept-secret",
    ] {
        let headers = format!("host: {address}\r\nauthorization: {wrong}\r\n");
        let refused = status(address, &headers).await;
        assert!(refused.contains("401"), "{wrong}: {refused}");
    }
    let none = status(address, &format!("host: {address}\r\n")).await;
    assert!(none.contains("401"), "{none}");
    let right = format!("host: {address}\r\nauthorization: Bearer kept-secret\r\n");
    let right = status(address, &right).await;
    assert!(!right.contains("401"), "{right}");
}

#[tokio::test]
async fn other_names_are_answered_to_only_if_they_were_given() {
    let options = HttpOptions {
        hosts: vec!["db.example".to_owned()],
        ..HttpOptions::default()
    };
    let served = serve(options).await;
    let named = status(&served.address, "host: db.example\r\n").await;
    assert!(!named.contains("403"), "{named}");
    let other = status(&served.address, "host: evil.example\r\n").await;
    assert!(other.contains("403"), "{other}");
}

#[tokio::test]
async fn who_says_that_a_request_is_too_long_is_not_waited_for() {
    let served = serve(HttpOptions::default()).await;
    let mut socket = TcpStream::connect(&served.address).await.unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: {}\r\ncontent-length: 99999999999\r\n\r\n",
        served.address
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    let answered = socket.read_exact(&mut answer);
    let limit = std::time::Duration::from_secs(20);
    tokio::time::timeout(limit, answered)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn requests_have_a_size_limit() {
    let served = serve(HttpOptions::default()).await;
    let mut socket = TcpStream::connect(&served.address).await.unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        served.address
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let (mut answers, mut requests) = socket.into_split();
    let endless = tokio::spawn(async move {
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        let mut sent = 0;
        // Fails when the server has had enough.
        while requests.write_all(chunk.as_bytes()).await.is_ok() && sent < 1000 {
            sent += 1;
        }
        sent
    });
    let mut answer = [0; 12];
    answers.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    drop(answers);
    assert!(endless.await.unwrap() < 1000);
}

#[tokio::test]
async fn an_answer_without_a_session_is_one_document() {
    let served = serve(HttpOptions::default()).await;
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {
        "name": "query", "arguments": { "sql": "SELECT 42" },
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {} } } });
    let headers = format!(
        "host: {}\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\n\
         mcp-name: query\r\n",
        served.address
    );
    let answer = exchange(&served.address, "POST", &headers, &call.to_string()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(head.contains("content-type: application/json"), "{head}");
    let length = format!("content-length: {}", body.len());
    assert!(head.contains(&length), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["id"], 7);
    assert_eq!(body["result"]["structuredContent"]["rows"], json!([[42]]));
}
