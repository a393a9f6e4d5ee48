//! What servers say of themselves and answer, in our own types.
//!
//! Only what a caller needs, so that a new release of the SDK changes nothing for
//! users of this crate.

use rmcp::model as wire;
use serde::{Deserialize as _, Serialize, de::DeserializeOwned};
use serde_json::Value;

use mcp_domain::{Error, ErrorKind};

mod events;
mod prompt;

pub use self::{
    events::{LogLevel, LogMessage, Progress},
    prompt::{Completions, Message, Prompt, PromptAnswer, PromptArgument, Role},
};

/// What a server said of itself when the connection was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ServerInfo {
    /// Its name; empty if it gave none.
    pub name: String,
    /// Its version; empty if it gave none.
    pub version: String,
    /// The protocol revision that was agreed on, such as `2025-11-25`.
    pub revision: String,
    /// How it wants to be used, for the model's eyes.
    pub instructions: Option<String>,
    /// Does it complete the arguments of prompts and resource templates?
    pub has_completions: bool,
    /// Does it tell of changes of its lists: of tools, or of resources?
    pub has_list_changes: bool,
    /// Does it send log messages?
    pub has_logging: bool,
    /// Does it offer prompts?
    pub has_prompts: bool,
    /// Does it offer resources?
    pub has_resources: bool,
    /// Does it tell of changes of a resource to those who subscribe?
    pub has_resource_updates: bool,
    /// Does it offer tools?
    pub has_tools: bool,
}

impl From<&wire::ServerPeerInfo> for ServerInfo {
    fn from(info: &wire::ServerPeerInfo) -> Self {
        let server = info.server_info.clone();
        let offered = &info.capabilities;
        let resources = offered.resources.as_ref();
        let tools = offered.tools.as_ref();
        let (name, version) = server.map_or_else(Default::default, |s| (s.name, s.version));
        Self {
            name,
            version,
            revision: info.protocol_version.as_str().to_owned(),
            instructions: info.instructions.clone(),
            has_completions: offered.completions.is_some(),
            has_list_changes: tools.is_some_and(|t| t.list_changed == Some(true))
                || resources.is_some_and(|r| r.list_changed == Some(true)),
            has_logging: offered.logging.is_some(),
            has_prompts: offered.prompts.is_some(),
            has_resources: resources.is_some(),
            has_resource_updates: resources.is_some_and(|r| r.subscribe == Some(true)),
            has_tools: tools.is_some(),
        }
    }
}

/// A tool that a server offers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Tool {
    /// Its name, for [`Client::call_tool`](crate::Client::call_tool).
    pub name: String,
    /// What it does, for the model's eyes.
    pub description: Option<String>,
    /// The JSON Schema of its arguments.
    pub input_schema: Value,
    /// The JSON Schema of its structured result, if it declares one.
    pub output_schema: Option<Value>,
    /// The server claims that it changes nothing.
    pub read_only: bool,
    /// The server claims that calling it twice does no more than calling it once.
    pub idempotent: bool,
}

impl From<wire::Tool> for Tool {
    fn from(tool: wire::Tool) -> Self {
        let hints = tool.annotations.unwrap_or_default();
        Self {
            name: tool.name.into_owned(),
            description: tool.description.map(Into::into),
            input_schema: Value::Object((*tool.input_schema).clone()),
            output_schema: tool.output_schema.map(|s| Value::Object((*s).clone())),
            read_only: hints.read_only_hint.unwrap_or(false),
            idempotent: hints.idempotent_hint.unwrap_or(false),
        }
    }
}

/// What a tool answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ToolResult {
    /// The answer as blocks of content.
    pub content: Vec<Content>,
    /// The answer as data, if the tool gives it.
    pub structured: Option<Value>,
    /// Does the tool say that it failed?
    pub is_error: bool,
}

impl ToolResult {
    /// All text of the answer, blocks separated by line feeds.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for block in &self.content {
            if let Content::Text(block) = block {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(block);
            }
        }
        text
    }

    /// The answer as a value of yours: from its structured form, else from its text read as JSON.
    ///
    /// A structured answer must be an object, so that many servers put what is none
    /// into one with the single field `result`: it is looked for there, too.
    ///
    /// # Errors
    ///
    /// `BadResponse` if the answer has another shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let parsed = match &self.structured {
            Some(value) => T::deserialize(value).or_else(|error| match unwrapped(value) {
                Some(result) => T::deserialize(result),
                None => Err(error),
            }),
            None => serde_json::from_str(&self.text()),
        };
        parsed.map_err(|error| {
            let wanted = std::any::type_name::<T>();
            let message = format!("the tool's answer is not a `{wanted}`");
            Error::new(ErrorKind::BadResponse, message).with_source(error)
        })
    }
}

impl ToolResult {
    /// Reads what is nearly an answer: some servers leave out parts of a block.
    pub(crate) fn tolerant(mut answer: Value) -> Option<Self> {
        let Value::Array(blocks) = answer.get_mut("content")?.take() else {
            return None;
        };
        let blocks = blocks.into_iter().map(|block| {
            let known = wire::ContentBlock::deserialize(&block);
            known.map_or(Content::Other(block), Content::from)
        });
        Some(Self {
            content: blocks.collect(),
            structured: answer.get_mut("structuredContent").map(Value::take),
            is_error: answer["isError"] == true,
        })
    }
}

impl From<wire::CallToolResult> for ToolResult {
    fn from(result: wire::CallToolResult) -> Self {
        Self {
            content: result.content.into_iter().map(Content::from).collect(),
            structured: result.structured_content,
            is_error: result.is_error.unwrap_or(false),
        }
    }
}

/// One block of an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Content {
    /// Sound, as base64.
    Audio {
        /// The bytes, as base64.
        data: String,
        /// Such as `audio/wav`.
        mime_type: String,
    },
    /// A picture, as base64.
    Image {
        /// The bytes, as base64.
        data: String,
        /// Such as `image/png`.
        mime_type: String,
    },
    /// A resource, by its address.
    Link(Resource),
    /// A kind of block that this version does not know, as it came.
    Other(Value),
    /// A resource, with its contents.
    Resource(ResourceContents),
    /// Text.
    Text(String),
}

impl From<wire::ContentBlock> for Content {
    fn from(block: wire::ContentBlock) -> Self {
        match block {
            wire::ContentBlock::Audio(audio) => Self::Audio {
                data: audio.data,
                mime_type: audio.mime_type,
            },
            wire::ContentBlock::Image(image) => Self::Image {
                data: image.data,
                mime_type: image.mime_type,
            },
            wire::ContentBlock::Resource(embedded) => Self::Resource(embedded.resource.into()),
            wire::ContentBlock::ResourceLink(resource) => Self::Link(resource.into()),
            wire::ContentBlock::Text(text) => Self::Text(text.text),
            other => Self::Other(as_it_came(&other)),
        }
    }
}

/// Something that a server offers to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Resource {
    /// Its address, for [`Client::read_resource`](crate::Client::read_resource).
    pub uri: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// Such as `text/csv`.
    pub mime_type: Option<String>,
    /// Its size in bytes, if known.
    pub size: Option<u64>,
}

impl From<wire::Resource> for Resource {
    fn from(resource: wire::Resource) -> Self {
        Self {
            uri: resource.uri,
            name: resource.name,
            description: resource.description,
            mime_type: resource.mime_type,
            size: resource.size,
        }
    }
}

/// A family of resources, whose addresses follow a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResourceTemplate {
    /// The template (RFC 6570), such as `file:///{path}`.
    pub uri_template: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// Such as `text/csv`, if it is the same for all.
    pub mime_type: Option<String>,
}

impl From<wire::ResourceTemplate> for ResourceTemplate {
    fn from(template: wire::ResourceTemplate) -> Self {
        Self {
            uri_template: template.uri_template,
            name: template.name,
            description: template.description,
            mime_type: template.mime_type,
        }
    }
}

/// What a resource holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum ResourceContents {
    /// Bytes, as base64.
    Blob {
        /// The address that was read.
        uri: String,
        /// Such as `image/png`.
        mime_type: Option<String>,
        /// The bytes, as base64.
        data: String,
    },
    /// A kind of contents that this version does not know, as it came.
    Other(Value),
    /// Text.
    Text {
        /// The address that was read.
        uri: String,
        /// Such as `text/csv`.
        mime_type: Option<String>,
        /// The text.
        text: String,
    },
}

impl From<wire::ResourceContents> for ResourceContents {
    fn from(contents: wire::ResourceContents) -> Self {
        match contents {
            wire::ResourceContents::TextResourceContents {
                uri,
                mime_type,
                text,
                ..
            } => Self::Text {
                uri,
                mime_type,
                text,
            },
            wire::ResourceContents::BlobResourceContents {
                uri,
                mime_type,
                blob,
                ..
            } => Self::Blob {
                uri,
                mime_type,
                data: blob,
            },
            other => Self::Other(as_it_came(&other)),
        }
    }
}

/// What is in an object with the single field `result`.
fn unwrapped(value: &Value) -> Option<&Value> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.get("result")
}

fn as_it_came(block: &impl Serialize) -> Value {
    serde_json::to_value(block).unwrap_or_default()
}
