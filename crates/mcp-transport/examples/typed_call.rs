//! Calls a tool with arguments and an answer in types of one's own.
//!
//! ```sh
//! cargo run -p mcp-transport --example typed_call
//! ```

#![expect(clippy::print_stdout, reason = "it is what an example is for")]

use std::{error::Error, time::Duration};

use mcp_domain::{Connection as _, Connector as _, ErrorKind, Scope};
use mcp_transport::Client;
use serde::{Deserialize, Serialize};

mod support;

/// What the tool wants.
#[derive(Serialize)]
struct Order {
    item: &'static str,
    pieces: u32,
}

/// What it answers.
#[derive(Deserialize)]
struct Receipt {
    total: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // In your program: `Client::connect("some-server --flag").await?`, or a URL.
    let client: Client = support::shop().connect(&Scope::default()).await?;

    let order = Order {
        item: "kettle",
        pieces: 3,
    };
    let receipt: Receipt = client
        .call_tool("order", &order)
        .timeout(Duration::from_secs(5))
        .typed()
        .await?;
    println!("{} {}s cost {:.2}", order.pieces, order.item, receipt.total);

    // A tool's own report of failure is an error, or data for those who want to see it.
    let none = Order {
        item: "unicorn",
        pieces: 1,
    };
    let error = client.call_tool("order", &none).await.err();
    assert!(error.is_some_and(|error| error.kind() == ErrorKind::ToolFailed));
    let answer = client.call_tool_raw("order", &none).await?;
    println!("failed: {}, because {}", answer.is_error, answer.text());

    client.close().await?;
    Ok(())
}
