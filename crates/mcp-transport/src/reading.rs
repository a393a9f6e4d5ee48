//! What a message of a server says, however it came.
//!
//! The SDK finds out by trial what each answer is, which takes a quarter of the instructions
//! of a call that is answered at once; here what nearly all of them are, answers of tools, is
//! tried first. And what it would pass over, an answer that fits nothing, is an error of the
//! request that it answers.

use rmcp::{
    RoleClient,
    model::{
        CallToolResult, ContentBlock, ErrorData, JsonRpcMessage, JsonRpcVersion2_0, MetaObject,
        RequestId, ResultType, ServerResult,
    },
    service::RxJsonRpcMessage,
};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::failure;

/// The message in this text, if there is one.
pub(crate) fn understand(text: &[u8]) -> Option<RxJsonRpcMessage<RoleClient>> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return None;
    }
    if let Ok(answer) = serde_json::from_slice::<ToolAnswer>(text)
        && let Some(result) = answer.result.whole()
    {
        return Some(JsonRpcMessage::response(result, answer.id));
    }
    match serde_json::from_slice(text) {
        Ok(message) => Some(message),
        Err(error) => {
            // Not the text: it may tell anything.
            tracing::debug!(%error, "the server sent what is no message");
            let unfit: Unfit = serde_json::from_slice(text).ok()?;
            unfit.error()
        }
    }
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
