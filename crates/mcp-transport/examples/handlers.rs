//! Answers a server that asks the user, and hears what it logs and what changes.
//!
//! ```sh
//! cargo run -p mcp-transport --example handlers
//! ```

#![expect(clippy::print_stdout, reason = "it is what an example is for")]

use std::error::Error;

use mcp_domain::{Connection as _, Connector as _, Scope};
use mcp_transport::{ElicitationReply, Handlers, Lifecycle};
use serde_json::json;

mod support;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let handlers = Handlers::new()
        .on_elicitation(|question| async move {
            println!("the server asks: {}", question.message());
            // What is left out has the default that the server proposes.
            Ok(ElicitationReply::Accept(json!({ "street": "Main Street" })))
        })
        .on_log(|message| println!("the server logs: {}", message.data))
        .on_change(|change| println!("changed: {change:?}"));

    // A server asks by requests of its own, or by its answer: it makes no difference here.
    for lifecycle in [Lifecycle::Initialize, Lifecycle::Discover] {
        let shop = support::shop().with_lifecycle(lifecycle);
        let client = shop
            .with_handlers(handlers.clone())
            .connect(&Scope::default())
            .await?;
        let delivered = client.call_tool("deliver", ()).await?;
        println!("{}: {}", client.server().revision, delivered.text());
        client.close().await?;
    }
    Ok(())
}
