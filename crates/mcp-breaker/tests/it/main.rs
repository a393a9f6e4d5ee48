//! The breaker as its users see it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod clock;
mod config;
mod model;
mod modes;
mod probes;
mod script;
mod threads;
