//! What we owe a peer: answers to what it has asked.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures::FutureExt as _;
use rmcp::{
    RoleClient,
    model::{JsonRpcMessage, ServerNotification},
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};

use super::Limit;

/// How many answers a peer may let pile up. One that asks on and on and does not read
/// what it is told would have us keep them all.
pub(super) const MOST: usize = 1000;

/// A channel that ends where a peer asks more than it reads.
#[derive(Debug)]
pub(crate) struct Owed<T> {
    inner: T,
    limit: Limit,
    answers: Arc<AtomicUsize>,
}

impl<T> Owed<T> {
    pub(super) fn new(inner: T, limit: Limit) -> Self {
        Self {
            inner,
            limit,
            answers: Arc::default(),
        }
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Owed<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let is_answer = matches!(item, JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_));
        let settled = is_answer.then(|| Settled(Arc::clone(&self.answers)));
        self.inner.send(item).map(|sent| {
            drop(settled);
            sent
        })
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let message = self.inner.receive().await;
        // Looked at where it is: messages are large, and most are none of our business.
        match &message {
            Some(JsonRpcMessage::Request(_)) => {
                let owed = self.answers.fetch_add(1, Ordering::Relaxed);
                if owed >= MOST {
                    self.limit.note_asking();
                    return None;
                }
            }
            Some(JsonRpcMessage::Notification(told)) => {
                if let ServerNotification::CancelledNotification(_) = told.notification {
                    // What is taken back is not answered.
                    drop(Settled(Arc::clone(&self.answers)));
                }
            }
            _ => {}
        }
        message
    }

    fn close(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        self.inner.close()
    }
}

/// One answer less to give, once this is gone.
struct Settled(Arc<AtomicUsize>);

impl Drop for Settled {
    fn drop(&mut self) {
        let one_less = |answers: usize| answers.checked_sub(1);
        let order = Ordering::Relaxed;
        let _ = self.0.fetch_update(order, order, one_less);
    }
}
