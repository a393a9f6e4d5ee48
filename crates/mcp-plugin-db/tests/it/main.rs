//! The plugin and its program as their users see them: real processes, real sockets.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod both_modes;
mod healing;
mod killing;
mod one_pool;
mod program;
mod send;
mod servers;
mod values;
