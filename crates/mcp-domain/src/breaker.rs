//! The port between a circuit breaker and whoever makes the calls.
//!
//! A breaker sees two things: somebody asks leave to start a call, and later
//! tells how it went. What trips it is its own business; what counts as a
//! failure is the caller's ([`Error::outcome`](crate::Error::outcome)).

mod snapshot;

use std::{fmt, time::Duration};

pub use self::snapshot::{BreakerMode, BreakerSnapshot, BreakerState};

/// Admits or refuses calls.
///
/// All but [`snapshot`](Self::snapshot) is called on the hot path by any number of threads,
/// from async code: it must not wait for a call or another event, nor panic. It is called
/// with nothing locked, so that a breaker may tell listeners of a change there; what those
/// do, the call pays for. Object-safe, so that a pool can hold one that it does not know.
pub trait CircuitBreaker: fmt::Debug + Send + Sync + 'static {
    /// Asks leave to start one call.
    ///
    /// # Errors
    ///
    /// [`Rejected`] says when it is worth coming back.
    fn try_admit(&self) -> Result<Ticket, Rejected>;

    /// Tells how an admitted call went. [`Permit`] calls this or
    /// [`settle_taking`](Self::settle_taking) exactly once per ticket.
    ///
    /// A ticket of an earlier [generation](Ticket::generation) must change nothing:
    /// it speaks of a state that is over.
    fn settle(&self, ticket: Ticket, outcome: Outcome);

    /// Tells how an admitted call went, and how long the server took for it: less than the
    /// time since it was admitted, where the caller had to wait before it could be made.
    ///
    /// For breakers that look for slow calls. As [`settle`](Self::settle), if it is not
    /// implemented.
    fn settle_taking(&self, ticket: Ticket, took: Duration, outcome: Outcome) {
        let _ = took;
        self.settle(ticket, outcome);
    }

    /// The state and its figures, for people and dashboards.
    fn snapshot(&self) -> BreakerSnapshot;
}

/// Leave to make one call, as a breaker hands it out.
///
/// The two numbers mean something only to the breaker that issued them.
#[derive(Debug)]
#[must_use = "a ticket that is never settled holds its place for ever"]
pub struct Ticket {
    generation: u64,
    stamp: u64,
}

impl Ticket {
    /// Issues a ticket. `generation` names the breaker's state at this moment.
    pub fn new(generation: u64) -> Self {
        Self {
            generation,
            stamp: 0,
        }
    }

    /// Adds a number of the breaker's own, such as the time of admission.
    pub fn with_stamp(mut self, stamp: u64) -> Self {
        self.stamp = stamp;
        self
    }

    /// The generation in which the ticket was issued.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The breaker's own number, 0 if it set none.
    pub fn stamp(&self) -> u64 {
        self.stamp
    }
}

/// A [`Ticket`] that cannot be forgotten.
///
/// Record the outcome when the call is over. A permit that is dropped without
/// one (the caller was cancelled) settles as [`Outcome::Cancelled`]: it frees its
/// place and counts for nothing.
///
/// ```
/// use mcp_domain::{CircuitBreaker, Error, ErrorKind, Outcome, Permit, Rejected};
///
/// fn guarded(breaker: &dyn CircuitBreaker) -> Result<u32, Rejected> {
///     let permit = Permit::acquire(breaker)?;
///     let answer = 42; // make the call
///     permit.record(Outcome::Success);
///     Ok(answer)
/// }
/// ```
#[derive(Debug)]
#[must_use = "a permit that is dropped counts as a cancelled call"]
pub struct Permit<'b, B: CircuitBreaker + ?Sized> {
    breaker: &'b B,
    ticket: Option<Ticket>,
}

impl<'b, B: CircuitBreaker + ?Sized> Permit<'b, B> {
    /// Asks `breaker` for leave to start one call.
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the breaker refuses.
    pub fn acquire(breaker: &'b B) -> Result<Self, Rejected> {
        let ticket = Some(breaker.try_admit()?);
        Ok(Self { breaker, ticket })
    }

    /// Tells the breaker how the call went.
    pub fn record(mut self, outcome: Outcome) {
        self.settle(outcome);
    }

    /// Tells the breaker how the call went and how long the server took, which is less
    /// than the time since the permit was acquired where the caller had to wait first.
    pub fn record_taking(mut self, took: Duration, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            self.breaker.settle_taking(ticket, took, outcome);
        }
    }

    fn settle(&mut self, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            self.breaker.settle(ticket, outcome);
        }
    }
}

impl<B: CircuitBreaker + ?Sized> Drop for Permit<'_, B> {
    fn drop(&mut self) {
        self.settle(Outcome::Cancelled);
    }
}

/// How an admitted call went, as far as a breaker cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The caller gave up. Counts for nothing.
    Cancelled,
    /// The server is to blame.
    Failure {
        /// When the server asked us to come back, if it did.
        retry_after: Option<Duration>,
    },
    /// The call says nothing about the server's health. Counts for nothing.
    Ignored,
    /// The server did its part.
    Success,
}

impl Outcome {
    /// A failure without a hint when to come back.
    pub const fn failure() -> Self {
        Self::Failure { retry_after: None }
    }
}

/// A breaker's refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// How long until it is worth asking again; `None` if the breaker does not know.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Open, or half-open with all its probes under way.
        f.write_str("circuit breaker refuses calls")?;
        match self.retry_after {
            Some(after) => write!(f, ", next try in {:.1} s", after.as_secs_f64()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Rejected {}
