//! MCP's side of the server: requests in, answers out.

use std::sync::{Arc, OnceLock};

use mcp_domain::{Error, ErrorKind};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams,
        CompleteResult, ContentBlock, Implementation, InitializeRequestParams, InitializeResult,
        JsonObject, ListPromptsRequestMethod, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams,
        ReadResourceResponse, ReadResourceResult, Reference, ServerCapabilities, ServerConfig,
        SubscriptionFilter, Tool,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};

use crate::{
    answer::Answer, changes::Changes, engine::Engine, hangup::Hangup, resources, sessions::Place,
    tools,
};

const INSTRUCTIONS: &str = "A database. Begin with `list_tables` and \
    `describe_table`; ask with `query`, values as bound parameters; find text with `search`. \
    An answer with `truncated: true` was cut: narrow the query, or ask the same again with \
    its `next_cursor`.";

/// How long what cannot change may be remembered, by everybody: tools and templates
/// are the same as long as this process runs, and seldom others in the next one.
const STAYS_MS: u64 = 300_000;

/// How long the list of resources may be remembered: we may know of every change, and
/// tell, but other programs can make tables, too. What a user waits for without being told.
const LISTED_MS: u64 = 30_000;

/// One client's view of the server. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Handler {
    database: Arc<Engine>,
    /// What the database can be asked, put together when somebody wants to know.
    tools: Arc<OnceLock<Vec<Tool>>>,
    changes: Arc<Changes>,
    /// Of a client over a stream of its own; over HTTP, the SDK tells.
    hangup: Hangup,
    /// Over HTTP: what a session has to take.
    place: Option<Place>,
}

impl Handler {
    pub(crate) fn new(database: Arc<Engine>) -> Self {
        Self {
            database,
            tools: Arc::default(),
            changes: Arc::default(),
            hangup: Hangup::default(),
            place: None,
        }
    }

    /// The same for a client whose session takes this place.
    pub(crate) fn at(&self, place: Place) -> Self {
        Self {
            place: Some(place),
            ..self.clone()
        }
    }

    /// The same for a client that can hang up.
    pub(crate) fn until(&self, hangup: Hangup) -> Self {
        Self {
            hangup,
            ..self.clone()
        }
    }

    fn tools(&self) -> &[Tool] {
        self.tools.get_or_init(|| tools::list(&self.database))
    }

    /// Calls a tool; tells everybody if the list of tables is another one afterwards.
    pub(crate) async fn call(&self, name: &str, arguments: JsonObject) -> Result<Answer, Error> {
        if name != tools::EXECUTE {
            return tools::call(&self.database, name, arguments).await;
        }
        let before = self.database.tables().await?;
        let answer = tools::call(&self.database, name, arguments).await?;
        // What was written is written, whatever becomes of this.
        if let Ok(after) = self.database.tables().await
            && after != before
        {
            self.changes.tell();
        }
        Ok(answer)
    }

    /// Waits until no statement of a call that was dropped runs any more, but not for long.
    pub(crate) async fn settle(&self) {
        self.database.settle().await;
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let mut capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_completions()
            .build();
        if let Some(resources) = &mut capabilities.resources {
            // Without writes, nothing changes that we would know of.
            resources.list_changed = self.database.allows_writes().then_some(true);
        }
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new(
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
            ))
            .with_instructions(INSTRUCTIONS)
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        if let Some(place) = &self.place {
            place.take(&context.extensions)?;
        }
        context.peer.set_peer_info(request.clone());
        self.negotiate_initialize(&request)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools().to_vec())
            .with_ttl_ms(STAYS_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        // In a box, here and below: the SDK moves the future of a request several times,
        // and has room in it for the largest of each kind.
        let call = Box::pin(self.call(&request.name, arguments));
        let result = tokio::select! {
            result = call => result,
            // Dropping the call interrupts its statement.
            () = context.ct.cancelled() => Err(Error::new(ErrorKind::Closed, "cancelled")),
            () = self.hangup.noticed() => Err(Error::new(ErrorKind::Closed, "nobody is there")),
        };
        match result {
            Ok(answer) => Ok(structured(&answer)?.into()),
            Err(error) => Ok(refusal(&error)?.into()),
        }
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let cursor = request.and_then(|request| request.cursor);
        let page = Box::pin(resources::list(&self.database, cursor.as_deref())).await;
        let (page, next) = page.map_err(|error| invalid(&error))?;
        let mut result = ListResourcesResult::with_all_items(page)
            .with_ttl_ms(LISTED_MS)
            .with_cache_scope(CacheScope::Public);
        result.next_cursor = next;
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = resources::templates();
        Ok(ListResourceTemplatesResult::with_all_items(templates)
            .with_ttl_ms(STAYS_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        match Box::pin(resources::read(&self.database, &request.uri)).await {
            Ok(contents) => Ok(ReadResourceResult::new(vec![contents]).into()),
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                let data = serde_json::json!({ "uri": request.uri });
                Err(ErrorData::resource_not_found(error.to_string(), Some(data)))
            }
            Err(error) => Err(ErrorData::internal_error(error.to_string(), None)),
        }
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.changes.join(context.peer);
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        self.database.allows_writes().then(|| requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.changes.listen(context).await
    }

    /// The SDK would answer with an empty list, as if there could be one.
    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListPromptsRequestMethod>())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let Reference::Resource(template) = request.r#ref else {
            return Err(ErrorData::invalid_params(
                "this server has no prompts",
                None,
            ));
        };
        let argument = request.argument;
        Box::pin(resources::complete(
            &self.database,
            &template.uri,
            &argument.name,
            &argument.value,
        ))
        .await
        .map(CompleteResult::new)
        .map_err(|error| invalid(&error))
    }
}

/// An answer as the SDK tells it, and as text for those who know no other.
fn structured(answer: &Answer) -> Result<CallToolResult, ErrorData> {
    let misfit = |error: serde_json::Error| ErrorData::internal_error(error.to_string(), None);
    let text = serde_json::to_string(answer).map_err(misfit)?;
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(serde_json::to_value(answer).map_err(misfit)?);
    Ok(result)
}

/// What a caller is told of a tool that failed: a result where the database said no, an
/// error where the call was none.
pub(crate) fn refusal(error: &Error) -> Result<CallToolResult, ErrorData> {
    if error.kind() == ErrorKind::InvalidInput {
        return Err(invalid(error));
    }
    let text = ContentBlock::text(error.to_string());
    Ok(CallToolResult::error(vec![text]))
}

fn invalid(error: &Error) -> ErrorData {
    ErrorData::invalid_params(error.chain(), None)
}
