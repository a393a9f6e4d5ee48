//! Reaches a server by whatever one would write for it, and calls a tool.
//!
//! ```sh
//! cargo run -p mcp-transport --example call -- 'mcp-db serve' list_tables
//! cargo run -p mcp-transport --example call -- https://host/mcp add '{"a": 40, "b": 2}'
//! cargo run -p mcp-transport --example call -- ./server.py
//! ```

#![expect(clippy::print_stdout, reason = "it is what an example is for")]

use std::{env, error::Error};

use mcp_domain::Connection as _;
use mcp_transport::Client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let server = args.next().ok_or("say which server: a URL or a command")?;
    let client = Client::connect(server).await?;
    let about = client.server();
    println!("{} {} speaks {}", about.name, about.version, about.revision);
    match args.next() {
        None => {
            for tool in client.list_tools().await? {
                println!("- {}", tool.name);
            }
        }
        Some(tool) => {
            let arguments = args.next().unwrap_or_else(|| "{}".to_owned());
            let arguments: serde_json::Value = serde_json::from_str(&arguments)?;
            println!("{}", client.call_tool(&tool, arguments).await?.text());
        }
    }
    client.close().await?;
    Ok(())
}
