//! Who wants to know that the list of tables has changed.

use std::sync::{Mutex, PoisonError};

use rmcp::{ErrorData, Peer, RoleServer, service::SubscriptionContext};
use tokio::sync::watch;

/// The clients of all sessions, and those that listen (since revision 2026-07-28).
#[derive(Debug, Default)]
pub(crate) struct Changes {
    sessions: Mutex<Vec<Peer<RoleServer>>>,
    count: watch::Sender<u64>,
}

impl Changes {
    /// A session has begun.
    pub(crate) fn join(&self, client: Peer<RoleServer>) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|client| !client.is_transport_closed());
        sessions.push(client);
    }

    /// Tells everybody, without waiting for anybody.
    pub(crate) fn tell(&self) {
        self.count.send_modify(|count| *count += 1);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|client| !client.is_transport_closed());
        for client in sessions.iter() {
            let client = client.clone();
            tokio::spawn(async move {
                if let Err(error) = client.notify_resource_list_changed().await {
                    tracing::debug!(%error, "a client could not be told of a change");
                }
            });
        }
    }

    /// Tells one listener of each change, until it listens no more.
    pub(crate) async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.count.subscribe();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                // Fails only when this is gone, and nobody would be left to tell.
                Ok(()) = changes.changed() => {
                    let told = context.sink().notify_resource_list_changed().await;
                    if told.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }
}
