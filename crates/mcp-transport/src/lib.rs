//! A client for MCP servers, in the style of FastMCP, on the official Rust SDK.
//!
//! Say how a server is reached, and call it. The transport (a child process, Streamable
//! HTTP, a Unix socket, a server in this process) and the protocol revision (the `initialize`
//! handshake, or `server/discover` of 2026-07-28) are found out and remembered.
//!
//! # What it promises
//!
//! - A peer that is dead is known to be dead: every call in flight fails at once,
//!   and [`is_open`](mcp_domain::Connection::is_open) answers without I/O.
//! - A child process never outlives its [`Client`]: it is asked to go, then told,
//!   then killed with its whole process group, and always reaped. Only where this
//!   very program is killed is there nobody to do so: the server then sees that
//!   its input is closed, and goes if it heeds that.
//! - Every connect is bounded in time, and an error says what the server did: its
//!   exit status and its last words on standard error.
//! - Credentials, be they in a target or given by an [`IdentityProvider`], show neither
//!   in `Debug` nor in errors nor in logs, also where a server quotes them: see
//!   [below](#logs-and-spans).
//! - Every failure is a [`mcp_domain::Error`], classified once.
//!
//! # Example
//!
//! ```no_run
//! use mcp_domain::Connection as _;
//! use mcp_transport::Client;
//!
//! # async fn example() -> Result<(), mcp_domain::Error> {
//! let client = Client::connect("http://127.0.0.1:8000/mcp").await?;
//! println!("{} speaks {}", client.server().name, client.server().revision);
//! let sum = client.call_tool("add", serde_json::json!({ "a": 40, "b": 2 })).await?;
//! println!("{}", sum.text());
//! client.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Logs and spans
//!
//! Each request has a span at the level `DEBUG`, `mcp.request`, by OpenTelemetry's
//! conventions for MCP. It costs next to nothing where nobody listens.
//!
//! This crate logs no arguments, no answers and no credentials at any level. The SDK below
//! (`rmcp`) logs whole messages at `TRACE`, and at `DEBUG` the questions of servers and what
//! they are answered, and so the codes that OAuth logins give out once. To turn everything
//! else on, set `RUST_LOG=debug,rmcp=info`. At `INFO` it logs each handshake, with all that
//! the server says of itself (without our credentials), and each end of a connection:
//! `RUST_LOG=info,rmcp=warn` is quieter.
//!
//! # HTTP
//!
//! Connections to one origin share TCP connections and TLS sessions. Closing a [`Client`] ends
//! its session, and leaves its TCP connections to others; those that nobody uses are closed
//! after 90 seconds to three minutes, as idle ones are looked for every 90 seconds. Proxies of the environment are used: `HTTP_PROXY`, `HTTPS_PROXY` and `ALL_PROXY`,
//! except to the hosts in `NO_PROXY`, and also to servers on this machine. They are read once
//! per process.
//!
//! # Features
//!
//! `oauth` (off by default): `OAuth`, an [`IdentityProvider`] that gets tokens by OAuth.
//!
//! To hold many connections open, give a [`ClientConnector`] to a pool.

mod backing;
mod bounded;
mod client;
mod connector;
mod failure;
mod handlers;
mod host;
mod http;
mod identity;
mod infer;
mod into_connector;
mod lifecycle;
mod model;
#[cfg(feature = "oauth")]
mod oauth;
mod process;
mod reading;
mod road;
mod secrets;
mod servers_file;
mod witness;

pub use self::{
    client::{Arguments, Call, Changes, Client, Interests, IntoArguments, Listed, Unfinished},
    connector::ClientConnector,
    handlers::{
        Change, Elicitation, ElicitationReply, Handlers, Root, SamplingReply, SamplingRequest,
    },
    identity::{Identity, IdentityProvider, IdentityRequest, Refusal},
    infer::infer,
    into_connector::IntoConnector,
    lifecycle::Lifecycle,
    model::{
        Completions, Content, LogLevel, LogMessage, Message, Progress, Prompt, PromptAnswer,
        PromptArgument, Resource, ResourceContents, ResourceTemplate, Role, ServerInfo, Tool,
        ToolResult,
    },
    servers_file::ServersFile,
};

#[cfg(feature = "oauth")]
pub use self::oauth::OAuth;

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
