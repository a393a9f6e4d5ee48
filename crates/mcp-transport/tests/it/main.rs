//! The client against real servers: in this process, over real sockets, and as
//! real child processes.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod asking;
mod calls;
mod closing;
mod death;
mod faults;
mod floods;
mod identity;
mod lifecycle;
mod nonsense;
mod oauth;
mod patience;
mod prompts;
mod proxies;
mod secrets;
mod server;
mod shell;
mod shortcut;
mod showcase;
mod spans;
mod subscriptions;
mod targets;
mod tasks;
mod third_party;
mod wire;
