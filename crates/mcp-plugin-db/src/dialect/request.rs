//! An operation as calls of tools, and what becomes of the answers.

use std::fmt;

use mcp_domain::{Error, ErrorKind};
use mcp_transport::ToolResult;
use serde_json::Value;

/// One operation may take this many calls; a server that wants more is not to be trusted.
const MOST_CALLS: usize = 1000;

/// A call of a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The tool.
    pub tool: String,
    /// Its arguments, as a JSON object.
    pub arguments: Value,
}

impl Call {
    /// A call of this tool.
    pub fn new(tool: impl Into<String>, arguments: Value) -> Self {
        Self {
            tool: tool.into(),
            arguments,
        }
    }
}

/// What comes after an answer.
#[derive(Debug)]
pub enum Next<T> {
    /// One more call.
    Call(Call),
    /// The result.
    Done(T),
}

type Read<T> = dyn Fn(&[ToolResult]) -> Result<Next<T>, Error> + Send + Sync;

/// An operation as calls of tools, one after another, and the reader of their answers.
pub struct Request<T> {
    first: Call,
    read: Box<Read<T>>,
}

impl<T> Request<T> {
    /// One call, whose answer is the result.
    pub fn one(
        call: Call,
        read: impl Fn(&ToolResult) -> Result<T, Error> + Send + Sync + 'static,
    ) -> Self {
        Self::many(call, move |answers| match answers {
            [.., answer] => read(answer).map(Next::Done),
            [] => Err(too_early()),
        })
    }

    /// A first call, and a reader that is given all answers so far, and says what is next.
    pub fn many(
        first: Call,
        read: impl Fn(&[ToolResult]) -> Result<Next<T>, Error> + Send + Sync + 'static,
    ) -> Self {
        Self {
            first,
            read: Box::new(read),
        }
    }

    /// The first call.
    pub fn first(&self) -> &Call {
        &self.first
    }

    /// What comes after these answers.
    ///
    /// # Errors
    ///
    /// `BadResponse` if they cannot be read, or if the server never comes to an end;
    /// `ToolFailed` if they say that there is no such thing.
    pub fn next(&self, answers: &[ToolResult]) -> Result<Next<T>, Error> {
        if answers.len() > MOST_CALLS {
            let message = format!("the server's list has more than {MOST_CALLS} pages");
            return Err(Error::new(ErrorKind::BadResponse, message));
        }
        (self.read)(answers)
    }
}

impl<T> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("first", &self.first)
            .finish_non_exhaustive()
    }
}

fn too_early() -> Error {
    Error::new(ErrorKind::BadResponse, "there is no answer to read yet")
}
