//! Reads the `mcpServers` file of an agent or editor, and asks each server for its tools.
//!
//! ```sh
//! cargo run -p mcp-transport --example servers_file -- ~/.cursor/mcp.json
//! ```

#![expect(clippy::print_stdout, reason = "it is what an example is for")]

use std::{env, error::Error};

use mcp_domain::Connection as _;
use mcp_transport::{Client, ClientConnector, ServersFile};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("say which file")?;
    let file = ServersFile::read(path)?;
    for name in file.names() {
        // One that is wrong or down does not stand in the way of the others.
        match tools(&file, name).await {
            Ok(tools) => println!("{name}: {}", tools.join(", ")),
            Err(error) => println!("{name}: {}", error.chain()),
        }
    }
    Ok(())
}

async fn tools(file: &ServersFile, name: &str) -> Result<Vec<String>, mcp_domain::Error> {
    let connector = ClientConnector::new(file.target(name)?)?.with_name(name);
    let client = Client::connect(connector).await?;
    let tools = client.list_tools().await?;
    client.close().await?;
    Ok(tools.into_iter().map(|tool| tool.name).collect())
}
