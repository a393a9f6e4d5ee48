//! Our end of an open connection, as the SDK sees it: what answers the server.
#![expect(
    deprecated,
    reason = "deprecated with 2026-07-28, and all that earlier servers know"
)]

use std::sync::Arc;

use mcp_domain::{Error, ErrorKind};
use rmcp::{
    ClientHandler,
    model::{
        ClientCapabilities, ClientConfig, CreateMessageRequestMethod, CreateMessageRequestParams,
        CreateMessageResult, ElicitRequestParams, ElicitResult, ElicitationAction,
        ElicitationCapability, ElicitationCreateRequestMethod, ErrorData,
        FormElicitationCapability, Implementation, InputRequest, JsonObject, ListRootsResult,
        LoggingMessageNotificationParam, ProgressNotificationParam, ProtocolVersion,
        ResourceUpdatedNotificationParam, RootsCapabilities, SamplingCapability,
        TASKS_EXTENSION_ID, UrlElicitationCapability,
    },
    service::{NotificationContext, RequestContext, RoleClient},
};
use serde_json::Value;

use crate::{Change, Elicitation, Handlers, LogMessage};

mod deadlines;
mod progress;
mod subscribers;
mod transport;

pub(crate) use self::{
    deadlines::{Deadlines, Over},
    progress::{Hear, ProgressTable},
    subscribers::{Subscriber, Subscribers},
    transport::Watched,
};

/// Our end of an open connection.
#[derive(Debug)]
pub(crate) struct Host {
    handlers: Arc<Handlers>,
    pub(crate) progress: ProgressTable,
    pub(crate) subscribers: Subscribers,
    pub(crate) deadlines: Deadlines,
}

impl Host {
    pub(crate) fn new(handlers: Arc<Handlers>) -> Self {
        Self {
            progress: ProgressTable::new(handlers.progress.clone()),
            handlers,
            subscribers: Subscribers::default(),
            deadlines: Deadlines::new(),
        }
    }

    /// The connection has ended: nobody waits any longer for what came by it.
    pub(crate) fn end(&self) {
        self.subscribers.end();
        self.deadlines.end();
    }

    /// Answers what a server wants before it goes on with a call.
    pub(crate) async fn provide(&self, wanted: InputRequest) -> Result<Value, ErrorData> {
        let provided = match wanted {
            InputRequest::CreateMessage(request) => {
                serde_json::to_value(self.sample(request.params).await?)
            }
            InputRequest::Elicitation(_) if self.handlers.elicitation.is_none() => {
                return Err(ErrorData::method_not_found::<ElicitationCreateRequestMethod>());
            }
            InputRequest::Elicitation(request) => {
                serde_json::to_value(self.elicit(request.params).await?)
            }
            InputRequest::ListRoots(_) => serde_json::to_value(self.roots()),
            _ => return Err(ErrorData::invalid_params("no such input is known", None)),
        };
        provided.map_err(|error| ErrorData::internal_error(error.to_string(), None))
    }

    async fn sample(
        &self,
        params: CreateMessageRequestParams,
    ) -> Result<CreateMessageResult, ErrorData> {
        let Some(answer) = &self.handlers.sampling else {
            return Err(ErrorData::method_not_found::<CreateMessageRequestMethod>());
        };
        let reply = answer(params.into()).await.map_err(told)?;
        Ok(reply.into())
    }

    async fn elicit(&self, params: ElicitRequestParams) -> Result<ElicitResult, ErrorData> {
        let Some(answer) = &self.handlers.elicitation else {
            return Ok(ElicitResult::new(ElicitationAction::Decline));
        };
        let question = Elicitation::try_from(params)?;
        let reply = answer(question.clone()).await.map_err(told)?;
        Ok(question.answered(reply))
    }

    fn roots(&self) -> ListRootsResult {
        let roots = self.handlers.roots.iter().flat_map(|roots| &**roots);
        ListRootsResult::new(roots.map(Into::into).collect())
    }

    fn changed(&self, change: Change) {
        self.subscribers.tell(&change);
        if let Some(hear) = &self.handlers.change {
            hear(change);
        }
    }

    /// Only what is set is offered.
    fn capabilities(&self) -> ClientCapabilities {
        let mut capabilities = ClientCapabilities::default();
        capabilities.elicitation = self.handlers.elicitation.as_ref().map(|_| {
            ElicitationCapability::new()
                .with_form(FormElicitationCapability::default())
                .with_url(UrlElicitationCapability::default())
        });
        let sampling = self.handlers.sampling.as_ref();
        capabilities.sampling = sampling.map(|_| SamplingCapability::default());
        let roots = self.handlers.roots.as_ref();
        capabilities.roots = roots.map(|_| RootsCapabilities::default());
        if self.handlers.tasks {
            let tasks = (TASKS_EXTENSION_ID.to_owned(), JsonObject::new());
            capabilities.extensions = Some([tasks].into());
        }
        capabilities
    }
}

/// What a server is told of an error of ours: its text, and no causes.
fn told(error: Error) -> ErrorData {
    match error.kind() {
        ErrorKind::InvalidInput => ErrorData::invalid_params(error.to_string(), None),
        _ => ErrorData::internal_error(error.to_string(), None),
    }
}

impl ClientHandler for Host {
    fn get_info(&self) -> ClientConfig {
        let name = Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        let mut config = ClientConfig::new(self.capabilities(), name);
        // The newest revision that has a handshake: some servers refuse others.
        config.protocol_version = ProtocolVersion::LATEST_WITH_INITIALIZE;
        config
    }

    async fn create_message(
        &self,
        params: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        self.sample(params).await
    }

    async fn create_elicitation(
        &self,
        params: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        self.elicit(params).await
    }

    async fn list_roots(
        &self,
        _: RequestContext<RoleClient>,
    ) -> Result<ListRootsResult, ErrorData> {
        Ok(self.roots())
    }

    async fn on_progress(
        &self,
        params: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.progress.hear(params);
    }

    async fn on_logging_message(
        &self,
        params: LoggingMessageNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        let message = LogMessage::from(params);
        match &self.handlers.log {
            Some(hear) => hear(message),
            None => tracing::debug!(
                level = %message.level,
                logger = message.logger.as_deref(),
                data = %message.data,
                "the server logs"
            ),
        }
    }

    async fn on_resource_updated(
        &self,
        params: ResourceUpdatedNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.changed(Change::Resource(params.uri));
    }

    async fn on_resource_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed(Change::Resources);
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed(Change::Tools);
    }

    async fn on_prompt_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed(Change::Prompts);
    }
}
