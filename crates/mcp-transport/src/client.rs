//! An open connection to a server, and the calls on it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mcp_domain::{Connection, Connector as _, Error, ErrorKind, Scope};
use rmcp::{
    ClientHandler as _, Peer, RoleClient,
    model::{ClientRequest, PingRequest, ProtocolVersion},
    service::RunningService,
};

use crate::{
    IntoConnector, LogLevel, ServerInfo,
    backing::Backing,
    host::Host,
    http::{Approach, Shortcut},
    road::Road,
    witness::Witness,
};

mod arguments;
mod ask;
mod call;
mod lists;
mod logging;
mod prompts;
mod read;
mod resources;
mod span;
mod subscriptions;
mod tasks;
mod tools;

pub use self::{
    arguments::{Arguments, IntoArguments},
    call::Call,
    lists::Listed,
    prompts::Unfinished,
    subscriptions::{Changes, Interests},
};

/// How long the channel may take to close. The SDK needs seconds where a handler of ours is
/// busy, and for ever where the runtime of the connection rests.
const CLOSING: Duration = Duration::from_secs(10);

/// An open connection to an MCP server.
///
/// It is kept by the runtime that it was opened on: while that rests, calls from elsewhere
/// run out of time, and when it ends, the connection does.
/// Any number of calls can be in flight on it. Dropping it closes it at once, and
/// kills a child process; [`close`](Connection::close) does so properly.
#[derive(Debug)]
pub struct Client {
    peer: Peer<RoleClient>,
    server: ServerInfo,
    revision: ProtocolVersion,
    label: Arc<str>,
    road: Arc<Road>,
    /// For requests that need nothing but their answer, where there is one.
    shortcut: Option<Shortcut>,
    witness: Witness,
    host: Arc<Host>,
    call_timeout: Option<Duration>,
    /// What every request is to say, where there is no session to remember it.
    log_level: Mutex<Option<LogLevel>>,
    open: Mutex<Option<Open>>,
}

/// What is to be closed.
#[derive(Debug)]
struct Open {
    service: RunningService<RoleClient, Arc<Host>>,
    backing: Backing,
}

impl Client {
    /// Opens a connection, for those who need just one. Others use a [`ClientConnector`](crate::ClientConnector).
    ///
    /// The target may be a [`Target`](mcp_domain::Target), a connector, or a text such as
    /// `https://host/mcp`, `server.py` or `npx -y some-server`: see [`infer`](crate::infer()).
    ///
    /// # Errors
    ///
    /// As [`IntoConnector::into_connector`] and [`connect`](mcp_domain::Connector::connect).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, everything it has opened is closed.
    pub async fn connect(target: impl IntoConnector) -> Result<Self, Error> {
        let connector = target.into_connector()?;
        connector.connect(&Scope::default()).await
    }

    pub(crate) fn new(
        service: RunningService<RoleClient, Arc<Host>>,
        backing: Backing,
        label: Arc<str>,
        road: Arc<Road>,
        call_timeout: Option<Duration>,
    ) -> Self {
        let info = service.peer_info();
        let revision = info.as_ref().map(|info| info.protocol_version.clone());
        let server = info.map(|info| ServerInfo::from(&*info));
        Self {
            peer: service.peer().clone(),
            // The SDK knows its peer once it has shaken hands.
            server: server.unwrap_or_default(),
            revision: revision.unwrap_or_default(),
            label,
            road,
            shortcut: None,
            witness: backing.witness().clone(),
            host: Arc::clone(service.service()),
            call_timeout,
            log_level: Mutex::default(),
            open: Mutex::new(Some(Open { service, backing })),
        }
    }

    /// The same connection, with a short way to its server.
    pub(crate) fn approached(mut self, approach: Approach) -> Self {
        self.shortcut = approach.shortcut(&self.revision, self.host.get_info());
        self
    }

    /// What the server said of itself.
    pub fn server(&self) -> &ServerInfo {
        &self.server
    }

    pub(crate) fn revision(&self) -> &ProtocolVersion {
        &self.revision
    }

    /// The way to the server, unless it is known to be closed.
    fn peer(&self) -> Result<&Peer<RoleClient>, Error> {
        if self.is_open() {
            return Ok(&self.peer);
        }
        let message = format!("the connection to {} is closed", self.label);
        let error = Error::new(ErrorKind::NotSent, message);
        Err(self.witness.scrub(self.witness.add_to(error)))
    }

    async fn explained(&self, error: Error) -> Error {
        let lost = matches!(error.kind(), ErrorKind::Disconnected | ErrorKind::NotSent);
        let error = match lost {
            true => self.witness.explain(error).await,
            false => error,
        };
        self.witness.scrub(error)
    }

    fn take_open(&self) -> Option<Open> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.take()
    }
}

impl Connection for Client {
    fn is_open(&self) -> bool {
        !self.peer.is_transport_closed() && !self.host.deadlines.are_over()
    }

    fn is_stateless(&self) -> bool {
        !self.revision.has_initialize()
    }

    async fn ping(&self) -> Result<(), Error> {
        let ping = ClientRequest::PingRequest(PingRequest::default());
        match self.ask_once(ping.into(), &self.how(), None).await {
            Ok(_) => Ok(()),
            // A server that knows no ping (2026-07-28 has none) is alive all the same.
            Err(error) if matches!(error.kind(), ErrorKind::Rpc(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn close(&self) -> Result<(), Error> {
        let Some(Open {
            mut service,
            backing,
        }) = self.take_open()
        else {
            return Ok(());
        };
        // The server is told first that the session ends: nothing more may be asked in it.
        self.host.end();
        let label = Arc::clone(&self.label);
        // In a task of its own, so that it goes on if the caller gives up.
        let closing = tokio::spawn(async move {
            if let Err(error) = service.close_with_timeout(CLOSING).await {
                tracing::debug!(server = %label, %error, "the connection's task failed");
            }
            // Closes the pipes, which tells the peer to go.
            drop(service);
            backing.end().await
        });
        closing.await.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Closed, "closing was cut short").with_source(error))
        })
    }
}
