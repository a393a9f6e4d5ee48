//! When what was listed before is not to be trusted any more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_domain::{Error, ErrorKind};
use mcp_transport::{Changes, Client, Interests};
use tokio::{task::JoinHandle, time::timeout};

/// A connection waits for no more than this until its server is listened to.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends whenever what was listed before may be wrong. Shared by all that list the same
/// database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Epoch(Arc<State>);

#[derive(Debug, Default)]
struct State {
    number: AtomicU64,
    /// How many connections would tell of changes.
    ears: AtomicUsize,
}

impl Epoch {
    /// What was listed before is not to be trusted.
    pub(crate) fn end(&self) {
        self.0.number.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> u64 {
        self.0.number.load(Ordering::Relaxed)
    }

    /// Ends whenever the server tells on this connection that its lists have changed, and
    /// when nobody is left to be told: what changes then goes unheard.
    ///
    /// A server that does not tell is as good as one that never changes anything.
    pub(crate) async fn end_with_changes(&self, client: &Client) -> Option<Listening> {
        if !client.server().has_list_changes {
            return None;
        }
        let mut changes = match subscribe(client).await {
            Ok(changes) => changes,
            Err(error) => {
                tracing::debug!(error = %error.chain(), "the server's changes go unheard");
                return None;
            }
        };
        let ear = Ear::new(self.clone());
        Some(Listening(tokio::spawn(async move {
            while let Ok(Some(_)) = changes.next().await {
                ear.0.end();
            }
        })))
    }
}

async fn subscribe(client: &Client) -> Result<Changes, Error> {
    let subscribed = client.subscribe(Interests::new().resources().tools());
    timeout(PATIENCE, subscribed).await.unwrap_or_else(|_| {
        let message = "the server does not answer who wants to be told of changes";
        Err(Error::new(ErrorKind::CallTimeout, message))
    })
}

/// One connection that would tell of changes.
struct Ear(Epoch);

impl Ear {
    fn new(epoch: Epoch) -> Self {
        epoch.0.ears.fetch_add(1, Ordering::Relaxed);
        Self(epoch)
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        if self.0.0.ears.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.end();
        }
    }
}

/// Listening to a server. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Listening(JoinHandle<()>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}
