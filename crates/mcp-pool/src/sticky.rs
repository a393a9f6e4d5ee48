//! The same session, call after call.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use mcp_domain::{Connector, Error, Operation};

use crate::{Lease, Server};

/// A server for one caller whose calls build on state at the server, such as a
/// selected workspace or a browser's page.
///
/// Made by [`Server::sticky`]. Each call is told whether it meets the connection that
/// the one before it met, so that what was lost can be set up again.
///
/// Others of the same scope may use the connection between two calls; a caller who
/// wants a session of its own has a scope of its own. On a server that was added as
/// [sticky](crate::ServerBuilder::sticky), each scope has one connection, and so the
/// same one as long as it lives.
///
/// ```
/// # use mcp_domain::{Connection, Connector, Error, Operation, Scope};
/// # struct Page;
/// # impl Connection for Page {
/// #     fn is_open(&self) -> bool { true }
/// #     async fn ping(&self) -> Result<(), Error> { Ok(()) }
/// #     async fn close(&self) -> Result<(), Error> { Ok(()) }
/// # }
/// # impl Page {
/// #     async fn open(&self, _: &str) -> Result<(), Error> { Ok(()) }
/// #     async fn click(&self, _: &str) -> Result<(), Error> { Ok(()) }
/// # }
/// # struct Browser;
/// # impl Connector for Browser {
/// #     type Connection = Page;
/// #     async fn connect(&self, _: &Scope) -> Result<Page, Error> { Ok(Page) }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// # let pool = mcp_pool::Pool::default();
/// const CLICK: Operation = Operation::new("click");
///
/// let browser = pool.server("browser", Browser).sticky().add();
/// let mine = browser.scoped(Scope::new("conversation:7")).sticky();
/// mine.run(CLICK, |page, continuity| async move {
///     if !continuity.is_same() {
///         page.open("https://example.com/").await?;
///     }
///     page.click("buy").await
/// })
/// .await?;
/// # Ok(())
/// # }
/// ```
pub struct Sticky<C: Connector> {
    server: Server<C>,
    /// The number of the connection that the last call met; 0 for none.
    last: AtomicU64,
}

/// Does a call meet the connection that the call before it met?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// There was no call before it.
    First,
    /// Yes: the state at the server is what it was left as.
    Same,
    /// No: it is another connection, on which nothing of that has been set up.
    ///
    /// On a server that was added as [sticky](crate::ServerBuilder::sticky) the former one
    /// was closed, and its state is lost. On any other it may as well be in somebody
    /// else's hands.
    Replaced,
}

impl Continuity {
    /// Is the state at the server what it was left as?
    pub fn is_same(self) -> bool {
        self == Self::Same
    }
}

impl<C: Connector> Sticky<C> {
    pub(crate) fn new(server: Server<C>) -> Self {
        Self {
            server,
            last: AtomicU64::new(0),
        }
    }

    /// Runs one call as [`Server::run`] does, and tells it whether it meets the same
    /// connection.
    ///
    /// A connection counts as met when a call on it has succeeded: one that failed,
    /// or was given up, may not have set up what was lost.
    ///
    /// # Errors
    ///
    /// As [`Server::run`].
    ///
    /// # Cancel safety
    ///
    /// As [`Server::run`].
    pub async fn run<T, F, Fut>(&self, operation: Operation, call: F) -> Result<T, Error>
    where
        F: Fn(Arc<C::Connection>, Continuity) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let met = AtomicU64::new(0);
        let result = self
            .server
            .run_on(operation, |held| {
                met.store(held.number, Ordering::Relaxed);
                call(Arc::clone(&held.connection), self.continuity(held.number))
            })
            .await;
        if result.is_ok() {
            self.last.store(met.into_inner(), Ordering::Relaxed);
        }
        result
    }

    /// Takes the connection for several calls, and tells whether it is the same.
    ///
    /// # Errors
    ///
    /// As [`Server::lease`].
    ///
    /// # Cancel safety
    ///
    /// As [`Server::lease`].
    #[track_caller]
    pub fn lease(
        &self,
        operation: Operation,
    ) -> impl Future<Output = Result<(Lease<C>, Continuity), Error>> {
        let lease = self.server.lease(operation);
        async move {
            let lease = lease.await?;
            let number = lease.number();
            let continuity = self.continuity(number);
            self.last.store(number, Ordering::Relaxed);
            Ok((lease, continuity))
        }
    }

    fn continuity(&self, number: u64) -> Continuity {
        match self.last.load(Ordering::Relaxed) {
            0 => Continuity::First,
            last if last == number => Continuity::Same,
            _ => Continuity::Replaced,
        }
    }
}

impl<C: Connector> fmt::Debug for Sticky<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sticky").field(&self.server).finish()
    }
}
