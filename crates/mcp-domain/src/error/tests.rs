//! The classification, line by line.

use std::time::Duration;

use super::*;

/// Every kind with its row of the table. A new kind needs a row: the match in
/// `every_kind_has_a_row` stops compiling without one.
const TABLE: &[(ErrorKind, Fault, Retry, Outcome)] = {
    use ErrorKind::*;
    const FAILURE: Outcome = Outcome::Failure { retry_after: None };
    &[
        (BadResponse, Fault::Connection, Retry::IfRepeatable, FAILURE),
        (BreakerOpen, Fault::Pool, Retry::Never, Outcome::Ignored),
        (CallTimeout, Fault::Connection, Retry::IfRepeatable, FAILURE),
        (Closed, Fault::Pool, Retry::Never, Outcome::Ignored),
        (ConnectFailed, Fault::Connection, Retry::Safe, FAILURE),
        (ConnectTimeout, Fault::Connection, Retry::Safe, FAILURE),
        (
            Disconnected,
            Fault::Connection,
            Retry::IfRepeatable,
            FAILURE,
        ),
        (InvalidInput, Fault::Caller, Retry::Never, Outcome::Ignored),
        (NotSent, Fault::Connection, Retry::Safe, FAILURE),
        (Rpc(-32602), Fault::Server, Retry::Never, Outcome::Success),
        (
            SessionExpired,
            Fault::Connection,
            Retry::Safe,
            Outcome::Ignored,
        ),
        (ToolFailed, Fault::Server, Retry::Never, Outcome::Success),
        (Unauthorized, Fault::Server, Retry::Never, Outcome::Success),
        (Unsupported, Fault::Caller, Retry::Never, Outcome::Ignored),
        (WaitTimeout, Fault::Pool, Retry::Never, Outcome::Ignored),
    ]
};

#[test]
fn every_kind_is_classified_as_the_table_says() {
    for &(kind, fault, retry, outcome) in TABLE {
        assert_eq!(kind.fault(), fault, "{kind:?}");
        assert_eq!(kind.retry(), retry, "{kind:?}");
        assert_eq!(kind.outcome(), outcome, "{kind:?}");
    }
}

#[test]
fn every_kind_has_a_row_and_a_label_of_its_own() {
    use ErrorKind::*;
    for &(kind, ..) in TABLE {
        // No wildcard: this match is what makes the table complete.
        match kind {
            BadResponse | BreakerOpen | CallTimeout | Closed | ConnectFailed | ConnectTimeout
            | Disconnected | InvalidInput | NotSent | Rpc(_) | SessionExpired | ToolFailed
            | Unauthorized | Unsupported | WaitTimeout => {}
        }
    }
    let mut labels: Vec<_> = TABLE.iter().map(|row| row.0.label()).collect();
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels.len(), 15);
}

#[test]
fn a_call_that_was_answered_never_costs_the_connection() {
    for &(kind, fault, ..) in TABLE {
        if kind.outcome() == Outcome::Success {
            assert_eq!(fault, Fault::Server, "{kind:?}");
        }
    }
}

#[test]
fn display_says_this_layer_only_and_chain_says_all_once() {
    let inner = Error::new(ErrorKind::NotSent, "the pipe is closed")
        .with_source(std::io::Error::other("broken pipe"));
    let outer = Error::new(ErrorKind::NotSent, "call `query` failed").with_source(inner);
    assert_eq!(outer.to_string(), "call `query` failed");
    assert_eq!(
        outer.chain(),
        "call `query` failed: the pipe is closed: broken pipe"
    );
}

#[test]
fn spent_retries_are_not_tried_again_further_out() {
    let error = Error::new(ErrorKind::NotSent, "gone");
    assert_eq!(error.retry(), Retry::Safe);
    assert_eq!(error.persistent().retry(), Retry::Never);
}

#[test]
fn the_servers_hint_reaches_the_breaker() {
    let hint = Duration::from_secs(7);
    let error = Error::new(ErrorKind::ConnectFailed, "503").with_retry_after(hint);
    assert_eq!(
        error.outcome(),
        Outcome::Failure {
            retry_after: Some(hint)
        }
    );
}
