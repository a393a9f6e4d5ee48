//! Exclusive use of a connection.

use std::{fmt, ops::Deref, panic::Location, pin::pin, sync::Arc};

use mcp_domain::{Connector, Error, Operation};

use crate::{
    counters::Reason,
    deadline::{Deadline, Elapsed},
    held::Held,
    keyed::{Fate, Keyed, Measure, Taken},
    leak::Watch,
    under_way::{drain, fate_after},
    verdict::{admit, explain, no_answer, settle},
};

/// Exclusive use of a connection, given back on drop.
///
/// Made by [`Server::lease`](crate::Server::lease); dereferences to the
/// connection. One that died meanwhile does not return to the pool.
///
/// Calls are best made by [`run`](Self::run): of one that is made on the bare connection
/// and given up, the lease does not know, and the next caller may have to wait
/// until the server is done with it.
#[must_use = "a lease that is dropped at once gives its connection back unused"]
pub struct Lease<C: Connector> {
    keyed: Arc<Keyed<C>>,
    /// Filled before its caller has it.
    pub(crate) taken: Option<Taken<C>>,
    fate: Fate,
    /// The server may be busy with a call that was given up.
    abandoned: bool,
    /// Ends with the lease.
    watch: Option<Watch>,
}

impl<C: Connector> Lease<C> {
    /// A lease of what is to be put into it; whatever happens, that is given back from there.
    pub(crate) fn empty(keyed: Arc<Keyed<C>>) -> Self {
        Self {
            watch: None,
            keyed,
            taken: None,
            fate: Fate::Reuse,
            abandoned: false,
        }
    }

    /// Has it reported if this caller keeps it for too long.
    pub(crate) fn watched(mut self, caller: &'static Location<'static>) -> Self {
        self.watch = Watch::start(&self.keyed, caller);
        self
    }

    /// Runs one call on the connection, bounded in time and heard by the breaker.
    ///
    /// It is not repeated: calls on a lease build on each other.
    ///
    /// # Errors
    ///
    /// What `call` returned, if the server answered; `CallTimeout` if it did not in
    /// time; `BreakerOpen` if the circuit breaker refused.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the call up. When the lease ends, the connection is
    /// given to the next caller only once it gives a sign of life again, and closed if
    /// it does not.
    pub async fn run<T, F, Fut>(&mut self, operation: Operation, call: F) -> Result<T, Error>
    where
        F: FnOnce(Arc<C::Connection>) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let keyed = Arc::clone(&self.keyed);
        let limit = operation
            .timeout()
            .unwrap_or(keyed.core.settings.call_timeout);
        let timer = pin!(None);
        let mut deadline = Deadline::new(limit, timer);
        let permit = admit(&keyed, operation)?;
        let gone_before = std::mem::replace(&mut self.abandoned, true);
        let connection = Arc::clone(&self.held().connection);
        let result = deadline.bound(pin!(call(connection))).await;
        let result = result.unwrap_or_else(|Elapsed| Err(no_answer(limit)));
        if let Some(fate) = fate_after(result.as_ref().err()) {
            self.abandoned = gone_before;
            if self.fate == Fate::Reuse {
                self.fate = fate;
            }
        }
        let took = deadline.took(None).map(|took| took.time);
        settle(permit, took, self.held().outcome(&result));
        result.map_err(|error| explain(&keyed, operation, 1, &deadline, error))
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
            if self.abandoned && fate == Fate::Reuse {
                drain(&self.keyed, taken);
            } else {
                self.keyed.give_back(taken, fate, Measure::Lease);
            }
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
        self.end(self.fate);
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
