//! Prompts, the messages they are made of, and completions.

use rmcp::model as wire;
use serde::Serialize;

use super::Content;

/// A prompt that a server offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Prompt {
    /// Its name, for [`Client::get_prompt`](crate::Client::get_prompt).
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it has to be given.
    pub arguments: Vec<PromptArgument>,
}

impl From<wire::Prompt> for Prompt {
    fn from(prompt: wire::Prompt) -> Self {
        let arguments = prompt.arguments.unwrap_or_default().into_iter();
        Self {
            name: prompt.name,
            description: prompt.description,
            arguments: arguments.map(PromptArgument::from).collect(),
        }
    }
}

/// What a prompt has to be given: always a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PromptArgument {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// Does the prompt need it?
    pub required: bool,
}

impl From<wire::PromptArgument> for PromptArgument {
    fn from(argument: wire::PromptArgument) -> Self {
        Self {
            name: argument.name,
            description: argument.description,
            required: argument.required.unwrap_or(false),
        }
    }
}

/// A prompt, ready for a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PromptAnswer {
    /// What it is for.
    pub description: Option<String>,
    /// What the model is to be told.
    pub messages: Vec<Message>,
}

impl From<wire::GetPromptResult> for PromptAnswer {
    fn from(result: wire::GetPromptResult) -> Self {
        let messages = result.messages.into_iter();
        Self {
            description: result.description,
            messages: messages.map(Message::from).collect(),
        }
    }
}

/// A part of a conversation with a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: Vec<Content>,
}

impl From<wire::PromptMessage> for Message {
    fn from(message: wire::PromptMessage) -> Self {
        Self {
            role: message.role.into(),
            content: vec![message.content.into()],
        }
    }
}

/// Who says something in a conversation with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The model.
    Assistant,
    /// Whoever talks to it.
    User,
}

impl From<wire::Role> for Role {
    fn from(role: wire::Role) -> Self {
        match role {
            wire::Role::Assistant => Self::Assistant,
            wire::Role::User => Self::User,
        }
    }
}

/// What an argument could be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Completions {
    /// The likeliest, at most 100.
    pub values: Vec<String>,
    /// How many there are, if the server has counted them.
    pub total: Option<u32>,
    /// There are more than these.
    pub has_more: bool,
}

impl From<wire::CompleteResult> for Completions {
    fn from(result: wire::CompleteResult) -> Self {
        let found = result.completion;
        Self {
            has_more: found.has_more.unwrap_or(false),
            total: found.total,
            values: found.values,
        }
    }
}
