//! What is asked of a server just as the connection ends, or while it works on what was asked.

use std::{future::pending, sync::Arc, time::Duration};

use mcp_domain::{Connection as _, Connector as _, ErrorKind, Scope};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream},
    sync::{Notify, Semaphore},
    time::{Instant, sleep, timeout},
};

use crate::{Client, ClientConnector, Handlers, Lifecycle, host::Over};

/// How many calls have come in.
static CALLS: Semaphore = Semaphore::const_new(0);

/// What a server says to shake hands.
const SHAKEN: &str = concat!(
    r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","#,
    r#""capabilities":{},"serverInfo":{"name":"silent","version":"1"}}}"#,
);

/// What a server says of itself that knows no handshake.
fn discovered() -> Value {
    json!({
        "resultType": "complete",
        "supportedVersions": ["2026-07-28"],
        "capabilities": {},
        "serverInfo": { "name": "s", "version": "1" },
        "ttlMs": 0,
        "cacheScope": "private",
    })
}

/// A server that shakes hands, and answers nothing else.
async fn silent(stream: DuplexStream) {
    let (output, mut input) = tokio::io::split(stream);
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.contains("tools/call") {
            CALLS.add_permits(1);
        } else if line.contains("\"initialize\"") {
            let line = format!("{SHAKEN}\n");
            input.write_all(line.as_bytes()).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_the_sdk_lost_with_its_connection_is_not_waited_for() {
    let connector = ClientConnector::in_process(silent).with_lifecycle(Lifecycle::Initialize);
    let client = connector.connect(&Scope::default()).await.unwrap();
    let end = async {
        CALLS.acquire().await.unwrap().forget();
        // As it is when the connection is gone; the SDK still has the request.
        client.host.end();
    };
    let calls = async { tokio::join!(client.call_tool("any", ()), end) };
    let (answer, ()) = timeout(Duration::from_secs(1), calls).await.unwrap();
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Disconnected);
}

#[tokio::test]
async fn a_connection_that_is_gone_says_so() {
    let connector = ClientConnector::in_process(silent).with_lifecycle(Lifecycle::Initialize);
    let client = connector.connect(&Scope::default()).await.unwrap();
    assert!(client.is_open());
    client.close().await.unwrap();
    let over = client.host.deadlines.wait_until(None).await;
    assert_eq!(over, Over::Gone);
}

/// A server that asks the user something in every call, and ends while it waits.
async fn asks_and_ends(stream: DuplexStream, asked: Arc<Notify>) {
    let (output, mut input) = tokio::io::split(stream);
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = if line.contains("tools/call") {
            concat!(
                r#"{"jsonrpc":"2.0","id":7,"method":"elicitation/create","#,
                r#""params":{"message":"who?","requestedSchema":{"type":"object","properties":{}}}}"#,
            )
        } else if line.contains("\"initialize\"") {
            SHAKEN
        } else {
            continue;
        };
        let line = format!("{answer}\n");
        input.write_all(line.as_bytes()).await.unwrap();
        if answer != SHAKEN {
            return asked.notified().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_hears_of_the_end_while_the_user_is_still_asked() {
    let asked = Arc::<Notify>::default();
    let told = Arc::clone(&asked);
    let handlers = Handlers::new().on_elicitation(move |_| {
        told.notify_one();
        pending()
    });
    let connector = ClientConnector::in_process(move |stream| asks_and_ends(stream, asked.clone()))
        .with_lifecycle(Lifecycle::Initialize)
        .with_handlers(handlers);
    let client = connector.connect(&Scope::default()).await.unwrap();
    let start = Instant::now();
    let error = client.call_tool("any", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert!(!client.is_open());
    // The SDK waits longer for the user.
    assert!(start.elapsed() < Duration::from_secs(1));
}

/// A task whose state is asked for after so long.
fn task(pace: Duration) -> Value {
    json!({
        "resultType": "task",
        "taskId": "t",
        "status": "working",
        "pollIntervalMs": pace.as_millis(),
        "createdAt": "2026-01-01T00:00:00Z",
        "lastUpdatedAt": "2026-01-01T00:00:00Z",
    })
}

/// A client of a server that begins every call with this result, knows nothing of it when it
/// is asked again, and ends when it is told or asks the user.
async fn begun_by(result: Value, told: &Arc<Notify>) -> Client {
    let (asked, told) = (Arc::clone(told), Arc::clone(told));
    let serve = move |stream| begin(stream, result.clone(), Arc::clone(&told));
    let handlers = Handlers::new().accept_tasks().on_elicitation(move |_| {
        asked.notify_one();
        pending()
    });
    let connector = ClientConnector::in_process(serve)
        .with_lifecycle(Lifecycle::Discover)
        .with_handlers(handlers);
    connector.connect(&Scope::default()).await.unwrap()
}

async fn begin(stream: DuplexStream, result: Value, told: Arc<Notify>) {
    let (output, mut input) = tokio::io::split(stream);
    let mut lines = BufReader::new(output).lines();
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line.unwrap().unwrap(),
            () = told.notified() => return,
        };
        let request: Value = serde_json::from_str(&line).unwrap();
        let mut answer = match request["method"].as_str() {
            Some("server/discover") => json!({ "result": discovered() }),
            Some("tools/call") => json!({ "result": result }),
            Some("tasks/get") => {
                json!({ "error": { "code": -32001, "message": "session not found" } })
            }
            _ => continue,
        };
        answer["jsonrpc"] = "2.0".into();
        answer["id"] = request["id"].clone();
        input
            .write_all(format!("{answer}\n").as_bytes())
            .await
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_hears_of_the_end_while_the_server_works_on_it() {
    let told = Arc::default();
    let client = begun_by(task(Duration::from_secs(30)), &told).await;
    let start = Instant::now();
    let end = async {
        sleep(Duration::from_secs(1)).await;
        told.notify_one();
    };
    let (answer, ()) = tokio::join!(client.call_tool("any", ()), end);
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Disconnected);
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_call_hears_of_the_end_while_it_waits_for_the_input_that_the_server_wants() {
    let who = json!({
        "method": "elicitation/create",
        "params": {
            "message": "who?",
            "requestedSchema": { "type": "object", "properties": {} },
        },
    });
    let wanted = json!({ "resultType": "input_required", "inputRequests": { "who": who } });
    let client = begun_by(wanted, &Arc::default()).await;
    let answer = timeout(Duration::from_secs(5), client.call_tool("any", ())).await;
    let error = answer.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_server_has_begun_is_not_taken_for_one_that_it_did_not_run() {
    let client = begun_by(task(Duration::from_millis(10)), &Arc::default()).await;
    let error = client.call_tool("any", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert!(error.chain().contains("session"), "{error:?}");
}
