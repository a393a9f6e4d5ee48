//! A shop for the examples to call, in the same process. A real one is reached by a command
//! line or a URL instead: see `call.rs`.

use std::time::Duration;

use mcp_transport::ClientConnector;
use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt as _,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ElicitRequest,
        InputRequiredResult, JsonObject, ProgressNotificationParam, ServerCapabilities,
        ServerConfig, ServerRequest,
    },
    service::RequestContext,
};
use serde_json::json;
use tokio::time::sleep;

/// A connector to the shop.
pub(crate) fn shop() -> ClientConnector {
    ClientConnector::in_process(|stream| async {
        if let Ok(service) = Shop.serve(stream).await {
            let _ = service.waiting().await;
        }
    })
}

struct Shop;

impl ServerHandler for Shop {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        match &*request.name {
            "order" => Ok(order(&request.arguments.unwrap_or_default()).into()),
            "pack" => pack(&context).await,
            "deliver" => deliver(&request, &context).await,
            other => Err(ErrorData::invalid_params(format!("no tool {other}"), None)),
        }
    }
}

fn order(arguments: &JsonObject) -> CallToolResult {
    match arguments["item"].as_str() {
        Some("kettle") => {
            let pieces = arguments["pieces"].as_f64().unwrap_or_default();
            CallToolResult::structured(json!({ "total": 24.5 * pieces }))
        }
        _ => CallToolResult::error(vec![ContentBlock::text("there are only kettles")]),
    }
}

async fn pack(context: &RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
    for step in 1..=5 {
        tokio::select! {
            () = sleep(Duration::from_millis(100)) => {}
            () = context.ct.cancelled() => return Err(ErrorData::internal_error("cancelled", None)),
        }
        if let Some(token) = context.meta.get_progress_token() {
            let mut report = ProgressNotificationParam::new(token, f64::from(step));
            report.total = Some(5.0);
            // Nobody need listen.
            let _ = context.peer.notify_progress(report).await;
        }
    }
    Ok(CallToolResult::success(vec![ContentBlock::text("packed")]).into())
}

async fn deliver(
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let question = json!({ "method": "elicitation/create", "params": {
        "mode": "form",
        "message": "where to?",
        "requestedSchema": { "type": "object", "properties": {
            "street": { "type": "string" },
            "city": { "type": "string", "default": "Springfield" },
        }},
    }});
    let unlikely = |error: serde_json::Error| ErrorData::internal_error(error.to_string(), None);
    let by_answer = context
        .protocol_version()
        .is_some_and(|version| !version.has_initialize());
    let answer = match &request.input_responses {
        Some(responses) => responses["where"].clone(),
        None if by_answer => {
            let wanted = serde_json::from_value(question).map_err(unlikely)?;
            let wanted = [("where".to_owned(), wanted)].into();
            return Ok(InputRequiredResult::from_input_requests(wanted).into());
        }
        None => {
            let params = serde_json::from_value(question["params"].clone()).map_err(unlikely)?;
            let question = ServerRequest::ElicitRequest(ElicitRequest::new(params));
            let answer = context.peer.send_request(question).await;
            let answer = answer.map_err(|e| ErrorData::internal_error(e.to_string(), None))?;
            serde_json::to_value(answer).map_err(unlikely)?
        }
    };
    let part = |name: &str| answer["content"][name].as_str().unwrap_or("?").to_owned();
    let text = format!("delivered to {}, {}", part("street"), part("city"));
    Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
}
