//! The example of the README: a database over MCP, pooled.
//!
//! `cargo run -p mcp-plugin-db --example shop` (builds `mcp-db` first: `cargo build -p mcp-plugin-db`).

use std::{env, error::Error, io::Write as _, time::Duration};

use mcp_domain::Target;
use mcp_plugin_db::{Access, DatabasePlugin};
use mcp_transport::ClientConnector;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Any MCP server that speaks the dialect of `mcp-db`; here it serves its sample.
    let program = env::args()
        .nth(1)
        .unwrap_or_else(|| "target/debug/mcp-db".to_owned());
    let server = ClientConnector::new(Target::command(program, ["serve"]))?;
    let shop = DatabasePlugin::builder(server)
        .access(Access::Pooled)
        .build();

    let sql = "SELECT name, price FROM products WHERE name LIKE ? LIMIT 3";
    let oak = shop.query(sql, &["Oak%".into()]).await?; // opens a session
    let found = shop.search("sturdy kettle", None, 3).await?; // uses the same one
    let mut output = std::io::stdout();
    writeln!(
        output,
        "{:?}\n{:?}\n{:?}",
        oak.rows,
        found.hits,
        shop.stats().pool
    )?;

    shop.close(Duration::from_secs(5)).await;
    Ok(())
}
