//! Tools: list them, call them.

use mcp_domain::{Error, ErrorKind};
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, ListToolsRequest, ServerResult,
};
use serde::de::DeserializeOwned;

use super::{Call, Client, IntoArguments, lists::page, read};
use crate::{Tool, ToolResult};

impl Client {
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
        let request =
            |cursor| ClientRequest::ListToolsRequest(ListToolsRequest::with_param(page(cursor)));
        let read = |answer| match answer {
            ServerResult::ListToolsResult(page) => {
                Some((page.tools, page.next_cursor, page.ttl_ms))
            }
            _ => None,
        };
        Ok(self.list("tools", request, read).await?.items)
    }

    /// Calls a tool, and takes its own report of failure for an error.
    ///
    /// `arguments` is anything that serialises to a JSON object, or to `null` for none;
    /// [`Arguments`](crate::Arguments) are not copied.
    /// [`typed`](Call::typed) reads the answer into a type of yours.
    ///
    /// # Errors
    ///
    /// `ToolFailed`, with what the tool said, if it reports that it failed.
    /// Otherwise as [`call_tool_raw`](Self::call_tool_raw).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the server.
    pub fn call_tool<'c>(
        &'c self,
        name: &'c str,
        arguments: impl IntoArguments,
    ) -> Call<'c, ToolResult> {
        self.call_tool_raw(name, arguments).reading(strict)
    }

    /// Calls a tool, and takes its own report of failure for data
    /// ([`ToolResult::is_error`]).
    ///
    /// # Errors
    ///
    /// - `InvalidInput` if the arguments are not a JSON object,
    /// - `Rpc` if the server answers with an error, for instance that it knows no such tool,
    /// - `CallTimeout` if the answer does not come in time,
    /// - `NotSent`, `Disconnected`, `SessionExpired` or `BadResponse` if the connection failed;
    ///   once the server has made a task of the call, or wants further input for it, it may
    ///   have run: `Disconnected`,
    /// - `Unsupported` if the server asks for input that there is no
    ///   [handler](crate::Handlers) for.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the server.
    pub fn call_tool_raw<'c>(
        &'c self,
        name: &'c str,
        arguments: impl IntoArguments,
    ) -> Call<'c, ToolResult> {
        let request = arguments.into_object(name).map(|arguments| {
            let mut params = CallToolRequestParams::new(name.to_owned());
            params.arguments = arguments;
            ClientRequest::CallToolRequest(CallToolRequest::new(params))
        });
        Call::new(self, name, request, raw)
    }
}

impl<'c> Call<'c, ToolResult> {
    /// Reads the answer into a type of yours, as [`ToolResult::parse`] does.
    ///
    /// A tool that reports that it failed is an error then, however it was called.
    pub fn typed<T: DeserializeOwned>(self) -> Call<'c, T> {
        self.reading(|name, answer| strict(name, answer)?.parse())
    }
}

/// A failure is data.
fn raw(name: &str, answer: ServerResult) -> Result<ToolResult, Error> {
    match answer {
        ServerResult::CallToolResult(result) => Ok(ToolResult::from(result)),
        ServerResult::CustomResult(result) => {
            ToolResult::tolerant(result.0).ok_or_else(|| read::unfit(name))
        }
        _ => Err(read::unfit(name)),
    }
}

/// A failure is an error.
fn strict(name: &str, answer: ServerResult) -> Result<ToolResult, Error> {
    let result = raw(name, answer)?;
    if !result.is_error {
        return Ok(result);
    }
    let text = result.text();
    let text = text.trim();
    let message = if text.is_empty() {
        format!("tool `{name}` failed without saying why")
    } else {
        text.to_owned()
    };
    Err(Error::new(ErrorKind::ToolFailed, message))
}
