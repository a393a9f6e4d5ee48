//! Requests of a server to a model.
#![expect(
    deprecated,
    reason = "deprecated with 2026-07-28, and all that earlier servers know"
)]

use rmcp::model as wire;
use serde_json::Value;

use crate::{Content, Message};

/// A request of a server to a model of ours.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SamplingRequest {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// What the model is to be told before it.
    pub system_prompt: Option<String>,
    /// The answer may have this many tokens.
    pub max_tokens: u32,
    /// How random the answer may be.
    pub temperature: Option<f32>,
    /// Where the answer ends.
    pub stop_sequences: Vec<String>,
    /// Which model would be best, as it came: hints and priorities.
    pub preferences: Option<Value>,
}

impl From<wire::CreateMessageRequestParams> for SamplingRequest {
    fn from(params: wire::CreateMessageRequestParams) -> Self {
        let preferences = params.model_preferences.as_ref();
        Self {
            preferences: preferences.and_then(|known| serde_json::to_value(known).ok()),
            messages: params.messages.into_iter().map(Message::from).collect(),
            system_prompt: params.system_prompt,
            max_tokens: params.max_tokens,
            temperature: params.temperature,
            stop_sequences: params.stop_sequences.unwrap_or_default(),
        }
    }
}

impl From<wire::SamplingMessage> for Message {
    fn from(message: wire::SamplingMessage) -> Self {
        let blocks = message.content.into_vec().into_iter();
        Self {
            role: message.role.into(),
            content: blocks.map(Content::from).collect(),
        }
    }
}

impl From<wire::SamplingMessageContentBlock> for Content {
    fn from(block: wire::SamplingMessageContentBlock) -> Self {
        use wire::SamplingMessageContentBlock as Block;
        match block {
            Block::Audio(audio) => wire::ContentBlock::Audio(audio).into(),
            Block::Image(image) => wire::ContentBlock::Image(image).into(),
            Block::Text(text) => wire::ContentBlock::Text(text).into(),
            other => Self::Other(serde_json::to_value(other).unwrap_or_default()),
        }
    }
}

/// What a model answers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SamplingReply {
    /// Which model it was.
    pub model: String,
    /// What it says.
    pub text: String,
    /// Why it stopped, such as `endTurn` or `maxTokens`.
    pub stop_reason: String,
}

impl SamplingReply {
    /// What a model says that has come to its end.
    pub fn new(model: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            text: text.into(),
            stop_reason: wire::CreateMessageResult::STOP_REASON_END_TURN.to_owned(),
        }
    }

    /// Why it stopped, if not because it had said all: such as `maxTokens`.
    #[must_use]
    pub fn with_stop_reason(mut self, reason: impl Into<String>) -> Self {
        self.stop_reason = reason.into();
        self
    }
}

impl From<SamplingReply> for wire::CreateMessageResult {
    fn from(reply: SamplingReply) -> Self {
        let message = wire::SamplingMessage::assistant_text(reply.text);
        let mut result = Self::new(message, reply.model);
        result.stop_reason = Some(reply.stop_reason);
        result
    }
}
