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

    fn receive(&mut self) -> impl Future<Output = Option<RxJsonRpcMessage<RoleClient>>> + Send {
        self.transport.receive()
    }

    fn close(&mut self) -> impl Future<Output = Result<(), T::Error>> + Send {
        self.transport.close()
    }
}

impl<T> Drop for Watched<T> {
    fn drop(&mut self) {
        self.host.subscribers.end();
        self.host.gone.cancel();
    }
}
