//! Connections with a call under way, and what becomes of them when it is abandoned.
//!
//! The pool does not see calls, only connections. So it cannot tell when the server is
//! done with a call that was given up; that the server answers a ping says that it
//! listens again, which on a server that runs calls one after another is the same.

use std::sync::Arc;

use mcp_domain::{Connection as _, Connector, Error, ErrorKind, Fault};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout},
};

use crate::{
    counters::Reason,
    held::Held,
    keyed::{Fate, Keyed, Measure, Taken},
};

/// What a call that has ended, with this failure if any, means for its connection.
/// `None` if the server may still be busy with it.
pub(crate) fn fate_after(error: Option<&Error>) -> Option<Fate> {
    match error.map(Error::kind) {
        Some(ErrorKind::CallTimeout) => None,
        Some(kind) if kind.fault() == Fault::Connection => Some(Fate::Close(Reason::Died)),
        _ => Some(Fate::Reuse),
    }
}

/// A connection with a call under way.
///
/// If it is dropped before the call has [ended](Self::end), the caller gave up:
/// the server may be busy with the call for a while yet.
pub(crate) struct UnderWay<'k, C: Connector> {
    keyed: &'k Arc<Keyed<C>>,
    /// Filled before the call begins.
    pub(crate) taken: Option<Taken<C>>,
}

impl<'k, C: Connector> UnderWay<'k, C> {
    pub(crate) fn new(keyed: &'k Arc<Keyed<C>>) -> Self {
        Self { keyed, taken: None }
    }

    #[expect(clippy::expect_used, reason = "taken only when it ends or is dropped")]
    pub(crate) fn held(&self) -> &Held<C> {
        self.taken.as_ref().expect("a call under way").held()
    }

    /// The call has ended, with this failure if any, at that time if it took any.
    pub(crate) fn end(mut self, error: Option<&Error>, at: Option<Instant>) {
        let Some(fate) = fate_after(error) else {
            return;
        };
        if let Some(taken) = self.taken.take() {
            self.keyed.give_back(taken, fate, Measure::Call(at));
        }
    }
}

impl<C: Connector> Drop for UnderWay<'_, C> {
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take() {
            drain(self.keyed, taken);
        }
    }
}

/// Keeps a connection whose call was abandoned until it gives a sign of life.
pub(crate) fn drain<C: Connector>(keyed: &Arc<Keyed<C>>, taken: Taken<C>) {
    let Ok(runtime) = Handle::try_current() else {
        keyed.give_back(taken, Fate::Close(Reason::Abandoned), Measure::Nothing);
        return;
    };
    if let Taken::Together(seat) = &taken {
        keyed.shared.drain(&seat.held);
    }
    let guard = Draining {
        keyed: Arc::clone(keyed),
        taken: Some(taken),
        fate: Fate::Close(Reason::Abandoned),
    };
    runtime.spawn(guard.run());
}

/// A connection whose call was abandoned.
struct Draining<C: Connector> {
    keyed: Arc<Keyed<C>>,
    taken: Option<Taken<C>>,
    fate: Fate,
}

impl<C: Connector> Draining<C> {
    async fn run(mut self) {
        if let Some(taken) = &self.taken {
            let limit = self.keyed.core.settings.drain_timeout;
            if let Ok(Ok(())) = timeout(limit, taken.connection().ping()).await {
                self.fate = Fate::Reuse;
            }
        }
    }
}

impl<C: Connector> Drop for Draining<C> {
    fn drop(&mut self) {
        if let Some(taken) = self.taken.take() {
            if let Taken::Together(seat) = &taken {
                self.keyed.shared.drained(&seat.held);
            }
            self.keyed.give_back(taken, self.fate, Measure::Nothing);
        }
    }
}
