//! Whether a session hears what its server asks by itself.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::timeout};

/// How long a server may take to open the stream of a session. Some send nothing, not
/// even the head of their answer, before they have something to say.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether a session hears what its server asks by itself.
///
/// The SDK opens a stream for that as soon as there is a session, and lets calls go ahead
/// of it. A server that asks during such a call may find nobody listening, and wait for
/// an answer that never comes.
#[derive(Clone, Debug)]
pub(crate) struct Ear(Arc<watch::Sender<Hearing>>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Hearing {
    /// There is no session, and so no stream.
    Nothing,
    /// There is a session, and its stream is to come.
    Soon,
    /// The stream is there, or the server has none.
    Settled,
}

impl Ear {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Hearing::Nothing)))
    }

    /// Waits until the stream of the session is there, if there is to be one.
    pub(crate) async fn opened(&self) {
        let mut hearing = self.0.subscribe();
        let settled = hearing.wait_for(|hearing| *hearing != Hearing::Soon);
        if timeout(PATIENCE, settled).await.is_err() {
            tracing::debug!("the server does not open a stream for what it asks by itself");
        }
    }

    /// A request was answered with a session.
    pub(super) fn note_session(&self) {
        self.0.send_if_modified(|hearing| {
            let first = *hearing == Hearing::Nothing;
            if first {
                *hearing = Hearing::Soon;
            }
            first
        });
    }

    /// A stream was answered, with one or without.
    pub(super) fn note_stream(&self) {
        self.0.send_replace(Hearing::Settled);
    }
}
