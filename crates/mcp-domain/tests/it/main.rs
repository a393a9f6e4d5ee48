//! The crate as its users see it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod permit;
mod snapshot;
mod stats;
