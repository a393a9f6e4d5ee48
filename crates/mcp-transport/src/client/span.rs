//! The span of a request, by OpenTelemetry's conventions for MCP.
//!
//! It tells no arguments and no answers, no address of a resource, which may hold data, and
//! no session's identifier, which opens the session to whoever knows it.

use mcp_domain::{Error, ErrorKind};
use rmcp::model::{ClientRequest, NumberOrString, RequestId, ServerResult};
use tracing::{Span, field::Empty};

use super::Client;

/// A span around a request; it costs next to nothing where nobody listens.
#[derive(Debug)]
pub(super) struct RequestSpan(Span);

impl RequestSpan {
    pub(super) fn begin(client: &Client, request: &ClientRequest) -> Self {
        // All fields are left out where the span is disabled.
        let span = tracing::debug_span!(
            "mcp.request",
            otel.kind = "client",
            otel.name = name(request),
            mcp.method.name = request.method(),
            mcp.protocol.version = client.revision.as_str(),
            gen_ai.operation.name = tool(request).map(|_| "execute_tool"),
            gen_ai.tool.name = tool(request),
            gen_ai.prompt.name = prompt(request),
            network.transport = client.road.transport,
            server.address = client.road.address.as_deref(),
            server.port = client.road.port,
            jsonrpc.request.id = Empty,
            rpc.response.status_code = Empty,
            error.type = Empty,
        );
        Self(span)
    }

    pub(super) fn sent(&self, id: &RequestId) {
        if self.0.is_disabled() {
            return;
        }
        match id {
            NumberOrString::Number(id) => self.0.record("jsonrpc.request.id", id),
            NumberOrString::String(id) => self.0.record("jsonrpc.request.id", &**id),
        };
    }

    /// Tells how it ended.
    pub(super) fn end(&self, answer: &Result<ServerResult, Error>) {
        if self.0.is_disabled() {
            return;
        }
        match answer {
            Ok(ServerResult::CallToolResult(result)) if result.is_error == Some(true) => {
                self.0.record("error.type", ErrorKind::ToolFailed.label());
            }
            Ok(_) => {}
            Err(error) => {
                self.0.record("error.type", error.kind().label());
                if let ErrorKind::Rpc(code) = error.kind() {
                    self.0
                        .record("rpc.response.status_code", tracing::field::display(code));
                }
            }
        }
    }
}

/// Of few different values: a method, and what is called by it.
fn name(request: &ClientRequest) -> String {
    let method = request.method();
    match tool(request).or_else(|| prompt(request)) {
        Some(what) => format!("{method} {what}"),
        None => method.to_owned(),
    }
}

fn tool(request: &ClientRequest) -> Option<&str> {
    match request {
        ClientRequest::CallToolRequest(request) => Some(&request.params.name),
        _ => None,
    }
}

fn prompt(request: &ClientRequest) -> Option<&str> {
    match request {
        ClientRequest::GetPromptRequest(request) => Some(&request.params.name),
        _ => None,
    }
}
