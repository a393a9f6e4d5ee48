//! A transport that says when it is gone.

use std::{borrow::Cow, sync::Arc};

use rmcp::{
    RoleClient,
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};

use super::Host;

/// A transport whose end is told to those who would wait for news for ever.
pub(crate) struct Watched<T> {
    transport: T,
    host: Arc<Host>,
}

impl<T> Watched<T> {
    pub(crate) fn new(transport: T, host: Arc<Host>) -> Self {
        Self { transport, host }
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Watched<T> {
    type Error = T::Error;

    fn name() -> Cow<'static, str> {
        T::name()
    }

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), T::Error>> + Send + 'static {
        self.transport.send(message)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let message = self.transport.receive().await;
        if message.is_none() {
            // All that has come is handed on, and no more will. The SDK may go on for
            // seconds, for what we have not answered yet.
            self.host.end();
        }
        message
    }

    fn close(&mut self) -> impl Future<Output = Result<(), T::Error>> + Send {
        self.transport.close()
    }
}

impl<T> Drop for Watched<T> {
    fn drop(&mut self) {
        self.host.end();
    }
}
