//! Databases over MCP: one API over any number of sessions, direct or pooled.
//!
//! The plugin asks a database server that speaks MCP for its tables, their
//! columns, rows and resources. Each operation goes through an access: *direct*
//! opens a session, uses it and closes it; *pooled* takes one from a pool that is
//! guarded by a circuit breaker. Same calls, same answers; the pool saves the
//! handshake, which costs from 2 ms to 2 s.
//!
//! # What it promises
//!
//! - Values keep their types, to the digit: see [`Value`].
//! - Servers that others wrote are asked and understood in their own ways: see [`dialect`].
//! - Both modes give the same answers, and neither leaks a session or a process.
//! - Building a plugin opens nothing.
//! - Where the pool cannot be built, the plugin says so once and goes direct.
//!
//! # Example
//!
//! ```no_run
//! use std::time::Duration;
//! use mcp_domain::Target;
//! use mcp_plugin_db::{Access, DatabasePlugin};
//! use mcp_transport::ClientConnector;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), mcp_domain::Error> {
//! let server = ClientConnector::new(Target::command("mcp-db", ["serve"]))?;
//! let shop = DatabasePlugin::builder(server).access(Access::Pooled).build();
//!
//! for table in shop.tables().await? {
//!     println!("{}", table.name);
//! }
//! let cheap = shop.query("SELECT name FROM products WHERE weight_kg < ?", &[0.1.into()]).await?;
//! println!("{} light products", cheap.row_count);
//!
//! shop.close(Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```

mod access;
mod bind;
pub mod dialect;
mod listing;
mod operations;
mod pages;
mod plugin;
mod process;
mod reading;
mod rows;
mod scan;
mod schema;
mod session;
mod value;

pub use self::{
    access::{Access, FlagError},
    dialect::{Dialect, DialectChoice},
    pages::Pages,
    plugin::{DatabasePlugin, PluginBuilder, PluginStats, ServerFacts},
    process::POOL,
    rows::{ResultColumn, Row, Rows},
    schema::{Changes, Column, ForeignKey, Hit, Hits, Index, NotSearched, Table, TableName},
    session::{Session, SessionConnector},
    value::{Decimal, DecimalError, Json, Value},
};

/// The example of the project's README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// The example of the crate's README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct CrateReadme;
