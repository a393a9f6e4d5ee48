//! Arguments into JSON, and answers that do not fit.

use mcp_domain::{Error, ErrorKind};
use rmcp::model::ServerResult;
use serde::Serialize;
use serde_json::{Map, Value};

/// The arguments of a call.
pub(super) fn to_object(
    subject: &str,
    arguments: impl Serialize,
) -> Result<Option<Map<String, Value>>, Error> {
    let wrong = |what: String| {
        let message = format!("the arguments of `{subject}` must be a JSON object, not {what}");
        Error::new(ErrorKind::InvalidInput, message)
    };
    match serde_json::to_value(arguments) {
        Ok(Value::Object(object)) => Ok(Some(object)),
        Ok(Value::Null) => Ok(None),
        Ok(value) => Err(wrong(value.to_string())),
        Err(error) => Err(wrong("something that JSON cannot hold".to_owned()).with_source(error)),
    }
}

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
