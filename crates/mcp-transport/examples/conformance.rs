//! What the official conformance suite drives: `cargo xtask conformance client`.
//!
//! The suite starts a server that looks at everything, then this program with the
//! server's URL as its last argument. `MCP_CONFORMANCE_SCENARIO` says what is tested.

use std::{env, error::Error, process::ExitCode};

use mcp_domain::{Connection as _, Connector as _, Scope, Target};
use mcp_transport::{Client, ClientConnector, Lifecycle, Tool};
use serde_json::{Value, json};

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the suite keeps what is said")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
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
    let connector = ClientConnector::new(Target::http(url))?.with_lifecycle(lifecycle);
    let client = connector.connect(&Scope::default()).await?;
    converse(&client, &context).await?;
    client.close().await?;
    Ok(())
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
        client.call_tool(&tool.name, arguments(tool)).await?;
    }
    if client.server().has_resources {
        for resource in client.list_resources().await? {
            client.read_resource(&resource.uri).await?;
        }
    }
    Ok(())
}

/// Something for every argument that the tool wants.
fn arguments(tool: &Tool) -> Value {
    let schema = &tool.input_schema;
    // The suite wants to see that a schema survives being read.
    if tool.name == "json_schema_echo" {
        return json!({ "schema": schema });
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
