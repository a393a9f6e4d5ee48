//! What a connection rests on, and what has to be gone when it is closed.

use mcp_domain::{Error, ErrorKind};
use tokio::task::JoinHandle;

use crate::process::{Ending, Process, Witness};

/// What a connection rests on.
#[derive(Debug)]
pub(crate) enum Backing {
    /// Sockets, which the process-wide HTTP client owns.
    Http,
    /// A server in this process.
    InProcess(Task),
    /// A child process.
    Process(Process),
}

impl Backing {
    /// Who knows how the peer ended, and why.
    pub(crate) fn witness(&self) -> Option<&Witness> {
        match self {
            Self::Process(process) => Some(process.witness()),
            Self::Http | Self::InProcess(_) => None,
        }
    }

    /// Adds what is known of the peer to an error.
    pub(crate) fn add_to(&self, error: Error) -> Error {
        match self.witness() {
            Some(witness) => witness.add_to(error),
            None => error,
        }
    }

    /// Adds what is known of the peer to an error, waiting a moment for its end.
    pub(crate) async fn explain(&self, error: Error) -> Error {
        match self.witness() {
            Some(witness) => witness.explain(error).await,
            None => error,
        }
    }

    /// Waits until the peer is gone. The channel to it is closed already.
    pub(crate) async fn end(self) -> Result<(), Error> {
        match self {
            Self::Http => Ok(()),
            Self::InProcess(task) => {
                task.end().await;
                Ok(())
            }
            Self::Process(process) => match process.end().await {
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
