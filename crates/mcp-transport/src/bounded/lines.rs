//! The channel of lines between us and a peer: a process, a socket, a server in this process.
//!
//! The SDK's own would pass over a line that is too long, and over an answer that fits
//! nothing, and the call that waits for it would wait for its deadline. And it finds out by
//! trial what each answer is, which takes a quarter of the instructions of a call that is
//! answered at once; here what nearly all of them are, answers of tools, is tried first.

use std::{collections::VecDeque, io, sync::atomic::Ordering};

use memchr::memchr;
use rmcp::{
    RoleClient,
    model::{
        CallToolResult, ContentBlock, ErrorData, JsonRpcMessage, JsonRpcVersion2_0, MetaObject,
        RequestId, ResultType, ServerResult,
    },
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::{Transport, async_rw::AsyncRwTransport},
};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader, Empty};

use super::{ALL_CALLS, Limit};
use crate::failure;

/// Room for a line that is kept for the next one.
const KEPT: usize = 64 * 1024;

/// The channel of lines between us and a peer.
pub(crate) struct Lines<R, W: AsyncWrite> {
    output: BufReader<R>,
    /// What has come of a line.
    line: Vec<u8>,
    /// What else came in the last line: revision 2025-03-26 has batches.
    batch: VecDeque<RxJsonRpcMessage<RoleClient>>,
    limit: Limit,
    /// What writes lines.
    input: AsyncRwTransport<RoleClient, Empty, W>,
}

impl<R, W> Lines<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    pub(super) fn new(output: R, input: W, limit: Limit) -> Self {
        Self {
            output: BufReader::new(output),
            line: Vec::new(),
            batch: VecDeque::new(),
            limit,
            input: AsyncRwTransport::new(tokio::io::empty(), input),
        }
    }

    /// Reads on to the end of a line; false if there is none any more. The last line ends
    /// where all ends.
    ///
    /// If the future is dropped, what has come stays.
    async fn read_line(&mut self) -> io::Result<bool> {
        loop {
            let read = self.output.fill_buf().await?;
            if read.is_empty() {
                return Ok(!self.line.is_empty());
            }
            let end = memchr(b'\n', read);
            let piece = &read[..end.unwrap_or(read.len())];
            if self.line.len() + piece.len() > self.limit.bytes {
                self.limit.overrun.store(ALL_CALLS, Ordering::Relaxed);
                let message = format!("a line is longer than {} bytes", self.limit.bytes);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            self.line.extend_from_slice(piece);
            let used = piece.len() + usize::from(end.is_some());
            self.output.consume(used);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

impl<R, W> Transport<RoleClient> for Lines<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        self.input.send(message)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            if let Some(message) = self.batch.pop_front() {
                return Some(message);
            }
            match self.read_line().await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    tracing::debug!(%error, "the server cannot be heard any more");
                    return None;
                }
            }
            let message = understand(&self.line);
            if message.is_none() {
                self.batch = batch(&self.line);
            }
            self.line.clear();
            self.line.shrink_to(KEPT);
            if message.is_some() {
                return message;
            }
        }
    }

    fn close(&mut self) -> impl Future<Output = io::Result<()>> + Send {
        self.input.close()
    }
}

/// The message in a line, if there is one.
fn understand(line: &[u8]) -> Option<RxJsonRpcMessage<RoleClient>> {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    if line.trim_ascii().is_empty() {
        return None;
    }
    if let Ok(answer) = serde_json::from_slice::<ToolAnswer>(line)
        && let Some(result) = answer.result.whole()
    {
        return Some(JsonRpcMessage::response(result, answer.id));
    }
    match serde_json::from_slice(line) {
        Ok(message) => Some(message),
        Err(error) => {
            // Not the line: it may tell anything.
            tracing::debug!(%error, "the server sent a line that is no message");
            let unfit: Unfit = serde_json::from_slice(line).ok()?;
            unfit.error()
        }
    }
}

/// The messages in a line that is a list of them.
fn batch(line: &[u8]) -> VecDeque<RxJsonRpcMessage<RoleClient>> {
    let messages: Vec<Value> = serde_json::from_slice(line).unwrap_or_default();
    let understood = |message: &Value| understand(message.to_string().as_bytes());
    messages.iter().filter_map(understood).collect()
}

/// An answer that has nothing but what the answer of a tool has: the SDK, too, takes it for
/// one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToolAnswer {
    #[serde(rename = "jsonrpc")]
    _version: JsonRpcVersion2_0,
    id: RequestId,
    result: ToolAnswerResult,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ToolAnswerResult {
    content: Vec<ContentBlock>,
    is_error: Option<bool>,
    #[serde(rename = "_meta")]
    meta: Option<MetaObject>,
    result_type: Option<ResultType>,
    #[serde(default, deserialize_with = "present")]
    structured_content: Option<Value>,
}

/// `null` is a value, too.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

impl ToolAnswerResult {
    /// The answer, unless the server wants something first.
    fn whole(self) -> Option<ServerResult> {
        let is_whole = self
            .result_type
            .as_ref()
            .is_none_or(ResultType::is_complete);
        let mut result = CallToolResult::success(self.content);
        result.is_error = self.is_error;
        result.meta = self.meta;
        result.result_type = self.result_type;
        result.structured_content = self.structured_content;
        is_whole.then_some(ServerResult::CallToolResult(result))
    }
}

/// What answers a request of ours, and is no answer by the protocol.
#[derive(Deserialize)]
struct Unfit {
    id: RequestId,
    method: Option<serde::de::IgnoredAny>,
    error: Option<Value>,
}

impl Unfit {
    /// What the call that it answers fails of.
    fn error(self) -> Option<RxJsonRpcMessage<RoleClient>> {
        if self.method.is_some() {
            return None;
        }
        let said = match &self.error {
            Some(Value::String(said)) => Some(said.as_str()),
            Some(error) => error["message"].as_str(),
            None => None,
        };
        let said = said
            .unwrap_or("it is neither a result nor an error")
            .to_owned();
        let error = ErrorData::new(failure::UNFIT, said, None);
        Some(JsonRpcMessage::error(error, Some(self.id)))
    }
}

#[cfg(test)]
mod tests;
