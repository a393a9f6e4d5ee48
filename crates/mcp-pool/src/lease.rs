//! Exclusive use of a connection.

use std::{fmt, ops::Deref, panic::Location, sync::Arc};

use mcp_domain::Connector;
use tokio::time::Instant;

use crate::{
    counters::Reason,
    held::Held,
    keyed::{Fate, Keyed, Measure, Taken},
    leak::Watch,
};

/// Exclusive use of a connection, given back on drop.
///
/// Made by [`Server::lease`](crate::Server::lease); dereferences to the
/// connection. One that died meanwhile does not return to the pool.
#[must_use = "a lease that is dropped at once gives its connection back unused"]
pub struct Lease<C: Connector> {
    keyed: Arc<Keyed<C>>,
    taken: Option<Taken<C>>,
    since: Instant,
    /// Ends with the lease.
    _watch: Option<Watch>,
}

impl<C: Connector> Lease<C> {
    pub(crate) fn new(
        keyed: Arc<Keyed<C>>,
        taken: Taken<C>,
        caller: &'static Location<'static>,
    ) -> Self {
        Self {
            _watch: Watch::start(&keyed, caller),
            keyed,
            taken: Some(taken),
            since: Instant::now(),
        }
    }

    /// Closes the connection instead of giving it back, for instance because the
    /// session holds state that nobody else should meet.
    pub fn discard(mut self) {
        self.end(Fate::Close(Reason::Discarded));
    }

    /// Which of the connections of its server it is.
    pub(crate) fn number(&self) -> u64 {
        self.held().number
    }

    #[expect(clippy::expect_used, reason = "taken only when it ends")]
    fn held(&self) -> &Held<C> {
        self.taken.as_ref().expect("a live lease").held()
    }

    fn end(&mut self, fate: Fate) {
        if let Some(taken) = self.taken.take() {
            self.keyed.core.timings.used(Some(self.since.elapsed()));
            self.keyed.give_back(taken, fate, Measure::Nothing);
        }
    }
}

impl<C: Connector> Deref for Lease<C> {
    type Target = C::Connection;

    fn deref(&self) -> &C::Connection {
        &self.held().connection
    }
}

impl<C: Connector> Drop for Lease<C> {
    fn drop(&mut self) {
        self.end(Fate::Reuse);
    }
}

impl<C: Connector> fmt::Debug for Lease<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("server", &self.keyed.core.name)
            .field("scope", &self.keyed.scope)
            .finish_non_exhaustive()
    }
}
