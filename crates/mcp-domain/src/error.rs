//! What went wrong, whose fault it is, and whether to try again.
//!
//! Every failure is classified once, where it is first seen, by an
//! [`ErrorKind`]. All later decisions (repeat the call? tell the breaker? keep
//! the connection?) are answered by methods of that kind, so that two layers
//! cannot disagree.

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use crate::Outcome;

/// A failure, with its classification and its cause.
///
/// `Display` speaks of this layer only; the cause is in [`source`](StdError::source).
/// Cloning is cheap, so that callers who wait for one connect can all be told why
/// it failed.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    retry_after: Option<Duration>,
    persistent: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Creates an error from its classification and a message.
    ///
    /// The message is a lowercase fragment without a full stop; it names the
    /// input, what is wrong and what would be right.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            retry_after: None,
            persistent: false,
            source: None,
        }))
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source = Arc::from(source.into());
        self.edit(|inner| inner.source = Some(source))
    }

    /// Adds the server's hint when to come back.
    #[must_use]
    pub fn with_retry_after(self, after: Duration) -> Self {
        self.edit(|inner| inner.retry_after = Some(after))
    }

    /// Marks the error as one that was retried in vain, so that outer layers stop.
    #[must_use]
    pub fn persistent(self) -> Self {
        self.edit(|inner| inner.persistent = true)
    }

    /// What kind of failure this is, for branching.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// May the call be tried again?
    ///
    /// [`ErrorKind::retry`], and [`Retry::Never`] once retries have been spent.
    pub fn retry(&self) -> Retry {
        if self.0.persistent {
            Retry::Never
        } else {
            self.kind().retry()
        }
    }

    /// When the server, or the breaker, asked us to come back.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What a circuit breaker should hear of this failure.
    pub fn outcome(&self) -> Outcome {
        match self.kind().outcome() {
            Outcome::Failure { .. } => Outcome::Failure {
                retry_after: self.0.retry_after,
            },
            outcome => outcome,
        }
    }

    /// The error and its causes on one line, outermost first.
    ///
    /// ```
    /// # use mcp_domain::{Error, ErrorKind};
    /// let error = Error::new(ErrorKind::ConnectFailed, "cannot start `foo`")
    ///     .with_source(std::io::Error::other("no such file"));
    /// assert_eq!(error.chain(), "cannot start `foo`: no such file");
    /// ```
    pub fn chain(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug
            .field("kind", &self.0.kind)
            .field("message", &self.0.message);
        if let Some(after) = self.0.retry_after {
            debug.field("retry_after", &after);
        }
        if self.0.persistent {
            debug.field("persistent", &true);
        }
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

/// What kind of failure it is.
///
/// Branch on this; the text is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The peer sent something that is not MCP, or not an answer to what was asked.
    BadResponse,
    /// The circuit breaker refused the call; nothing was sent.
    BreakerOpen,
    /// The call was sent and no answer came in time.
    CallTimeout,
    /// The pool or the connection was closed by its owner.
    Closed,
    /// No connection could be opened.
    ConnectFailed,
    /// No connection could be opened in time.
    ConnectTimeout,
    /// The connection died while the call was in flight; it may have run.
    Disconnected,
    /// The caller's input is wrong; nothing was sent.
    InvalidInput,
    /// The connection was dead before the call left.
    NotSent,
    /// The server answered with a JSON-RPC error of this code.
    Rpc(i32),
    /// The server has forgotten the session and did not run the call.
    SessionExpired,
    /// The tool ran and reported an error (`isError`).
    ToolFailed,
    /// The server wants (other) credentials.
    Unauthorized,
    /// The server does not offer what was asked of it.
    Unsupported,
    /// No connection became free in time; nothing was sent.
    WaitTimeout,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The caller asked for something impossible. The connection is as it was.
    Caller,
    /// The connection failed, or cannot be trusted any more. It must not be used again.
    Connection,
    /// The call was turned away on our side. No connection was touched.
    Pool,
    /// The server answered, if only to say no. The connection is fine.
    Server,
}

/// May a failed call be tried again?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Only if running it twice does no harm: it may have run already.
    IfRepeatable,
    /// No: it would fail again.
    Never,
    /// Yes: it has not run.
    Safe,
}

impl ErrorKind {
    /// Whose fault it is. This is the one table that all else follows from.
    pub fn fault(self) -> Fault {
        match self {
            Self::InvalidInput | Self::Unsupported => Fault::Caller,
            Self::BadResponse
            | Self::CallTimeout
            | Self::ConnectFailed
            | Self::ConnectTimeout
            | Self::Disconnected
            | Self::NotSent
            | Self::SessionExpired => Fault::Connection,
            Self::BreakerOpen | Self::Closed | Self::WaitTimeout => Fault::Pool,
            Self::Rpc(_) | Self::ToolFailed | Self::Unauthorized => Fault::Server,
        }
    }

    /// May the call be tried again?
    pub fn retry(self) -> Retry {
        match self {
            Self::ConnectFailed | Self::ConnectTimeout | Self::NotSent | Self::SessionExpired => {
                Retry::Safe
            }
            Self::BadResponse | Self::CallTimeout | Self::Disconnected => Retry::IfRepeatable,
            Self::BreakerOpen
            | Self::Closed
            | Self::InvalidInput
            | Self::Rpc(_)
            | Self::ToolFailed
            | Self::Unauthorized
            | Self::Unsupported
            | Self::WaitTimeout => Retry::Never,
        }
    }

    /// What a circuit breaker should hear: is the server ill?
    ///
    /// A server that answers is well, whatever it says. One that forgot a session
    /// (it was restarted) is neither proof of health nor of illness.
    pub fn outcome(self) -> Outcome {
        match (self.fault(), self) {
            (_, Self::SessionExpired) => Outcome::Ignored,
            (Fault::Connection, _) => Outcome::failure(),
            (Fault::Server, _) => Outcome::Success,
            (Fault::Caller | Fault::Pool, _) => Outcome::Ignored,
        }
    }

    /// A label of low cardinality, for metrics (`error.type` of OpenTelemetry).
    pub fn label(self) -> &'static str {
        match self {
            Self::BadResponse => "bad_response",
            Self::BreakerOpen => "breaker_open",
            Self::CallTimeout => "call_timeout",
            Self::Closed => "closed",
            Self::ConnectFailed => "connect_failed",
            Self::ConnectTimeout => "connect_timeout",
            Self::Disconnected => "disconnected",
            Self::InvalidInput => "invalid_input",
            Self::NotSent => "not_sent",
            Self::Rpc(_) => "rpc_error",
            Self::SessionExpired => "session_expired",
            Self::ToolFailed => "tool_error",
            Self::Unauthorized => "unauthorized",
            Self::Unsupported => "unsupported",
            Self::WaitTimeout => "wait_timeout",
        }
    }
}

#[cfg(test)]
mod tests;
