//! Answers that do not fit.

use mcp_domain::{Error, ErrorKind};
use rmcp::model::ServerResult;

/// The answer to a request that asks for nothing.
pub(super) fn nothing(subject: &str, answer: ServerResult) -> Result<(), Error> {
    match answer {
        ServerResult::EmptyResult(_) | ServerResult::TaskAckResult(_) => Ok(()),
        // Some add to it.
        ServerResult::CustomResult(_) => Ok(()),
        _ => Err(unfit(subject)),
    }
}

/// The answer is of another kind than the request.
pub(super) fn unfit(subject: &str) -> Error {
    let message = format!("the server's answer does not fit the call of `{subject}`");
    Error::new(ErrorKind::BadResponse, message)
}
