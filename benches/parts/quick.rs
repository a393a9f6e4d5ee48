//! A call of a tool that answers at once, through our client and on the bare SDK.
//!
//! Both speak to a server in this process, over the same kind of channel.

use std::hint::black_box;

use mcp_domain::{Connector as _, Scope};
use mcp_transport::{Arguments, Client, ClientConnector, Lifecycle};
use rmcp::{
    ErrorData, RoleClient, RoleServer, ServerHandler, ServiceExt as _,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ClientConfig, ContentBlock,
        JsonObject, ProtocolVersion, ServerCapabilities, ServerConfig,
    },
    service::{ClientLifecycleMode, ClientServiceExt as _, RequestContext, RunningService},
};
use serde_json::json;
use tokio::io::DuplexStream;

/// A tool that answers at once.
#[derive(Clone)]
struct Quick;

impl ServerHandler for Quick {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::success(vec![ContentBlock::text("done")]).into())
    }
}

async fn serve(stream: DuplexStream) {
    if let Ok(service) = Quick.serve(stream).await {
        let _ = service.waiting().await;
    }
}

fn arguments() -> JsonObject {
    let arguments = json!({ "table": "products", "where": { "price": 12.5 }, "limit": 20 });
    arguments.as_object().cloned().unwrap_or_default()
}

/// Our client.
pub(crate) struct Ours(Client);

impl Ours {
    pub(crate) async fn connect(lifecycle: Lifecycle) -> Self {
        let connector = ClientConnector::in_process(serve).with_lifecycle(lifecycle);
        let client = connector.connect(&Scope::default()).await;
        Self(client.expect("ours connects"))
    }

    pub(crate) async fn call(&self) {
        let answer = self.0.call_tool("any", Arguments::from(arguments())).await;
        black_box(answer.expect("ours answers"));
    }
}

/// The bare SDK.
pub(crate) struct Bare(RunningService<RoleClient, ClientConfig>);

impl Bare {
    pub(crate) async fn connect(lifecycle: Lifecycle) -> Self {
        let mode = match lifecycle {
            Lifecycle::Discover => ClientLifecycleMode::Discover {
                preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            },
            _ => ClientLifecycleMode::Initialize,
        };
        let (here, there) = tokio::io::duplex(64 * 1024);
        tokio::spawn(serve(there));
        let client = ClientConfig::default()
            .serve_with_lifecycle(here, mode)
            .await;
        Self(client.expect("the bare one connects"))
    }

    pub(crate) async fn call(&self) {
        let mut params = CallToolRequestParams::new("any".to_owned());
        params.arguments = Some(arguments());
        let answer = self.0.peer().call_tool_once(params).await;
        black_box(answer.expect("the bare one answers"));
    }
}
