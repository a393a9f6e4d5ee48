//! Calls that a server makes tasks of.

use std::time::Duration;

use mcp_domain::{Connection as _, ErrorKind};
use mcp_transport::{Client, ElicitationReply, Handlers, Lifecycle};
use serde_json::json;

use crate::showcase::Showcase;

async fn connect(showcase: &Showcase) -> Client {
    let handlers = Handlers::new()
        .accept_tasks()
        .on_elicitation(|_| async { Ok(ElicitationReply::Accept(json!({ "name": "Ada" }))) });
    showcase.connect(Lifecycle::Discover, handlers).await
}

#[tokio::test]
async fn a_task_is_followed_to_its_end() {
    let client = connect(&Showcase::default()).await;
    let answer = client.call_tool("long", json!({ "n": 7 })).await.unwrap();
    assert_eq!(answer.structured, Some(json!({ "n": 7 })));
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_task_is_given_what_it_wants() {
    let client = connect(&Showcase::default()).await;
    let answer = client
        .call_tool("long", json!({ "asks": true }))
        .await
        .unwrap();
    assert_eq!(answer.structured.unwrap()["content"]["name"], "Ada");
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_task_that_fails_is_the_calls_error() {
    let client = connect(&Showcase::default()).await;
    let error = client
        .call_tool("long", json!({ "fails": true }))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rpc(-32001));
    assert!(error.to_string().contains("out of luck"), "{error}");
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_dropped_or_late_cancels_its_task() {
    let showcase = Showcase::default();
    let client = connect(&showcase).await;
    let endless = client.call_tool("long", json!({ "endless": true }));
    let late = endless
        .within(Duration::from_millis(200))
        .await
        .unwrap_err();
    assert_eq!(late.kind(), ErrorKind::CallTimeout);
    showcase.seen.task_cancelled.notified().await;
    client.call_tool("any", ()).await.unwrap();
    client.close().await.unwrap();
}
