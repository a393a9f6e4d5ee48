//! What the long way hears of the short one, and what the short one has to know of it.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
};

use rmcp::{
    RoleClient,
    model::{JsonRpcMessage, ServerResult, Tool},
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use serde_json::Value;
use tokio::sync::mpsc;

/// A channel that also hears what the server says beside its answers on the short way.
pub(crate) struct Aside<T> {
    inner: T,
    others: mpsc::Receiver<RxJsonRpcMessage<RoleClient>>,
    promoted: Arc<Promoted>,
}

impl<T> Aside<T> {
    pub(super) fn new(
        inner: T,
        others: mpsc::Receiver<RxJsonRpcMessage<RoleClient>>,
        promoted: Arc<Promoted>,
    ) -> Self {
        Self {
            inner,
            others,
            promoted,
        }
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Aside<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.inner.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let message = tokio::select! {
            message = self.inner.receive() => message,
            Some(message) = self.others.recv() => Some(message),
        };
        if let Some(JsonRpcMessage::Response(answer)) = &message
            && let ServerResult::ListToolsResult(list) = &answer.result
        {
            self.promoted.note(&list.tools);
        }
        message
    }

    fn close(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        self.inner.close()
    }
}

/// The tools with arguments that are to stand in headers, too (revision 2026-07-28): the SDK
/// puts them there.
#[derive(Default)]
pub(crate) struct Promoted(RwLock<HashSet<String>>);

impl Promoted {
    pub(super) fn has(&self, tool: &str) -> bool {
        let tools = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tools.contains(tool)
    }

    fn note(&self, listed: &[Tool]) {
        let promotes = |tool: &&Tool| tool.input_schema.values().any(promotes);
        let promoted = listed.iter().filter(promotes);
        let names: Vec<_> = promoted.map(|tool| tool.name.to_string()).collect();
        if !names.is_empty() {
            let mut tools = self.0.write().unwrap_or_else(PoisonError::into_inner);
            tools.extend(names);
        }
    }
}

fn promotes(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => {
            fields.contains_key("x-mcp-header") || fields.values().any(promotes)
        }
        Value::Array(items) => items.iter().any(promotes),
        _ => false,
    }
}
