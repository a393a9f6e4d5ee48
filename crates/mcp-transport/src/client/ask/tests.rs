//! What is asked of a server just as the connection ends.

use std::time::Duration;

use mcp_domain::{Connection as _, Connector as _, ErrorKind, Scope};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream},
    sync::Semaphore,
    time::timeout,
};

use crate::{ClientConnector, Lifecycle, host::Over};

/// How many calls have come in.
static CALLS: Semaphore = Semaphore::const_new(0);

/// A server that shakes hands, and answers nothing else.
async fn silent(stream: DuplexStream) {
    let (output, mut input) = tokio::io::split(stream);
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.contains("tools/call") {
            CALLS.add_permits(1);
        } else if line.contains("\"initialize\"") {
            let answer = concat!(
                r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","#,
                r#""capabilities":{},"serverInfo":{"name":"silent","version":"1"}}}"#,
                "\n"
            );
            input.write_all(answer.as_bytes()).await.unwrap();
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
