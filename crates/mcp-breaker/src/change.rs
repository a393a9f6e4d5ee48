//! What is told of a change of state, and to whom.

use std::{
    any::Any,
    collections::VecDeque,
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use mcp_domain::{BreakerSnapshot, BreakerState};
use serde::Serialize;

/// A change of a breaker's state, as a [listener](crate::BreakerBuilder::on_change) hears of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// The state before.
    pub from: BreakerState,
    /// Why it changed.
    pub reason: Reason,
    /// The state that it changed to, and the figures at that moment.
    pub now: BreakerSnapshot,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, reason, now } = self;
        write!(f, "{from} to {}, {reason}: {now}", now.state)
    }
}

/// Why a breaker changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// Too many of the results in the window were failures: closed to open.
    FailureRate,
    /// Too many failures in a row: closed to open.
    FailuresInARow,
    /// It was told to behave otherwise: to closed, or to open if that is forced.
    ModeSet,
    /// Too many probes failed: half-open to open.
    ProbesFailed,
    /// Too many probes were slow: half-open to open.
    ProbesSlow,
    /// Enough probes succeeded: half-open to closed.
    ProbesSucceeded,
    /// It was told to start anew: to closed, or to open if that is forced.
    Reset,
    /// Too many of the results in the window were slow: closed to open.
    SlowCallRate,
    /// It was open for long enough: open to half-open.
    WaitOver,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FailureRate => "too many failures",
            Self::FailuresInARow => "too many failures in a row",
            Self::ModeSet => "mode set",
            Self::ProbesFailed => "the probes failed",
            Self::ProbesSlow => "the probes were slow",
            Self::ProbesSucceeded => "the probes succeeded",
            Self::Reset => "reset",
            Self::SlowCallRate => "too many slow calls",
            Self::WaitOver => "the wait is over",
        })
    }
}

/// Those who want to hear of changes.
#[derive(Clone, Default)]
pub(crate) struct Listeners(Vec<Arc<Listener>>);

type Listener = dyn Fn(&Change) + Send + Sync;

impl Listeners {
    pub(crate) fn add(&mut self, listener: impl Fn(&Change) + Send + Sync + 'static) {
        self.0.push(Arc::new(listener));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells all of them. Nothing of the caller's may be locked.
    pub(crate) fn tell(&self, change: &Change) {
        for listener in &self.0 {
            // The panic hook has reported it by then. It must not harm the call that
            // happened to cause the change.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| listener(change))) {
                discard(payload);
            }
        }
    }
}

/// Drops what a panic carried. That can panic in turn; what it carries then is
/// leaked, for this could go on and on.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(another);
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} listeners", self.0.len())
    }
}

/// Changes that wait to be told, in their order.
///
/// One thread at a time tells them: whoever adds one while nobody does. Thus a listener
/// hears them one after another, also those that it causes itself.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: VecDeque<Change>,
    being_told: bool,
}

impl Outbox {
    /// Whether whoever adds this is the one to tell it.
    #[must_use]
    pub(crate) fn add(&mut self, change: Change) -> bool {
        self.waiting.push_back(change);
        !mem::replace(&mut self.being_told, true)
    }

    /// The next to tell; with `None` the telling is over.
    pub(crate) fn next(&mut self) -> Option<Change> {
        let next = self.waiting.pop_front();
        self.being_told = next.is_some();
        next
    }
}
