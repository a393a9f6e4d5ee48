//! The server as its clients see it, over every transport and lifecycle.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod attacks;
mod client;
mod http;
mod limits;
mod resources;
mod sample;
mod tools;
