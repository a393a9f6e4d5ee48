//! Opening connections before the first call needs them.

use std::{cmp::max, pin::pin, sync::Arc};

use futures::future::join_all;
use mcp_domain::{Connection as _, Connector, Error, ErrorKind, Operation};

use crate::{Pool, Server, keyed::Keyed};

const WARM_UP: Operation = Operation::new("warm up").repeatable();

impl<C: Connector> Pool<C> {
    /// Starts the pool as its settings say: does nothing for a server that is to be
    /// [lazy](crate::SettingsBuilder::lazy_initialization), which is the default, and warms up all others.
    ///
    /// For the start of a program: after it, what is wrong with a server is known.
    ///
    /// # Errors
    ///
    /// The failure of the first server that could not be warmed up.
    ///
    /// # Cancel safety
    ///
    /// As [`warm_up`](Self::warm_up).
    pub async fn initialize(&self) -> Result<(), Error> {
        let servers = self.servers();
        let eager = servers.filter(|server| !server.is_lazy());
        warm_up(eager).await.into_result()
    }

    /// Opens `min_connections` to each server, at least one, whatever `lazy_initialization` says.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, connections that are being opened land in the pool.
    pub async fn warm_up(&self) -> WarmUpReport {
        warm_up(self.servers()).await
    }
}

impl<C: Connector> Server<C> {
    /// Starts this server alone, as [`Pool::initialize`] does all of them.
    ///
    /// # Errors
    ///
    /// As [`warm_up`](Self::warm_up).
    ///
    /// # Cancel safety
    ///
    /// As [`warm_up`](Self::warm_up).
    pub async fn initialize(&self) -> Result<(), Error> {
        match self.is_lazy() {
            true => Ok(()),
            false => self.warm_up().await.map(drop),
        }
    }

    fn is_lazy(&self) -> bool {
        self.keyed.core.settings.lazy_initialization
    }

    /// Opens `min_connections` to this server, at least one, and asks for a sign of
    /// life. Tells how many are open. A connect that fails is repeated as in [`run`](Self::run).
    ///
    /// In a scope of its own, where no minimum is kept, one is opened.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), if no connection could be opened; `ConnectFailed` and
    /// the like if only some of them could; `Closed` if the pool was closed meanwhile.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, connections that are being opened land in the pool.
    pub async fn warm_up(&self) -> Result<usize, Error> {
        let wanted = max(1, self.keyed.min_connections());
        if self.keyed.census().live < wanted {
            self.run(WARM_UP, |connection| async move { connection.ping().await })
                .await?;
        }
        let opened = opened_up_to(wanted, &self.keyed).await;
        opened.map_err(|cause| self.fell_short(wanted, cause))
    }

    /// Fewer connections than wanted are open, because a connect failed or, without a
    /// cause, because no more may be opened.
    fn fell_short(&self, wanted: usize, cause: Option<Error>) -> Error {
        let live = self.keyed.census().live;
        let message = format!(
            "only {live} of {wanted} connections to server `{}` could be opened",
            self.name()
        );
        match cause {
            _ if self.registry.is_closed() => {
                Error::new(ErrorKind::Closed, message + "; the pool is closed")
            }
            Some(cause) => Error::new(cause.kind(), message).with_source(cause),
            None => Error::new(ErrorKind::ConnectFailed, message + "; the pool is full"),
        }
    }
}

/// Waits until this many connections are open, where growth sees to it that they
/// will be. Fails when it does not, with why the last connect failed, if it did.
async fn opened_up_to<C: Connector>(
    wanted: usize,
    keyed: &Arc<Keyed<C>>,
) -> Result<usize, Option<Error>> {
    let failures = || keyed.counters.failed_connects();
    let before = failures();
    loop {
        let mut attempted = pin!(keyed.core.attempted.notified());
        attempted.as_mut().enable();
        keyed.grow();
        let census = keyed.census();
        if census.live >= wanted {
            return Ok(census.live);
        }
        if census.failing || failures() > before {
            return Err(keyed.failure());
        }
        if census.opening == 0 {
            return Err(None);
        }
        attempted.await;
    }
}

async fn warm_up<C: Connector>(servers: impl Iterator<Item = Server<C>>) -> WarmUpReport {
    let warmed = servers.map(|server| async move {
        let result = server.warm_up().await;
        let server = Arc::clone(&server.keyed.core.name);
        WarmedUp { server, result }
    });
    WarmUpReport {
        servers: join_all(warmed).await,
    }
}

/// What came of warming up a pool.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use = "it may tell of a server that cannot be reached"]
pub struct WarmUpReport {
    /// The servers, in the order in which they were added.
    pub servers: Vec<WarmedUp>,
}

/// What came of warming up one server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WarmedUp {
    /// The server's name.
    pub server: Arc<str>,
    /// How many connections are open; or why they are not as many as they should be.
    pub result: Result<usize, Error>,
}

impl WarmUpReport {
    /// Nothing, if all went well.
    ///
    /// # Errors
    ///
    /// The failure of the first server that could not be warmed up.
    pub fn into_result(self) -> Result<(), Error> {
        let failed = self.servers.into_iter().find_map(|one| one.result.err());
        failed.map_or(Ok(()), Err)
    }
}
