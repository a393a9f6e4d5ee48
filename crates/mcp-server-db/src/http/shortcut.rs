//! The short way of a call: read, run and answered where it came in.
//!
//! The SDK reads a request into an intermediate form, makes it another one to look at its
//! headers, and hands it from task to task until it is run; its answer comes back the same
//! way. A call of a tool without a session needs none of that. Where it has the usual form,
//! it is run here, by the same handler; all else is left to the SDK.

use hyper::{
    StatusCode,
    header::{self, HeaderValue},
    http::request::Parts,
};
use rmcp::model::{RequestId, ServerJsonRpcMessage, ServerResult};
use tokio_util::sync::CancellationToken;

use super::{
    Response,
    form::{Call, Form},
    told,
};
use crate::{
    answer::Answer,
    handler::{Handler, refusal},
};

/// The short way to the tools.
pub(super) struct Shortcut {
    pub(super) handler: Handler,
    pub(super) form: Form,
    pub(super) ending: CancellationToken,
}

impl Shortcut {
    /// The call that a request is, if it may go this way.
    pub(super) fn takes<'a>(&self, head: &Parts, body: &'a [u8]) -> Option<Call<'a>> {
        self.form.call(head, body)
    }

    /// Runs a call. When the server ends, it is stopped.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future interrupts the statement.
    pub(super) async fn answer(&self, call: Call<'_>) -> Response {
        let Call {
            id,
            name,
            arguments,
        } = call;
        let result = Box::pin(self.handler.call(name, arguments));
        let Some(result) = self.ending.run_until_cancelled(result).await else {
            return told(StatusCode::INTERNAL_SERVER_ERROR, "the server ends");
        };
        let written = match result {
            Ok(answer) => written(&id, &answer),
            Err(error) => serde_json::to_vec(&match refusal(&error) {
                Ok(result) => {
                    ServerJsonRpcMessage::response(ServerResult::CallToolResult(result), id)
                }
                Err(error) => ServerJsonRpcMessage::error(error, Some(id)),
            }),
        };
        let Ok(written) = written else {
            let text = "the answer does not fit into JSON";
            return told(StatusCode::INTERNAL_SERVER_ERROR, text);
        };
        let mut response = told(StatusCode::OK, written);
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

/// What the SDK makes of an answer, which is written once: as text for those who know no
/// other, and as it is.
fn written(id: &RequestId, answer: &Answer) -> serde_json::Result<Vec<u8>> {
    let answer = serde_json::to_string(answer)?;
    let mut message = Vec::with_capacity(answer.len() * 5 / 2 + 256);
    message.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    serde_json::to_writer(&mut message, id)?;
    message.extend_from_slice(
        br#","result":{"resultType":"complete","content":[{"type":"text","text":"#,
    );
    serde_json::to_writer(&mut message, &answer)?;
    message.extend_from_slice(br#"}],"structuredContent":"#);
    message.extend_from_slice(answer.as_bytes());
    message.extend_from_slice(br#","isError":false}}"#);
    Ok(message)
}
