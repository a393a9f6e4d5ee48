//! Prompts, and completions of what they and resource templates have to be given.

use std::collections::HashMap;

use mcp_domain::Error;
use rmcp::model::{
    ArgumentInfo, ClientRequest, CompleteRequest, CompleteRequestParams, CompletionContext,
    GetPromptRequest, GetPromptRequestParams, ListPromptsRequest, Reference, ServerResult,
};

use super::{Call, Client, IntoArguments, lists::page, read};
use crate::{Completions, Prompt, PromptAnswer};

impl Client {
    /// The prompts that the server offers, all pages of them.
    ///
    /// # Errors
    ///
    /// As any call: see [`call_tool_raw`](Self::call_tool_raw).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the call.
    pub async fn list_prompts(&self) -> Result<Vec<Prompt>, Error> {
        let request = |cursor| {
            ClientRequest::ListPromptsRequest(ListPromptsRequest::with_param(page(cursor)))
        };
        let read = |answer| match answer {
            ServerResult::ListPromptsResult(page) => {
                Some((page.prompts, page.next_cursor, page.ttl_ms))
            }
            _ => None,
        };
        Ok(self.list("prompts", request, read).await?.items)
    }

    /// A prompt, with these arguments put in.
    ///
    /// `arguments` is anything that serialises to a JSON object of texts, or to `null` for
    /// none.
    ///
    /// # Errors
    ///
    /// As any call: see [`call_tool_raw`](Self::call_tool_raw).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the server.
    pub fn get_prompt<'c>(
        &'c self,
        name: &'c str,
        arguments: impl IntoArguments,
    ) -> Call<'c, PromptAnswer> {
        let request = arguments.into_object(name).map(|arguments| {
            let mut params = GetPromptRequestParams::new(name);
            params.arguments = arguments;
            ClientRequest::GetPromptRequest(GetPromptRequest::new(params))
        });
        Call::new(self, name, request, |name, answer| match answer {
            ServerResult::GetPromptResult(result) => Ok(result.into()),
            _ => Err(read::unfit(name)),
        })
    }

    /// What an argument could be, of which a part is known.
    ///
    /// # Errors
    ///
    /// As any call: see [`call_tool_raw`](Self::call_tool_raw).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the server.
    pub fn complete<'c>(&'c self, unfinished: &'c Unfinished) -> Call<'c, Completions> {
        let argument = ArgumentInfo::new(&unfinished.argument, &unfinished.value);
        let mut params = CompleteRequestParams::new(unfinished.of.clone(), argument);
        if !unfinished.given.is_empty() {
            params.context = Some(CompletionContext::with_arguments(unfinished.given.clone()));
        }
        let request = ClientRequest::CompleteRequest(CompleteRequest::new(params));
        Call::new(
            self,
            &unfinished.argument,
            Ok(request),
            |name, answer| match answer {
                ServerResult::CompleteResult(result) => Ok(result.into()),
                _ => Err(read::unfit(name)),
            },
        )
    }
}

/// An argument that is to be [completed](Client::complete).
///
/// ```
/// use mcp_transport::Unfinished;
///
/// let framework = Unfinished::of_prompt("review", "framework", "fl").given("language", "python");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Unfinished {
    of: Reference,
    argument: String,
    value: String,
    given: HashMap<String, String>,
}

impl Unfinished {
    /// An argument of a prompt, and what is known of its value.
    pub fn of_prompt(
        prompt: impl Into<String>,
        argument: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        Self::new(Reference::for_prompt(prompt), argument, value)
    }

    /// A variable of a resource template, and what is known of its value.
    pub fn of_resource(
        uri_template: impl Into<String>,
        variable: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        Self::new(Reference::for_resource(uri_template), variable, value)
    }

    /// Another argument, which is known already.
    #[must_use]
    pub fn given(mut self, argument: impl Into<String>, value: impl Into<String>) -> Self {
        self.given.insert(argument.into(), value.into());
        self
    }

    fn new(of: Reference, argument: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            of,
            argument: argument.into(),
            value: value.into(),
            given: HashMap::new(),
        }
    }
}
