//! Clients of the tests, made with the SDK.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use mcp_server_db::{DatabaseServer, Limits, sample};
use rmcp::{
    RoleClient,
    model::{CallToolRequestParams, CallToolResult, ClientConfig, ProtocolVersion},
    service::{ClientLifecycleMode, ClientServiceExt as _, RunningService},
};
use serde_json::Value;

pub(crate) type Client = RunningService<RoleClient, ClientConfig>;

/// The two ways in which clients begin.
pub(crate) fn lifecycles() -> [ClientLifecycleMode; 2] {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    [
        ClientLifecycleMode::Initialize,
        ClientLifecycleMode::Discover { preferred_versions },
    ]
}

pub(crate) fn config() -> ClientConfig {
    let mut config = ClientConfig::default();
    config.protocol_version = ProtocolVersion::LATEST_WITH_INITIALIZE;
    config
}

/// The sample database. Kept between runs: it is always the same.
pub(crate) fn shop() -> &'static Path {
    static SHOP: OnceLock<PathBuf> = OnceLock::new();
    SHOP.get_or_init(|| sample::ensure(env!("CARGO_TARGET_TMPDIR").as_ref()).unwrap())
}

pub(crate) async fn connect(limits: Limits, mode: ClientLifecycleMode) -> Client {
    let server = DatabaseServer::open_sqlite(shop(), limits).unwrap();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(server.serve_stream(theirs));
    config().serve_with_lifecycle(ours, mode).await.unwrap()
}

/// A client of the sample database.
pub(crate) async fn client() -> Client {
    connect(Limits::default(), ClientLifecycleMode::Initialize).await
}

/// A client of another database.
pub(crate) async fn client_of(path: &Path) -> Client {
    let server = DatabaseServer::open_sqlite(path, Limits::default()).unwrap();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(server.serve_stream(theirs));
    let mode = ClientLifecycleMode::Initialize;
    config().serve_with_lifecycle(ours, mode).await.unwrap()
}

/// Calls a tool, whatever it says.
pub(crate) async fn call(client: &Client, tool: &'static str, arguments: Value) -> CallToolResult {
    let mut params = CallToolRequestParams::new(tool);
    params.arguments = arguments.as_object().cloned();
    client.peer().call_tool(params).await.unwrap()
}

/// Calls a tool that answers.
pub(crate) async fn ask(client: &Client, tool: &'static str, arguments: Value) -> Value {
    let result = call(client, tool, arguments).await;
    assert_eq!(result.is_error, Some(false), "{result:?}");
    result.structured_content.unwrap()
}

/// Calls a tool that refuses; returns what it says.
pub(crate) async fn refused(client: &Client, tool: &'static str, arguments: Value) -> String {
    let result = call(client, tool, arguments).await;
    assert_eq!(result.is_error, Some(true), "{result:?}");
    result.content[0].as_text().unwrap().text.clone()
}
