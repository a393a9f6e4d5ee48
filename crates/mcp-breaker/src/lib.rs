//! A circuit breaker: when too many calls of late have failed or were slow, it refuses
//! calls for a while, then lets a few probes through, and closes again when they succeed.
//!
//! It implements the port [`CircuitBreaker`](mcp_domain::CircuitBreaker), and knows
//! no runtime. What counts as a failure is the caller's business.
//!
//! # What it promises
//!
//! - **Where all is well, a call takes no lock**, whatever opens the breaker. By failures in
//!   a row a success costs two loads; a window of calls adds one atomic operation; a window
//!   of time a look at the clock, and slow calls two. When it does take the lock:
//!   [below](#when-it-locks).
//! - **A refusal takes no lock either**, as long as nothing else happens to the breaker.
//! - **A result counts in the state it belongs to.** One that arrives after the state
//!   has changed changes nothing.
//! - **A probe that never comes back holds nothing up**: after `probe_timeout` others pass
//!   in its place. One that comes back late counts: a server that answers well, however
//!   slowly, ends closed.
//! - **A clock that stands still, jumps, goes back or comes to its end does no harm** beyond
//!   its own error.
//! - **No code of others runs under a lock**: neither the clock nor a listener.
//!
//! # How it works
//!
//! All that may change the state goes through a state machine behind a mutex: failures,
//! slow calls, and everything while the breaker is not closed. A success that is not slow
//! can mostly change nothing but a number. So the machine *lends*: it says in an atomic
//! word how many successes may end without asking it, and each takes one off. Whoever
//! comes to the machine takes back what is left, counts what is missing, and lends anew.
//!
//! The word also bears the state and its generation, so that a success of an earlier state
//! cannot take from a later one. The same word says that calls may be refused without
//! asking.
//!
//! # When it locks
//!
//! A mutex is held for a step of the state machine, never while anything is waited for:
//!
//! - by every failure, and every slow call;
//! - by a success that ends a run of failures; by one that may change the judgement, because
//!   it completes `minimum_calls` with failures or slow calls among them, or because time
//!   alone has raised a rate; in a window of time, by the first one in each tenth of it; and
//!   in any window by one in 536 million, which is the most that is lent at once;
//! - by a success or a refusal that comes while another thread has the lock, for what is
//!   lent is taken back then;
//! - by every probe that passes or ends, and by a call that counts for nothing if it ends
//!   while it is half-open; by a refusal that meets a change of state, or a clock that has
//!   gone back;
//! - by [`snapshot`](mcp_domain::CircuitBreaker::snapshot), [`tick`](Breaker::tick),
//!   [`set_mode`](Breaker::set_mode) and [`reset`](Breaker::reset).
//!
//! # Slow calls
//!
//! A call is measured from `try_admit` to `settle`. A caller that is admitted and then has to
//! wait before it can make the call knows better how long the server took, and can say so
//! ([`Permit::record_taking`](mcp_domain::Permit::record_taking)): that time counts instead.
//! `mcp-pool` does so. It reports the time from when it has a connection until the call has
//! ended, without the time spent waiting for one or opening one; a connect that fails is a
//! failure, and never slow.
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
mod builder;
mod change;
mod clock;
mod config;
mod machine;
mod policy;
mod sync;
mod timeline;
mod window;
mod word;

pub use self::{
    breaker::Breaker,
    builder::{BreakerBuilder, BuildError},
    change::{Change, Reason},
    clock::{Clock, ManualClock, SystemClock},
    policy::Window,
};

/// The example of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// So do those of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/breaker.md")]
struct Guide;
