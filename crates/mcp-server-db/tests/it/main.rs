//! The server as its clients see it, over every transport and lifecycle.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod attacks;
mod client;
#[cfg(feature = "postgres")]
mod cluster;
mod http;
mod limits;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_attacks;
#[cfg(feature = "postgres")]
mod postgres_cancel;
mod resources;
mod sample;
mod tools;
