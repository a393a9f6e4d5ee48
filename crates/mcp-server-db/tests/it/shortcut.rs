//! Calls over HTTP without a session: those of the usual form go a way of their own, and
//! nobody can tell.

use std::time::Duration;

use mcp_server_db::{DatabaseServer, HttpOptions, Limits};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    client::{client, shop},
    http::{Served, exchange, serve, serve_this},
};

/// Long enough for whatever is not stuck.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs for longer than any test may.
const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

/// A call of a tool, and the headers that say so.
fn call(served: &Served, id: Value, tool: &str, arguments: Value) -> (String, Value) {
    let headers = format!(
        "host: {}\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\n\
         mcp-name: {tool}\r\n",
        served.address
    );
    let message = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {
        "name": tool, "arguments": arguments,
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {} } } });
    (headers, message)
}

/// The status line, the kind of the document and the document itself.
fn parts(answer: &str) -> (String, String, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().to_owned();
    let kind = lines.find(|line| line.starts_with("content-type: "));
    let body = serde_json::from_str(body).unwrap();
    (status, kind.unwrap().to_owned(), body)
}

#[tokio::test]
async fn both_ways_answer_alike() {
    let served = serve(HttpOptions::default()).await;
    let values = "SELECT 1, 2.5, NULL, 'ñ \"x\" \\', x'00ff', 9007199254740993, 1e300";
    for (tool, arguments) in [
        ("query", json!({ "sql": values })),
        ("query", json!({ "sql": "SELECT ?", "parameters": [1.5] })),
        (
            "query",
            json!({ "sql": "SELECT * FROM products", "max_rows": 3 }),
        ),
        ("list_schemas", json!({})),
        ("list_tables", json!({})),
        ("describe_table", json!({ "table": "products" })),
        ("explain", json!({ "sql": "SELECT * FROM products" })),
        ("search", json!({ "text": "kettle", "limit": 2 })),
        // The database says no.
        ("query", json!({ "sql": "SELECT" })),
        ("query", json!({ "sql": "DELETE FROM products" })),
        ("describe_table", json!({ "table": "no such" })),
        // These are no calls.
        ("query", json!({ "sqll": "SELECT 1" })),
        ("query", json!({ "sql": "SELECT 1", "cursor": "x" })),
        ("execute", json!({ "sql": "DELETE FROM products" })),
        ("drop", json!({})),
    ] {
        for id in [json!(7), json!("seven")] {
            let (headers, message) = call(&served, id, tool, arguments.clone());
            let message = message.to_string();
            let short = exchange(&served.address, "POST", &headers, &message).await;
            // One header more than usual.
            let headers = format!("{headers}accept: text/plain\r\n");
            let long = exchange(&served.address, "POST", &headers, &message).await;
            assert_eq!(parts(&short), parts(&long), "{tool} {arguments}");
        }
    }
}

#[tokio::test]
async fn the_text_of_an_answer_is_what_it_holds() {
    let served = serve(HttpOptions::default()).await;
    let arguments = json!({ "sql": "SELECT 'ñ \"x\" \\' AS a, x'00ff' AS b, 1e300 AS c" });
    let (headers, message) = call(&served, json!(7), "query", arguments);
    let answer = exchange(&served.address, "POST", &headers, &message.to_string()).await;
    let (_, _, body) = parts(&answer);
    let text = body["result"]["content"][0]["text"].as_str().unwrap();
    let text: Value = serde_json::from_str(text).unwrap();
    assert_eq!(text, body["result"]["structuredContent"]);
    assert_eq!(text["rows"][0][0], "ñ \"x\" \\");
}

#[tokio::test]
async fn a_call_that_contradicts_itself_is_refused() {
    let served = serve(HttpOptions::default()).await;
    let (headers, message) = call(&served, json!(7), "query", json!({ "sql": "SELECT 42" }));
    let message = message.to_string();
    let port = served.address.rsplit_once(':').unwrap().1;
    let evil = format!("host: evil.example:{port}");
    for (usual, other, status) in [
        ("mcp-name: query\r\n", "mcp-name: search\r\n", "400"),
        ("mcp-name: query\r\n", "", "400"),
        ("tools/call", "tools/list", "400"),
        ("mcp-method: tools/call\r\n", "", "400"),
        ("2026-07-28", "2025-11-25", "400"),
        ("2026-07-28", "2026-07-29", "400"),
        (&format!("host: {}", served.address), &evil, "403"),
        ("host", "origin: http://evil.example\r\nhost", "403"),
    ] {
        let changed = headers.replacen(usual, other, 1);
        assert_ne!(changed, headers, "{usual}");
        let answer = exchange(&served.address, "POST", &changed, &message).await;
        let begins = format!("HTTP/1.1 {status}");
        assert!(answer.starts_with(&begins), "{changed}: {answer}");
        assert!(!answer.contains("[[42]]"), "{changed}: {answer}");
    }
    let other_path = message.replacen("2026-07-28", "2025-11-25", 1);
    let answer = exchange(&served.address, "POST", &headers, &other_path).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn who_must_bear_a_token_calls_nothing_without() {
    let options = HttpOptions {
        token: Some("kept-secret".to_owned()),
        ..HttpOptions::default()
    };
    let served = serve(options).await;
    let (headers, message) = call(&served, json!(7), "query", json!({ "sql": "SELECT 42" }));
    let message = message.to_string();
    let refused = exchange(&served.address, "POST", &headers, &message).await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    assert!(
        refused.contains("www-authenticate: Bearer\r\n"),
        "{refused}"
    );
    let headers = format!("{headers}authorization: Bearer kept-secret\r\n");
    let answer = exchange(&served.address, "POST", &headers, &message).await;
    assert!(answer.contains("[[42]]"), "{answer}");
}

/// A server with room for one statement, and one that never ends under way, by a
/// connection of its own.
async fn busy() -> (Served, TcpStream) {
    let limits = Limits {
        statements: 1,
        time: Duration::from_secs(3600),
        ..Limits::default()
    };
    let server = DatabaseServer::open_sqlite(shop(), limits).unwrap();
    let served = serve_this(server, HttpOptions::default()).await;
    let (headers, message) = call(&served, json!(7), "query", json!({ "sql": ENDLESS }));
    let message = message.to_string();
    let request = format!(
        "POST /mcp HTTP/1.1\r\n{headers}content-type: application/json\r\n\
         accept: application/json, text/event-stream\r\ncontent-length: {}\r\n\r\n{message}",
        message.len()
    );
    let mut socket = TcpStream::connect(&served.address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    // From now on, others wait.
    while timeout(Duration::from_secs(2), ask(&served)).await.is_ok() {}
    (served, socket)
}

async fn ask(served: &Served) -> String {
    let (headers, message) = call(served, json!(8), "query", json!({ "sql": "SELECT 42" }));
    exchange(&served.address, "POST", &headers, &message.to_string()).await
}

#[tokio::test]
async fn who_goes_has_its_statement_stopped() {
    let (served, socket) = busy().await;
    drop(socket);
    let answer = timeout(PATIENCE, ask(&served)).await.unwrap();
    assert!(answer.contains("[[42]]"), "{answer}");
}

#[tokio::test]
async fn the_end_of_the_server_stops_what_runs() {
    let (served, mut socket) = busy().await;
    served.stop.send(()).unwrap();
    let ended = timeout(PATIENCE, served.task).await;
    ended.unwrap().unwrap().unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    // The SDK has other words for it: the call went the short way.
    assert!(answer.ends_with("the server ends"), "{answer}");
}

#[tokio::test]
async fn no_argument_belongs_into_a_header() {
    // Else it would have to be compared, here and by the SDK, which would have to know.
    let tools = client().await.list_all_tools().await.unwrap();
    assert!(tools.len() > 5);
    let tools = serde_json::to_string(&tools).unwrap();
    assert!(!tools.contains("x-mcp-header"), "{tools}");
}
