//! What the official conformance suite drives: `cargo xtask conformance client`.
//!
//! The suite starts a server that looks at everything, then this program with the
//! server's URL as its last argument. `MCP_CONFORMANCE_SCENARIO` says what is tested.

use std::{collections::BTreeMap, env, error::Error, process::ExitCode};

use mcp_domain::{Connection as _, Connector as _, ErrorKind, Scope, Target};
use mcp_transport::{
    Client, ClientConnector, ElicitationReply, Handlers, Lifecycle, OAuth, Root, SamplingReply,
    Tool,
};
use serde_json::{Value, json};

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the suite keeps what is said")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut line = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                line.push_str(&format!(": {error}"));
                cause = error.source();
            }
            eprintln!("{line}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let url = env::args().next_back().ok_or("no URL was given")?;
    let context = match env::var("MCP_CONFORMANCE_CONTEXT") {
        Ok(context) => serde_json::from_str(&context)?,
        Err(_) => Value::Null,
    };
    let lifecycle = match env::var("MCP_CONFORMANCE_PROTOCOL_VERSION").as_deref() {
        Ok("2026-07-28") => Lifecycle::Discover,
        _ => Lifecycle::Initialize,
    };
    let handlers = Handlers::new()
        .on_elicitation(|question| async move { Ok(ElicitationReply::Accept(question.defaults())) })
        .on_sampling(|_| async { Ok(SamplingReply::new("none", "nothing to say")) })
        .with_roots([Root::new("file:///nowhere")]);
    let connector = ClientConnector::new(Target::http(url.as_str()))?
        .with_lifecycle(lifecycle)
        .with_handlers(handlers)
        .with_identity(oauth(url, &context));
    let client = connector.connect(&Scope::default()).await?;
    converse(&client, &context).await?;
    client.close().await?;
    Ok(())
}

/// Tokens, in whichever way the scenario gives them.
fn oauth(url: String, context: &Value) -> OAuth {
    let id = context["client_id"].as_str();
    let secret = context["client_secret"].as_str();
    let scenario = env::var("MCP_CONFORMANCE_SCENARIO").unwrap_or_default();
    if let (Some(id), Some(secret)) = (id, secret)
        && scenario.starts_with("auth/client-credentials")
    {
        return OAuth::for_program(url, id, secret);
    }
    let oauth = OAuth::for_user(url, "http://localhost:3000/callback", visit)
        .with_client_metadata_url("https://conformance-test.local/client-metadata.json");
    match id {
        Some(id) => oauth.with_client(id, secret.unwrap_or_default()),
        None => oauth,
    }
}

/// A browser whose user agrees to everything: all that counts is where it is led to.
async fn visit(page: String) -> Result<String, mcp_domain::Error> {
    let failed = |error: reqwest::Error| {
        let message = "the page cannot be visited";
        mcp_domain::Error::new(ErrorKind::Unauthorized, message).with_source(error)
    };
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let browser = browser.build().map_err(failed)?;
    let answer = browser.get(page).send().await.map_err(failed)?;
    let led_to = answer
        .headers()
        .get("location")
        .and_then(|to| to.to_str().ok());
    led_to.map(str::to_owned).ok_or_else(|| {
        let message = "the page leads nowhere";
        mcp_domain::Error::new(ErrorKind::Unauthorized, message)
    })
}

/// Does what a host would do: calls what it is told to, else everything there is.
async fn converse(client: &Client, context: &Value) -> Result<(), Box<dyn Error>> {
    let tools = client.list_tools().await?;
    if let Some(calls) = context["toolCalls"].as_array() {
        for call in calls {
            let name = call["name"].as_str().ok_or("a call without a name")?;
            client.call_tool(name, &call["arguments"]).await?;
        }
        return Ok(());
    }
    for tool in &tools {
        client
            .call_tool(&tool.name, arguments(tool, &tools))
            .await?;
    }
    if client.server().has_resources {
        for resource in client.list_resources().await? {
            client.read_resource(&resource.uri).await?;
        }
    }
    if client.server().has_prompts {
        for prompt in client.list_prompts().await? {
            let arguments = prompt
                .arguments
                .iter()
                .map(|known| (&known.name, "something"));
            let arguments: BTreeMap<_, _> = arguments.collect();
            client.get_prompt(&prompt.name, arguments).await?;
        }
    }
    Ok(())
}

/// Something for every argument that the tool wants.
fn arguments(tool: &Tool, all: &[Tool]) -> Value {
    let schema = &tool.input_schema;
    // The suite wants to see that the schema of the other tool survives being read.
    if tool.name == "json_schema_echo" {
        let other = all.iter().find(|other| other.name != tool.name);
        return json!({ "schema": other.map(|other| &other.input_schema) });
    }
    let required = schema["required"].as_array().into_iter().flatten();
    let arguments = required.filter_map(Value::as_str).map(|name| {
        let value = match schema["properties"][name]["type"].as_str() {
            Some("array") => json!([]),
            Some("boolean") => json!(true),
            Some("integer" | "number") => json!(1),
            Some("object") => json!({}),
            _ => json!("something"),
        };
        (name.to_owned(), value)
    });
    Value::Object(arguments.collect())
}
