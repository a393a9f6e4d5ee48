//! A well-behaved server, made with the SDK: in this process and over HTTP.

use std::sync::Arc;

use mcp_domain::Target;
use mcp_transport::ClientConnector;
use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt as _,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, JsonObject,
        ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams,
        ReadResourceResponse, ReadResourceResult, Resource, ResourceContents, ServerCapabilities,
        ServerConfig, Tool, ToolAnnotations,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::json;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

/// Tools that add, fail and hang; many resources.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calculator {
    /// Told when a call of `hang` is cancelled.
    pub(crate) cancelled: Arc<Notify>,
}

pub(crate) const RESOURCES: usize = 250;
const PAGE: usize = 100;

impl ServerHandler for Calculator {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .build();
        ServerConfig::new(capabilities).with_instructions("add things up")
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let hints = ToolAnnotations::new().read_only(true).idempotent(true);
        let tool = Tool::new("add", "adds", JsonObject::new()).with_annotations(hints);
        Ok(ListToolsResult::with_all_items(vec![tool]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        match &*request.name {
            "add" => {
                let sum = arguments.values().filter_map(|v| v.as_i64()).sum::<i64>();
                Ok(CallToolResult::structured(json!({ "sum": sum })).into())
            }
            "fail" => {
                let why = ContentBlock::text("the abacus is broken");
                Ok(CallToolResult::error(vec![why]).into())
            }
            "hang" => {
                context.ct.cancelled().await;
                self.cancelled.notify_one();
                Err(ErrorData::internal_error("cancelled", None))
            }
            other => Err(ErrorData::invalid_params(format!("no tool {other}"), None)),
        }
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let cursor = request.and_then(|request| request.cursor);
        let start: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let end = (start + PAGE).min(RESOURCES);
        let page = (start..end).map(|n| Resource::new(format!("test://{n}"), n.to_string()));
        let mut result = ListResourcesResult::with_all_items(page.collect());
        result.next_cursor = (end < RESOURCES).then(|| end.to_string());
        // The later a page, the sooner it is stale.
        Ok(result.with_ttl_ms((RESOURCES - start) as u64))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let contents = ResourceContents::text("forty-two", request.uri);
        Ok(ReadResourceResult::new(vec![contents]).into())
    }
}

/// A connector to a calculator in this process.
pub(crate) fn in_process(calculator: &Calculator) -> ClientConnector {
    let calculator = calculator.clone();
    ClientConnector::in_process(move |stream| {
        let calculator = calculator.clone();
        async move {
            if let Ok(service) = calculator.serve(stream).await {
                let _ = service.waiting().await;
            }
        }
    })
}

/// A calculator at a socket; gone when it is dropped.
pub(crate) struct HttpServer {
    pub(crate) port: u16,
    sessions: Arc<LocalSessionManager>,
    task: JoinHandle<()>,
}

impl HttpServer {
    /// Serves at this port of the loopback, 0 for a free one.
    pub(crate) async fn start(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (router, sessions) = Self::router();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            port,
            sessions,
            task,
        }
    }

    /// What it serves, and its sessions.
    pub(crate) fn router() -> (axum::Router, Arc<LocalSessionManager>) {
        let sessions = Arc::new(LocalSessionManager::default());
        let service = StreamableHttpService::new(
            || Ok(Calculator::default()),
            Arc::clone(&sessions),
            StreamableHttpServerConfig::default(),
        );
        (axum::Router::new().nest_service("/mcp", service), sessions)
    }

    pub(crate) fn connector(&self) -> ClientConnector {
        let url = format!("http://127.0.0.1:{}/mcp", self.port);
        ClientConnector::new(Target::http(url)).unwrap()
    }

    /// How many sessions it holds.
    pub(crate) async fn sessions(&self) -> usize {
        self.sessions.sessions.read().await.len()
    }

    /// Ends it, with all its sessions.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
