//! What a connection rests on, and what has to be gone when it is closed.

use mcp_domain::{Error, ErrorKind};
use tokio::task::JoinHandle;

use crate::{
    bounded::Limit,
    process::{Ending, Process},
    secrets::Secrets,
    witness::Witness,
};

/// What a connection rests on, and what is known of it.
#[derive(Debug)]
pub(crate) struct Backing {
    peer: Peer,
    witness: Witness,
}

/// What a connection rests on.
#[derive(Debug)]
pub(crate) enum Peer {
    /// Nothing but sockets, which the channel itself closes.
    Elsewhere,
    /// A server in this process.
    InProcess(Task),
    /// A child process.
    Process(Process),
}

impl Backing {
    pub(crate) fn new(peer: Peer, limit: Limit, secrets: Secrets) -> Self {
        let process = match &peer {
            Peer::Process(process) => Some(process.witness().clone()),
            Peer::Elsewhere | Peer::InProcess(_) => None,
        };
        let witness = Witness::new(process, limit, secrets);
        Self { peer, witness }
    }

    /// Who knows how the peer ended, and why.
    pub(crate) fn witness(&self) -> &Witness {
        &self.witness
    }

    /// Waits until the peer is gone. The channel to it is closed already.
    pub(crate) async fn end(self) -> Result<(), Error> {
        match self.peer {
            Peer::Elsewhere => Ok(()),
            Peer::InProcess(task) => {
                task.end().await;
                Ok(())
            }
            Peer::Process(process) => match process.end().await {
                Ending::Proper => Ok(()),
                Ending::Killed => Err(Error::new(
                    ErrorKind::Closed,
                    "the server did not end when asked to, and was killed",
                )),
            },
        }
    }
}

/// The task of a server in this process; dropping it aborts it.
#[derive(Debug)]
pub(crate) struct Task(Option<JoinHandle<()>>);

impl Task {
    pub(crate) fn new(handle: JoinHandle<()>) -> Self {
        Self(Some(handle))
    }

    async fn end(mut self) {
        if let Some(handle) = self.0.take() {
            // It ends by itself when it sees that its peer is gone.
            let abort = handle.abort_handle();
            let grace = std::time::Duration::from_secs(1);
            if tokio::time::timeout(grace, handle).await.is_err() {
                abort.abort();
            }
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }
}
