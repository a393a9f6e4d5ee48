//! The plugin and its program as their users see them: real processes, real sockets.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod both_modes;
mod fixture;
mod healing;
mod hostile;
mod killing;
mod listing;
mod one_pool;
mod own;
mod paging;
mod program;
mod recognising;
mod send;
mod servers;
mod shell;
mod suite;
mod third_party;
mod values;
mod writing;
