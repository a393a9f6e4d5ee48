//! The server as its clients see it, over every transport and lifecycle.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[cfg(feature = "postgres")]
mod alike;
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
#[cfg(feature = "postgres")]
mod postgres_tls;
#[cfg(feature = "postgres")]
mod postgres_writes;
#[cfg(unix)]
mod replaced;
mod resources;
mod sample;
mod shortcut;
mod tools;
mod wal;
mod writes;
