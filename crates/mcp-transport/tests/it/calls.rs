//! The calls, over every transport and lifecycle.

use std::time::Duration;

use mcp_domain::{Connection as _, Connector as _, ErrorKind, Scope};
use mcp_transport::{Arguments, Client, Lifecycle, ResourceContents};
use serde_json::json;

use crate::{
    server::{Calculator, HttpServer, RESOURCES, in_process},
    shell::ShellServer,
    wire::Wire,
};

/// A client for each transport and lifecycle, with the revision it should speak.
async fn clients(http: &HttpServer) -> Vec<(Client, &'static str)> {
    let mut clients = Vec::new();
    for (lifecycle, revision) in [
        (Lifecycle::Initialize, "2025-11-25"),
        (Lifecycle::Discover, "2026-07-28"),
        (Lifecycle::Auto, "2026-07-28"),
    ] {
        for connector in [in_process(&Calculator::default()), http.connector()] {
            let connector = connector.with_lifecycle(lifecycle);
            clients.push((
                connector.connect(&Scope::default()).await.unwrap(),
                revision,
            ));
        }
    }
    clients
}

#[tokio::test]
async fn every_transport_and_lifecycle_gives_the_same_answers() {
    let http = HttpServer::start(0).await;
    for (client, revision) in clients(&http).await {
        let server = client.server();
        assert_eq!(server.revision, revision);
        assert_eq!(server.instructions.as_deref(), Some("add things up"));
        assert!(server.has_tools && server.has_resources);
        assert_eq!(client.is_stateless(), revision == "2026-07-28");

        let tools = client.list_tools().await.unwrap();
        assert_eq!(tools[0].name, "add");
        assert!(tools[0].read_only && tools[0].idempotent);

        let sum = client
            .call_tool("add", json!({ "a": 40, "b": 2 }))
            .await
            .unwrap();
        assert_eq!(sum.structured, Some(json!({ "sum": 42 })));
        #[derive(serde::Deserialize)]
        struct Sum {
            sum: i64,
        }
        assert_eq!(sum.parse::<Sum>().unwrap().sum, 42);

        // All pages.
        assert_eq!(client.list_resources().await.unwrap().len(), RESOURCES);
        let listed = client.list_resources_to_keep().await.unwrap();
        assert_eq!(listed.items.len(), RESOURCES);
        // The shortest of its pages; earlier revisions do not tell.
        let told = client.server().revision == "2026-07-28";
        let fresh_for = told.then_some(Duration::from_millis(50));
        assert_eq!(listed.fresh_for, fresh_for);
        let contents = client.read_resource("test://7").await.unwrap();
        let ResourceContents::Text { uri, text, .. } = &contents[0] else {
            panic!("{contents:?}");
        };
        assert_eq!((uri.as_str(), text.as_str()), ("test://7", "forty-two"));

        client.ping().await.unwrap();
        assert!(client.is_open());
        client.close().await.unwrap();
        assert!(!client.is_open());
        client.close().await.unwrap();
        let late = client.call_tool("add", ()).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::NotSent);
    }
}

#[tokio::test]
async fn a_tools_failure_is_an_error_or_data_as_the_caller_chooses() {
    let http = HttpServer::start(0).await;
    for (client, _) in clients(&http).await {
        let error = client.call_tool("fail", json!({})).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ToolFailed);
        assert_eq!(error.to_string(), "the abacus is broken");
        let data = client.call_tool_raw("fail", json!({})).await.unwrap();
        assert!(data.is_error);
        assert_eq!(data.text(), "the abacus is broken");
        let unknown = client.call_tool("nope", json!({})).await.unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::Rpc(-32602));
        assert!(unknown.to_string().contains("no tool nope"), "{unknown}");
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn arguments_that_are_no_object_are_refused_before_they_are_sent() {
    let client = in_process(&Calculator::default());
    let client = client.connect(&Scope::default()).await.unwrap();
    let error = client.call_tool("add", 42).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        error.to_string(),
        "the arguments of `add` must be a JSON object, not 42"
    );
    client.close().await.unwrap();
}

#[tokio::test]
async fn arguments_that_are_json_already_arrive_as_they_are() {
    let client = in_process(&Calculator::default());
    let client = client.connect(&Scope::default()).await.unwrap();
    let object = json!({ "a": 40, "b": 2 }).as_object().unwrap().clone();
    let arguments = Arguments::from(object.clone());
    assert_eq!(format!("{arguments:?}"), r#"{"a", "b"}"#);
    for sum in [
        client.call_tool("add", arguments).await.unwrap(),
        client.call_tool("add", &object).await.unwrap(),
    ] {
        assert_eq!(sum.structured, Some(json!({ "sum": 42 })));
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn an_answer_of_another_shape_is_named() {
    let client = in_process(&Calculator::default());
    let client = client.connect(&Scope::default()).await.unwrap();
    let sum = client.call_tool("add", json!({ "a": 1 })).await.unwrap();
    let error = sum.parse::<Vec<u8>>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadResponse);
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled_at_the_server() {
    for lifecycle in [Lifecycle::Initialize, Lifecycle::Discover] {
        let calculator = Calculator::default();
        let connector = in_process(&calculator).with_lifecycle(lifecycle);
        let client = connector.connect(&Scope::default()).await.unwrap();
        let hang = client.call_tool("hang", json!({}));
        tokio::time::timeout(Duration::from_millis(50), hang)
            .await
            .unwrap_err();
        calculator.cancelled.notified().await;
        // The connection is as good as before.
        client.call_tool("add", json!({ "a": 1 })).await.unwrap();
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_resource_may_be_bytes() {
    let server = ShellServer::answering(
        r#"case "$method" in
            resources/read)
                respond '{"contents":[{"uri":"file:///a","mimeType":"image/png","blob":"AAE="}]}' ;;
            *) legacy ;;
        esac"#,
    );
    let client = server.connector().connect(&Scope::default()).await.unwrap();
    let contents = client.read_resource("file:///a").await.unwrap();
    let [
        ResourceContents::Blob {
            uri,
            mime_type,
            data,
        },
    ] = &contents[..]
    else {
        panic!("{contents:?}");
    };
    assert_eq!((uri.as_str(), data.as_str()), ("file:///a", "AAE="));
    assert_eq!(mime_type.as_deref(), Some("image/png"));
    client.close().await.unwrap();
}

#[tokio::test]
async fn the_connections_to_an_origin_share_its_sockets() {
    const CONNECTIONS: usize = 20;
    let server = Wire::start(|request| request.legacy()).await;
    for _ in 0..CONNECTIONS {
        // Nor need they be of one connector.
        let connector = server.connector();
        let client = connector.connect(&Scope::default()).await.unwrap();
        client.call_tool("any", ()).await.unwrap();
        client.close().await.unwrap();
    }
    assert_eq!(server.requests("initialize").len(), CONNECTIONS);
    assert!(server.sockets() < CONNECTIONS / 2, "{}", server.sockets());
}
