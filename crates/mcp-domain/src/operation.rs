//! A call's policy: how long it may take, and whether it may be repeated.

use std::time::Duration;

/// A call with its policy.
///
/// ```
/// use std::time::Duration;
/// use mcp_domain::Operation;
///
/// const QUERY: Operation = Operation::new("query").repeatable();
/// let hurried = QUERY.within(Duration::from_secs(2));
/// assert_eq!(hurried.timeout(), Some(Duration::from_secs(2)));
/// assert!(hurried.is_repeatable());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Operation {
    name: &'static str,
    timeout: Option<Duration>,
    repeatable: bool,
}

impl Operation {
    /// An operation that is not repeated once it may have run, and has the default timeout.
    ///
    /// The name appears in errors, spans and metrics.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            timeout: None,
            repeatable: false,
        }
    }

    /// Bounds everything that the operation does: waiting, connecting, calling,
    /// and all repetitions together. Default: the pool's own `call_timeout`.
    pub const fn within(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Declares that running it twice does no more harm than running it once
    /// (it only reads, or is idempotent), so that it may be repeated after a
    /// failure even where it may already have run.
    pub const fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// As [`repeatable`](Self::repeatable) if `yes`: for instance because the
    /// annotations of a tool say that it only reads or is idempotent.
    pub const fn repeatable_if(mut self, yes: bool) -> Self {
        self.repeatable = yes;
        self
    }

    /// The name, as it appears in errors, spans and metrics.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The bound over everything, if one is set.
    pub const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// May it be repeated where it may already have run?
    pub const fn is_repeatable(&self) -> bool {
        self.repeatable
    }
}
