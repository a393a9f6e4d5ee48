//! A circuit breaker: after so many failures in a row it refuses calls for a
//! while, then lets a few probes through, and closes again when they succeed.
//!
//! It implements the port [`CircuitBreaker`](mcp_domain::CircuitBreaker), and knows
//! no runtime. What counts as a failure is the caller's business.
//!
//! # What it promises
//!
//! - **The hot path is two atomic operations**: a closed breaker admits a call with a
//!   load, and settles its success with another.
//! - **A result counts in the state it belongs to.** One that arrives after the state
//!   has changed changes nothing.
//! - **A probe that never comes back holds nothing up**: after another waiting time
//!   the next one passes.
//! - **A clock that stands still or jumps does no harm** beyond its own error.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use mcp_breaker::Breaker;
//! use mcp_domain::{BreakerState, CircuitBreaker, Outcome, Permit};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let breaker = Breaker::builder()
//!     .failure_threshold(2)
//!     .open_timeout(Duration::from_secs(30))
//!     .build()?;
//!
//! for _ in 0..2 {
//!     let permit = Permit::acquire(&breaker)?;
//!     permit.record(Outcome::failure()); // the server did not answer
//! }
//! assert_eq!(breaker.snapshot().state, BreakerState::Open);
//! let refused = Permit::acquire(&breaker).unwrap_err();
//! assert!(refused.retry_after.unwrap() <= Duration::from_secs(30));
//! # Ok(())
//! # }
//! ```

mod breaker;
mod clock;
mod config;
mod word;

pub use self::{
    breaker::Breaker,
    clock::{Clock, ManualClock, SystemClock},
    config::{BreakerBuilder, BuildError},
};

/// The example of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
