//! Out of the forms in which servers write rows, values with their types.
//!
//! Every reader takes text that a stranger wrote: it returns an error for what it
//! cannot read, and neither panics nor hangs.

pub(crate) mod json;
pub(crate) mod python;
pub(crate) mod raw;
pub(crate) mod vertical;

use mcp_domain::{Error, ErrorKind};

/// The answer is not what the dialect expects.
pub(crate) fn unreadable(what: &str, text: &str) -> Error {
    let shown: String = text.chars().take(80).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    let message = format!("the server's answer is not {what}: `{shown}{more}`");
    Error::new(ErrorKind::BadResponse, message)
}
