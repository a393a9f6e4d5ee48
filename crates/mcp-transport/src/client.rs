//! An open connection to a server, and the calls on it.

use std::sync::{Arc, Mutex, PoisonError};

use mcp_domain::{Connection, Connector as _, Error, ErrorKind, Scope};
use rmcp::{
    Peer, RoleClient,
    model::{
        CallToolRequestParams, CallToolResponse, ClientConfig, ClientRequest,
        PaginatedRequestParams, PingRequest, ProtocolVersion, ReadResourceRequestParams,
        ReadResourceResponse,
    },
    service::{RunningService, ServiceError},
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    IntoConnector, Resource, ResourceContents, ServerInfo, Tool, ToolResult, backing::Backing,
    failure, witness::Witness,
};

/// A list may have this many pages; a server that gives more is not to be trusted.
const MOST_PAGES: usize = 1000;

/// An open connection to an MCP server.
///
/// Any number of calls can be in flight on it. Dropping it closes it at once, and
/// kills a child process; [`close`](Connection::close) does so properly.
#[derive(Debug)]
pub struct Client {
    peer: Peer<RoleClient>,
    server: ServerInfo,
    revision: ProtocolVersion,
    label: Arc<str>,
    witness: Witness,
    open: Mutex<Option<Open>>,
}

/// What is to be closed.
#[derive(Debug)]
struct Open {
    service: RunningService<RoleClient, ClientConfig>,
    backing: Backing,
}

impl Client {
    /// Opens a connection, for those who need just one. Others use a [`ClientConnector`](crate::ClientConnector).
    ///
    /// The target may be a [`Target`](mcp_domain::Target), a connector, or a text such as
    /// `https://host/mcp`, `server.py` or `npx -y some-server`: see [`infer`](crate::infer()).
    ///
    /// # Errors
    ///
    /// As [`IntoConnector::into_connector`] and [`connect`](mcp_domain::Connector::connect).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, everything it has opened is closed.
    pub async fn connect(target: impl IntoConnector) -> Result<Self, Error> {
        let connector = target.into_connector()?;
        connector.connect(&Scope::default()).await
    }

    pub(crate) fn new(
        service: RunningService<RoleClient, ClientConfig>,
        backing: Backing,
        label: Arc<str>,
    ) -> Self {
        let info = service.peer_info();
        let revision = info.as_ref().map(|info| info.protocol_version.clone());
        let server = info.map(|info| ServerInfo::from(&*info));
        Self {
            peer: service.peer().clone(),
            // The SDK knows its peer once it has shaken hands.
            server: server.unwrap_or_default(),
            revision: revision.unwrap_or_default(),
            label,
            witness: backing.witness().clone(),
            open: Mutex::new(Some(Open { service, backing })),
        }
    }

    /// What the server said of itself.
    pub fn server(&self) -> &ServerInfo {
        &self.server
    }

    pub(crate) fn revision(&self) -> &ProtocolVersion {
        &self.revision
    }

    /// The tools that the server offers, all pages of them.
    ///
    /// # Errors
    ///
    /// As any call: see [`call_tool_raw`](Self::call_tool_raw).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the call.
    pub async fn list_tools(&self) -> Result<Vec<Tool>, Error> {
        let mut tools = Vec::new();
        let mut next = None;
        for _ in 0..MOST_PAGES {
            let page = self.told(self.peer()?.list_tools(page(next))).await?;
            tools.extend(page.tools.into_iter().map(Tool::from));
            next = page.next_cursor;
            if next.is_none() {
                return Ok(tools);
            }
        }
        Err(endless("tools"))
    }

    /// Calls a tool, and takes its own report of failure for an error.
    ///
    /// `arguments` is anything that serialises to a JSON object, or to `null` for none.
    ///
    /// # Errors
    ///
    /// `ToolFailed`, with what the tool said, if it reports that it failed.
    /// Otherwise as [`call_tool_raw`](Self::call_tool_raw).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the server.
    pub async fn call_tool(
        &self,
        name: &str,
        arguments: impl Serialize,
    ) -> Result<ToolResult, Error> {
        let result = self.call_tool_raw(name, arguments).await?;
        if result.is_error {
            let text = result.text();
            let text = text.trim();
            let message = if text.is_empty() {
                format!("tool `{name}` failed without saying why")
            } else {
                text.to_owned()
            };
            return Err(Error::new(ErrorKind::ToolFailed, message));
        }
        Ok(result)
    }

    /// Calls a tool, and takes its own report of failure for data
    /// ([`ToolResult::is_error`]).
    ///
    /// # Errors
    ///
    /// - `InvalidInput` if the arguments are not a JSON object,
    /// - `Rpc` if the server answers with an error, for instance that it knows no such tool,
    /// - `NotSent`, `Disconnected`, `SessionExpired` or `BadResponse` if the connection failed,
    /// - `Unsupported` if the server asks for input that this client cannot give.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the server.
    pub async fn call_tool_raw(
        &self,
        name: &str,
        arguments: impl Serialize,
    ) -> Result<ToolResult, Error> {
        let mut params = CallToolRequestParams::new(name.to_owned());
        params.arguments = to_object(name, arguments)?;
        match self.told(self.peer()?.call_tool_once(params)).await? {
            CallToolResponse::Complete(result) => Ok(ToolResult::from(result)),
            _ => Err(unsupported(name)),
        }
    }

    /// What the server offers to read, all pages of it.
    ///
    /// # Errors
    ///
    /// As any call: see [`call_tool_raw`](Self::call_tool_raw).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the call.
    pub async fn list_resources(&self) -> Result<Vec<Resource>, Error> {
        let mut resources = Vec::new();
        let mut next = None;
        for _ in 0..MOST_PAGES {
            let page = self.told(self.peer()?.list_resources(page(next))).await?;
            resources.extend(page.resources.into_iter().map(Resource::from));
            next = page.next_cursor;
            if next.is_none() {
                return Ok(resources);
            }
        }
        Err(endless("resources"))
    }

    /// Reads a resource.
    ///
    /// # Errors
    ///
    /// As any call: see [`call_tool_raw`](Self::call_tool_raw).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the server.
    pub async fn read_resource(&self, uri: &str) -> Result<Vec<ResourceContents>, Error> {
        let params = ReadResourceRequestParams::new(uri);
        match self.told(self.peer()?.read_resource_once(params)).await? {
            ReadResourceResponse::Complete(result) => Ok(result
                .contents
                .into_iter()
                .map(ResourceContents::from)
                .collect()),
            _ => Err(unsupported(uri)),
        }
    }

    /// The way to the server, unless it is known to be closed.
    fn peer(&self) -> Result<&Peer<RoleClient>, Error> {
        if self.is_open() {
            return Ok(&self.peer);
        }
        let message = format!("the connection to {} is closed", self.label);
        let error = Error::new(ErrorKind::NotSent, message);
        Err(self.witness.scrub(self.witness.add_to(error)))
    }

    /// What came of a call, in our words.
    async fn told<T>(
        &self,
        call: impl Future<Output = Result<T, ServiceError>>,
    ) -> Result<T, Error> {
        match call.await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.explain(failure::of_call(error)).await),
        }
    }

    #[cold]
    async fn explain(&self, error: Error) -> Error {
        let lost = matches!(error.kind(), ErrorKind::Disconnected | ErrorKind::NotSent);
        let error = match lost {
            true => self.witness.explain(error).await,
            false => error,
        };
        self.witness.scrub(error)
    }

    fn take_open(&self) -> Option<Open> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.take()
    }
}

impl Connection for Client {
    fn is_open(&self) -> bool {
        !self.peer.is_transport_closed()
    }

    fn is_stateless(&self) -> bool {
        !self.revision.has_initialize()
    }

    async fn ping(&self) -> Result<(), Error> {
        let ping = ClientRequest::PingRequest(PingRequest::default());
        match self.peer()?.send_request(ping).await {
            // A server that knows no ping (2026-07-28 has none) is alive all the same.
            Ok(_) | Err(ServiceError::McpError(_)) => Ok(()),
            Err(error) => Err(self.explain(failure::of_call(error)).await),
        }
    }

    async fn close(&self) -> Result<(), Error> {
        let Some(Open {
            mut service,
            backing,
        }) = self.take_open()
        else {
            return Ok(());
        };
        let label = Arc::clone(&self.label);
        // In a task of its own, so that it goes on if the caller gives up.
        let closing = tokio::spawn(async move {
            if let Err(error) = service.close().await {
                tracing::debug!(server = %label, %error, "the connection's task failed");
            }
            // Closes the pipes, which tells the peer to go.
            drop(service);
            backing.end().await
        });
        closing.await.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Closed, "closing was cut short").with_source(error))
        })
    }
}

fn page(cursor: Option<String>) -> Option<PaginatedRequestParams> {
    let mut params = PaginatedRequestParams::default();
    params.cursor = cursor;
    Some(params)
}

fn to_object(
    tool: &str,
    arguments: impl Serialize,
) -> Result<Option<serde_json::Map<String, Value>>, Error> {
    let wrong = |what: String| {
        let message = format!("the arguments of `{tool}` must be a JSON object, not {what}");
        Error::new(ErrorKind::InvalidInput, message)
    };
    match serde_json::to_value(arguments) {
        Ok(Value::Object(object)) => Ok(Some(object)),
        Ok(Value::Null) => Ok(None),
        Ok(value) => Err(wrong(value.to_string())),
        Err(error) => Err(wrong("something that JSON cannot hold".to_owned()).with_source(error)),
    }
}

fn endless(what: &str) -> Error {
    let message = format!("the server's list of {what} has more than {MOST_PAGES} pages");
    Error::new(ErrorKind::BadResponse, message)
}

fn unsupported(what: &str) -> Error {
    let message = format!("the server wants further input for `{what}`, which is not supported");
    Error::new(ErrorKind::Unsupported, message)
}
