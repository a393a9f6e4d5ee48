//! An MCP server in front of a database: read-only, bounded, typed.
//!
//! One server, three ways to reach it: standard input and output, Streamable HTTP,
//! and any byte stream (a server in the same process). It speaks every revision
//! of the protocol from 2024-11-05 to 2026-07-28.
//!
//! | tool | what it does |
//! | --- | --- |
//! | `list_schemas` | schemas that hold tables |
//! | `list_tables` | tables and views |
//! | `describe_table` | columns, keys, indexes, approximate size of one table |
//! | `query` | one read-only statement, with bound parameters |
//! | `explain` | how the database would run a statement |
//! | `search` | ranked search in text columns |
//!
//! Every table is a pair of resources, too: `db://tables/NAME/schema` (JSON) and
//! `db://tables/NAME/rows` (CSV; `rows.md` is Markdown). Names are completed.
//!
//! # What it promises
//!
//! - **Nothing is ever written.** The database engine enforces it, not a look at the SQL.
//! - **Nothing is unbounded.** Rows, bytes and time have limits; a result that was
//!   cut says so, and holds a cursor to go on with.
//! - **A call that is cancelled stops its statement** in the database.
//! - **Values keep their types**: integers to 64 bits, decimals as they are stored,
//!   bytes as `{"$blob": "<base64>"}`, NULL.
//!
//! # Example
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), mcp_domain::Error> {
//! use mcp_server_db::{DatabaseServer, Limits, sample};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path();
//! let path = sample::ensure(folder)?; // or the path of a database of yours
//! let server = DatabaseServer::open_sqlite(&path, Limits::default())?;
//!
//! let (ours, theirs) = tokio::io::duplex(4096);
//! let serving = tokio::spawn(server.serve_stream(theirs));
//! // … speak MCP over `ours` …
//! drop(ours);
//! serving.await.expect("the server does not panic");
//! # Ok(())
//! # }
//! ```

mod answer;
mod cursor;
mod engine;
mod handler;
mod limits;
mod resources;
pub mod sample;
mod server;
mod sqlite;
mod tools;

pub use self::{limits::Limits, server::DatabaseServer};
