//! The client against real servers: in this process, over real sockets, and as
//! real child processes.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod calls;
mod closing;
mod death;
mod faults;
mod floods;
mod identity;
mod lifecycle;
mod nonsense;
mod oauth;
mod secrets;
mod server;
mod shell;
mod targets;
mod third_party;
mod wire;
