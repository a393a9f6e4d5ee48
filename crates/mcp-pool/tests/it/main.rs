//! The promises of the pool, each with a test that fails without it.
//!
//! Time is paused: a test of ten minutes takes a moment, and none depends on luck.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod abandoned;
mod allocations;
mod breaker;
mod cancellation;
mod checkout;
mod checks;
mod closing;
#[cfg(feature = "config")]
mod configuration;
mod crowds;
mod failing;
mod fake;
mod global;
mod leases;
mod limits;
#[cfg(feature = "metrics")]
mod metrics;
mod model;
mod numbers;
mod panics;
mod retrying;
mod runtimes;
mod sharing;
mod sticky;
mod stress;
mod upkeep;
mod wake_ups;
mod warm_up;
