//! What the SDK is given to read: answers to discovery that lack what it requires and
//! nobody needs, and what quotes our credentials and would be logged by it.
//!
//! MCP Toolbox, for one, leaves out the cache hints. The specification says to read a
//! missing `ttlMs` as 0; the SDK takes such an answer for one of an unknown kind.

use rmcp::{
    RoleClient,
    model::{CustomResult, DiscoverResult, JsonRpcMessage, ServerResult},
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use serde_json::{Value, json};

use crate::secrets::Secrets;

/// A channel to a server whose answers to discovery are understood also where they lack
/// cache hints, and who tells no credentials of ours.
#[derive(Debug)]
pub(crate) struct Lenient<T> {
    inner: T,
    secrets: Secrets,
}

impl<T> Lenient<T> {
    pub(crate) fn new(inner: T, secrets: Secrets) -> Self {
        Self { inner, secrets }
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Lenient<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.inner.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        // Changed where it is: messages are large.
        let mut message = self.inner.receive().await;
        match &mut message {
            Some(JsonRpcMessage::Response(response)) => {
                understand(&mut response.result);
                self.secrets.hush_introduction(&mut response.result);
            }
            Some(JsonRpcMessage::Notification(told)) => self.secrets.hush(&mut told.notification),
            _ => {}
        }
        message
    }

    fn close(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        self.inner.close()
    }
}

fn understand(result: &mut ServerResult) {
    if let ServerResult::CustomResult(CustomResult(value)) = result
        && let Some(found) = discovery(value)
    {
        *result = ServerResult::DiscoverResult(found);
    }
}

fn discovery(value: &Value) -> Option<DiscoverResult> {
    let mut fields = value.as_object()?.clone();
    if !fields.contains_key("supportedVersions") {
        return None;
    }
    // What is not to be kept, and not to be shared, is safe.
    for (name, default) in [
        ("resultType", json!("complete")),
        ("ttlMs", json!(0)),
        ("cacheScope", json!("private")),
    ] {
        let field = fields.entry(name).or_insert(Value::Null);
        if field.is_null() {
            *field = default;
        }
    }
    serde_json::from_value(Value::Object(fields)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(result: Value) -> ServerResult {
        let mut result = ServerResult::CustomResult(CustomResult(result));
        understand(&mut result);
        result
    }

    #[test]
    fn missing_hints_are_read_as_no_hints() {
        for hints in [
            json!({}),
            json!({ "ttlMs": null, "cacheScope": null, "resultType": null }),
            json!({ "ttlMs": 0 }),
        ] {
            let mut result = json!({ "supportedVersions": ["2026-07-28"], "capabilities": {} });
            let fields = result.as_object_mut().unwrap();
            fields.extend(hints.as_object().unwrap().clone());
            let ServerResult::DiscoverResult(found) = answer(result) else {
                panic!("not understood: {hints}");
            };
            assert_eq!(found.ttl_ms, 0);
        }
    }

    #[test]
    fn what_is_no_answer_to_discovery_stays_what_it_is() {
        for result in [
            json!({ "content": [] }),
            json!({ "supportedVersions": "all" }),
            json!([1]),
        ] {
            let ServerResult::CustomResult(CustomResult(kept)) = answer(result.clone()) else {
                panic!("changed: {result}");
            };
            assert_eq!(kept, result);
        }
    }
}
