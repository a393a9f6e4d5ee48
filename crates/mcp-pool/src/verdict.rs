//! What is made of a call: admitted or not, how it ended, and what to say of it.

use std::time::Duration;

use mcp_domain::{
    BreakerState, CircuitBreaker, Connector, Error, ErrorKind, Fault, Operation, Outcome, Permit,
    Rejected, Retry,
};

use crate::{deadline::Deadline, keyed::Keyed};

/// Asks the server's breaker for leave, if it has one.
pub(crate) fn admit<C: Connector>(
    keyed: &Keyed<C>,
    operation: Operation,
) -> Result<Option<Permit<'_, dyn CircuitBreaker>>, Error> {
    let Some(breaker) = &keyed.core.breaker else {
        return Ok(None);
    };
    match Permit::acquire(&**breaker) {
        Ok(permit) => Ok(Some(permit)),
        Err(rejected) => {
            keyed.counters.refusal();
            Err(refused(&keyed.core.name, operation, &**breaker, rejected))
        }
    }
}

fn refused(
    server: &str,
    operation: Operation,
    breaker: &dyn CircuitBreaker,
    rejected: Rejected,
) -> Error {
    let operation = operation.name();
    let refusal = format!("`{operation}` on server `{server}` was refused: the circuit breaker is");
    let kind = ErrorKind::BreakerOpen;
    match rejected.retry_after {
        Some(after) => {
            let seconds = after.as_secs_f64();
            let message = format!("{refusal} open, next try in {seconds:.1} s");
            Error::new(kind, message).with_retry_after(after)
        }
        None if breaker.snapshot().state == BreakerState::HalfOpen => Error::new(
            kind,
            refusal + " half-open, and all its probes are under way",
        ),
        None => Error::new(kind, refusal + " open until further notice"),
    }
}

/// Tells the breaker how it went and how long the server took, if that is known: no time
/// that was spent on waiting for a connection, which says nothing of how quick a server is.
pub(crate) fn settle(
    permit: Option<Permit<'_, dyn CircuitBreaker>>,
    took: Option<Duration>,
    outcome: Outcome,
) {
    if let Some(permit) = permit {
        permit.record_taking(took.unwrap_or_default(), outcome);
    }
}

/// What a call that has ended says of its server.
pub(crate) fn outcome<T>(result: &Result<T, Error>) -> Outcome {
    match result {
        Ok(_) => Outcome::Success,
        Err(error) => error.outcome(),
    }
}

/// May a call that failed so be tried again?
pub(crate) fn may_repeat(operation: Operation, error: &Error) -> bool {
    match error.retry() {
        Retry::Safe => true,
        Retry::IfRepeatable => operation.is_repeatable(),
        Retry::Never => false,
    }
}

/// What to say of an attempt that failed so, after a `previous` one that failed.
pub(crate) fn after(previous: Option<Error>, error: Error, deadline: &Deadline<'_>) -> Error {
    match previous {
        // The breaker has heard enough: of what, is told.
        Some(previous) if error.kind() == ErrorKind::BreakerOpen => error.with_source(previous),
        // That time ran out says less than what it was spent on.
        Some(previous) if deadline.is_over() && error.kind() != ErrorKind::CallTimeout => previous,
        _ => error,
    }
}

/// The time ran out on a call.
pub(crate) fn no_answer(limit: Duration) -> Error {
    let message = format!("no answer within {} s", limit.as_secs_f64());
    Error::new(ErrorKind::CallTimeout, message)
}

/// Says what was tried, unless the server or the caller's input is to blame.
pub(crate) fn explain<C: Connector>(
    keyed: &Keyed<C>,
    operation: Operation,
    attempts: u32,
    deadline: &Deadline<'_>,
    error: Error,
) -> Error {
    if matches!(error.kind().fault(), Fault::Caller | Fault::Server)
        || error.kind() == ErrorKind::BreakerOpen
    {
        return error;
    }
    let plural = if attempts == 1 { "attempt" } else { "attempts" };
    let message = format!(
        "`{}` on server `{}` failed after {attempts} {plural} and {:.1} s",
        operation.name(),
        keyed.core.name,
        deadline.elapsed().as_secs_f64(),
    );
    let explained = Error::new(error.kind(), message).persistent();
    let explained = match error.retry_after() {
        Some(after) => explained.with_retry_after(after),
        None => explained,
    };
    explained.with_source(error)
}
