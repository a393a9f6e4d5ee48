//! A server that uses all of the protocol: it asks, tells, completes, and takes its time.
#![expect(
    deprecated,
    reason = "deprecated with 2026-07-28, and all that earlier servers know"
)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_domain::{Connector as _, Scope};
use mcp_transport::{Client, ClientConnector, Handlers, Lifecycle};
use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt as _,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams,
        CompleteRequestParams, CompleteResult, ContentBlock, CreateTaskResult, DetailedTask,
        ElicitRequest, GetPromptRequestParams, GetPromptResponse, GetTaskParams, GetTaskResult,
        InputRequiredResult, JsonObject, ListPromptsResult, ListResourceTemplatesResult,
        LoggingLevel, LoggingMessageNotificationParam, PaginatedRequestParams,
        ProgressNotificationParam, ResourceListChangedNotification, ResourceUpdatedNotification,
        ResourceUpdatedNotificationParam, ServerCapabilities, ServerConfig, ServerNotification,
        ServerRequest, SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter,
        TASKS_EXTENSION_ID, ToolListChangedNotification, UnsubscribeRequestParams,
        UpdateTaskParams,
    },
    service::{RequestContext, SubscriptionContext, SubscriptionSink},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::{sync::Notify, time::sleep};

/// What the server has seen, for tests to look at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Showcase {
    pub(crate) seen: Arc<Seen>,
    sinks: Arc<Mutex<Vec<SubscriptionSink>>>,
    task: Arc<Mutex<Option<Value>>>,
    polls: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) cancelled: Notify,
    pub(crate) task_cancelled: Notify,
    /// `+uri` and `-uri`, in the order of the requests.
    pub(crate) subscriptions: Mutex<Vec<String>>,
    /// Of the last call.
    pub(crate) meta: Mutex<Value>,
}

impl Showcase {
    /// A connection to it, of either kind.
    pub(crate) async fn connect(&self, lifecycle: Lifecycle, handlers: Handlers) -> Client {
        let connector = self.connector(lifecycle).with_handlers(handlers);
        connector.connect(&Scope::default()).await.unwrap()
    }

    pub(crate) fn connector(&self, lifecycle: Lifecycle) -> ClientConnector {
        let server = self.clone();
        let connector = ClientConnector::in_process(move |stream| {
            let server = server.clone();
            async move {
                if let Ok(service) = server.serve(stream).await {
                    let _ = service.waiting().await;
                }
            }
        });
        connector.with_lifecycle(lifecycle)
    }

    /// Asks the client something, in the way of its revision.
    async fn ask(
        &self,
        request: &CallToolRequestParams,
        context: &RequestContext<RoleServer>,
        wanted: Value,
    ) -> Result<CallToolResponse, ErrorData> {
        let modern = context
            .protocol_version()
            .is_some_and(|v| !v.has_initialize());
        if modern {
            let Some(responses) = &request.input_responses else {
                let requests = [("only".to_owned(), read(wanted))].into();
                let wanted = InputRequiredResult::new(Some(requests), Some("state".to_owned()));
                return Ok(wanted.into());
            };
            assert_eq!(request.request_state.as_deref(), Some("state"));
            return Ok(CallToolResult::structured(responses["only"].clone()).into());
        }
        let failed = |error: rmcp::ServiceError| ErrorData::internal_error(error.to_string(), None);
        let answer = match wanted["method"].as_str().unwrap() {
            "elicitation/create" => {
                let request = ServerRequest::ElicitRequest(ElicitRequest::new(read(
                    wanted["params"].clone(),
                )));
                json!(context.peer.send_request(request).await.map_err(failed)?)
            }
            "sampling/createMessage" => {
                let params = read(wanted["params"].clone());
                json!(context.peer.create_message(params).await.map_err(failed)?)
            }
            _ => json!(context.peer.list_roots().await.map_err(failed)?),
        };
        Ok(CallToolResult::structured(answer).into())
    }

    /// Everything that can change, changes.
    async fn touch(&self, context: &RequestContext<RoleServer>) {
        let updated = ResourceUpdatedNotificationParam::new("test://watched");
        let sinks = self.sinks.lock().unwrap().clone();
        for sink in sinks {
            let tools = ToolListChangedNotification::default();
            let resources = ResourceListChangedNotification::default();
            let update = ResourceUpdatedNotification::new(updated.clone());
            // What was not asked for, the sink refuses.
            let _ = sink
                .send(ServerNotification::ToolListChangedNotification(tools))
                .await;
            let _ = sink
                .send(ServerNotification::ResourceListChangedNotification(
                    resources,
                ))
                .await;
            let _ = sink
                .send(ServerNotification::ResourceUpdatedNotification(update))
                .await;
        }
        if context
            .protocol_version()
            .is_none_or(|v| v.has_initialize())
        {
            context.peer.notify_tool_list_changed().await.unwrap();
            context.peer.notify_resource_list_changed().await.unwrap();
            context.peer.notify_resource_updated(updated).await.unwrap();
        }
    }

    /// Reports ten steps, a second apart.
    async fn steps(&self, context: &RequestContext<RoleServer>) {
        let token = context.meta.get_progress_token().unwrap();
        for step in 1..=10 {
            let mut report = ProgressNotificationParam::new(token.clone(), f64::from(step));
            report.total = Some(10.0);
            context.peer.notify_progress(report).await.unwrap();
            sleep(Duration::from_secs(1)).await;
        }
    }

    fn task(&self) -> Value {
        json!({
            "taskId": "1", "status": "working", "ttlMs": null, "pollIntervalMs": 20,
            "createdAt": "2026-01-01T00:00:00Z", "lastUpdatedAt": "2026-01-01T00:00:00Z",
        })
    }
}

/// What JSON says, in the types of the SDK.
fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

pub(crate) fn form() -> Value {
    json!({ "method": "elicitation/create", "params": {
        "mode": "form",
        "message": "who are you?",
        "requestedSchema": { "type": "object", "properties": {
            "name": { "type": "string" },
            "age": { "type": "integer", "default": 30 },
        }},
    }})
}

fn conversation() -> Value {
    json!({ "method": "sampling/createMessage", "params": {
        "messages": [{ "role": "user", "content": { "type": "text", "text": "six times seven?" }}],
        "systemPrompt": "be brief",
        "maxTokens": 9,
    }})
}

impl ServerHandler for Showcase {
    fn get_info(&self) -> ServerConfig {
        let mut capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_prompts()
            .enable_completions()
            .enable_logging()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_resources_subscribe()
            .build();
        let tasks = (TASKS_EXTENSION_ID.to_owned(), JsonObject::new());
        capabilities.extensions = Some([tasks].into());
        ServerConfig::new(capabilities)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        *self.seen.meta.lock().unwrap() = json!(context.meta);
        let done = CallToolResult::success(vec![ContentBlock::text("done")]);
        match &*request.name {
            "ask_user" => return self.ask(&request, &context, form()).await,
            "ask_model" => return self.ask(&request, &context, conversation()).await,
            "ask_roots" => {
                let wanted = json!({ "method": "roots/list" });
                return self.ask(&request, &context, wanted).await;
            }
            "ask_for_ever" => {
                let wanted = InputRequiredResult::from_request_state("again");
                return Ok(wanted.into());
            }
            "wrapped" => return Ok(CallToolResult::structured(json!({ "result": 42 })).into()),
            "hang" => {
                context.ct.cancelled().await;
                self.seen.cancelled.notify_one();
                return Err(ErrorData::internal_error("cancelled", None));
            }
            "log" => {
                for level in [LoggingLevel::Debug, LoggingLevel::Error] {
                    let message = LoggingMessageNotificationParam::new(level, json!("a message"));
                    context.peer.notify_logging_message(message).await.unwrap();
                }
            }
            "steps" => self.steps(&context).await,
            "touch" => self.touch(&context).await,
            "long" => {
                *self.task.lock().unwrap() = request.arguments.map(Value::Object);
                return Ok(CreateTaskResult::new(read(self.task())).into());
            }
            _ => {}
        }
        Ok(done.into())
    }

    async fn get_task(
        &self,
        _: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let mut task = self.task();
        match self.polls.fetch_add(1, Ordering::Relaxed) {
            0 => {}
            1 => {
                task["status"] = json!("input_required");
                task["inputRequests"] = json!({ "only": form() });
            }
            _ => {
                let kept = self.task.lock().unwrap().clone().unwrap();
                if kept == json!({ "endless": true }) {
                    // Works on.
                } else if kept == json!({ "fails": true }) {
                    task["status"] = json!("failed");
                    task["error"] = json!({ "code": -32001, "message": "out of luck" });
                } else {
                    task["status"] = json!("completed");
                    task["result"] = json!({ "content": [], "structuredContent": kept });
                }
            }
        }
        Ok(GetTaskResult::new(read::<DetailedTask>(task)))
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let mut task = self.task.lock().unwrap();
        if task.as_ref().is_some_and(|task| task.get("asks").is_some()) {
            *task = Some(request.input_responses["only"].clone());
        }
        Ok(())
    }

    async fn cancel_task(
        &self,
        _: CancelTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.seen.task_cancelled.notify_one();
        Ok(())
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        // Two pages.
        Ok(match request.and_then(|request| request.cursor) {
            None => read(json!({ "nextCursor": "2", "prompts": [{
                "name": "greet",
                "description": "greets",
                "arguments": [{ "name": "whom", "required": true }],
            }]})),
            Some(_) => read(json!({ "prompts": [{ "name": "leave" }] })),
        })
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let whom = request.arguments.unwrap_or_default()["whom"].clone();
        let answer: rmcp::model::GetPromptResult = read(
            json!({ "description": "a greeting", "messages": [
                { "role": "user", "content": { "type": "text", "text": format!("greet {}", whom.as_str().unwrap()) }},
                { "role": "assistant", "content": { "type": "image", "data": "AAAA", "mimeType": "image/png" }},
            ]}),
        );
        Ok(answer.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let given = request
            .context
            .and_then(|context| context.arguments)
            .unwrap_or_default();
        let value = format!("{}{}", request.argument.value, given.len());
        let of = serde_json::to_value(&request.r#ref).unwrap();
        let of = of
            .get("name")
            .or_else(|| of.get("uri"))
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned();
        Ok(read(
            json!({ "completion": { "values": [value, of], "total": 7, "hasMore": true }}),
        ))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(read(json!({ "resourceTemplates": [{
            "uriTemplate": "test://{id}", "name": "things", "mimeType": "text/plain",
        }]})))
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let level = serde_json::to_value(request.level).unwrap();
        self.seen
            .subscriptions
            .lock()
            .unwrap()
            .push(format!("level {level}"));
        Ok(())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let mut seen = self.seen.subscriptions.lock().unwrap();
        seen.push(format!("+{}", request.uri));
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let mut seen = self.seen.subscriptions.lock().unwrap();
        seen.push(format!("-{}", request.uri));
        Ok(())
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.sinks.lock().unwrap().push(context.sink().clone());
        context.cancelled().await;
        self.seen.cancelled.notify_one();
        Ok(())
    }
}
