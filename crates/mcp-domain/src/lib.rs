//! The words that the layers of an MCP connection pool share.
//!
//! This crate is for you if you write one of the parts: a client that the pool
//! can hold ([`Connector`], [`Connection`]), a circuit breaker that it can ask
//! ([`CircuitBreaker`]), or a tool that reads its errors and statistics. It does
//! no I/O, reads no clock and knows no runtime, so that it can sit below
//! everything else.
//!
//! | module | what it knows |
//! | --- | --- |
//! | [`error`] | what went wrong, whose fault it is, and whether to try again |
//! | [`connection`] | the port between a client and the pool |
//! | [`breaker`] | the port between a circuit breaker and the pool |
//! | [`operation`] | a call's policy: how long, and may it be repeated |
//! | [`scope`] | whom a session belongs to |
//! | [`target`] | how a server is reached |
//! | [`stats`] | the figures a pool reports |
//!
//! # Example
//!
//! One classification answers all questions that a layer may have of a failure:
//!
//! ```
//! use mcp_domain::{Error, ErrorKind, Outcome, Retry};
//!
//! let lost = Error::new(ErrorKind::Disconnected, "server `shop` closed the connection");
//! assert_eq!(lost.kind().retry(), Retry::IfRepeatable); // it may have run before it was lost
//! assert_eq!(lost.outcome(), Outcome::failure());       // and the breaker should hear of it
//!
//! let refused = Error::new(ErrorKind::ToolFailed, "no such table: custmers");
//! assert_eq!(refused.kind().retry(), Retry::Never);     // the server answered: asking again won't help
//! assert_eq!(refused.outcome(), Outcome::Success);      // and it is in good health
//! ```

pub mod breaker;
pub mod connection;
pub mod error;
pub mod operation;
pub mod scope;
pub mod stats;
pub mod target;

pub use self::{
    breaker::{
        BreakerMode, BreakerSnapshot, BreakerState, CircuitBreaker, Outcome, Permit, Rejected,
        Ticket,
    },
    connection::{Connection, Connector},
    error::{Error, ErrorKind, Fault, Retry},
    operation::Operation,
    scope::Scope,
    stats::{Closures, PoolStats, Times},
    target::{CommandTarget, HttpTarget, Target, UnixSpeech, UnixTarget},
};
