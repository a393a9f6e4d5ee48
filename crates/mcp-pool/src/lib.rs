//! A connection pool for MCP: open a session with a server once, and let every
//! caller share it safely.
//!
//! The pool knows neither MCP nor what trips a circuit breaker: it holds whatever
//! a [`Connector`](mcp_domain::Connector) opens, and asks whatever
//! [`CircuitBreaker`](mcp_domain::CircuitBreaker) it is given.
//!
//! # What it promises
//!
//! - Nobody waits for a connect while an open connection has room, and whoever
//!   waits takes what comes first: a connection given back or one just opened.
//! - Never more than `max_connections` per server and scope, nor `max_total` over
//!   all, counting those that are opening and closing.
//! - Where all places are taken, what is idle makes way, the least recently used first;
//!   and who has no connection at all gets a turn beside those who always use theirs.
//! - Callers share a connection only where the server keeps no state per connection,
//!   and only where that pays: a server that runs the calls of one connection one
//!   after another is found out.
//! - A caller who gives up, at any point, loses no connection and harms nobody.
//! - A connection that failed is never handed out again, and one failure casts
//!   doubt on the idle ones: they are checked first.
//! - A call on an open connection allocates nothing and costs some 50 ns more than
//!   bare deadpool's checkout.
//! - One deadline bounds waiting, connecting, repeating and calling together.
//!
//! # Example
//!
//! ```
//! # use mcp_domain::{Connection, Connector, Error, Scope};
//! # struct Echo;
//! # impl Connection for Echo {
//! #     fn is_open(&self) -> bool { true }
//! #     async fn ping(&self) -> Result<(), Error> { Ok(()) }
//! #     async fn close(&self) -> Result<(), Error> { Ok(()) }
//! # }
//! # impl Echo { async fn say(&self, text: &str) -> Result<String, Error> { Ok(text.to_owned()) } }
//! # struct EchoConnector;
//! # impl Connector for EchoConnector {
//! #     type Connection = Echo;
//! #     async fn connect(&self, _: &Scope) -> Result<Echo, Error> { Ok(Echo) }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use mcp_domain::Operation;
//! use mcp_pool::{Pool, Settings};
//!
//! const SAY: Operation = Operation::new("say").repeatable();
//!
//! let pool = Pool::new(Settings::builder().max_connections(4).build()?);
//! let echo = pool.server("echo", EchoConnector).add();
//!
//! let text = String::from("hello");
//! let said = &text; // borrowed, because a call may be made more than once
//! let answer = echo.run(SAY, |connection| async move { connection.say(said).await }).await?;
//! assert_eq!(answer, "hello");
//!
//! let report = pool.close(Duration::from_secs(5)).await;
//! assert_eq!(report.abandoned, 0);
//! # Ok(())
//! # }
//! ```

// What its users see, and how it is set.
mod configuration;
mod global;
mod lease;
mod pool;
mod server;
mod settings;
mod sticky;
mod warm_up;

// A call, from the outside in: `run` is the place to begin reading.
mod backoff;
mod deadline;
mod run;
mod under_way;
mod verdict;

// The connections of one server and scope: `keyed` has the checkout, `growth` decides when to
// open more, `store` keeps what is idle, `held` is one connection and the place that it takes up.
mod checking;
mod growth;
mod held;
mod keyed;
mod manager;
mod opening;
mod sharing;
mod store;

// All servers and scopes of a pool, and the limit over them.
mod limit;
mod registry;
mod residents;
mod sweep;
mod upkeep;

// What is told of it all.
mod counters;
mod histogram;
mod leak;
#[cfg(feature = "metrics")]
mod meters;
mod timings;
mod told;

#[cfg(feature = "config")]
pub use self::configuration::ConfigurationBuilder;
pub use self::{
    configuration::Configuration,
    global::{GlobalPool, Replaced},
    growth::Sharing,
    lease::Lease,
    pool::{CloseReport, Pool},
    server::{Server, ServerBuilder},
    settings::{Setting, Settings, SettingsBuilder, SettingsError},
    sticky::{Continuity, Sticky},
    warm_up::{WarmUpReport, WarmedUp},
};
