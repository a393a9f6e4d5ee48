//! What servers tell without credentials: notifications, and what they say of themselves.
//! The SDK logs all of it, and hosts do, too.
#![expect(
    deprecated,
    reason = "deprecated with 2026-07-28, and all that earlier servers know"
)]

use rmcp::model::{ServerNotification, ServerResult};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::Secrets;

impl Secrets {
    /// The notification without them.
    pub(crate) fn hush(&self, told: &mut ServerNotification) {
        match told {
            ServerNotification::CancelledNotification(told) => {
                self.hide_in_some(&mut told.params.reason);
            }
            ServerNotification::CustomNotification(told) => {
                told.params.iter_mut().for_each(|value| self.hide_in(value));
            }
            ServerNotification::LoggingMessageNotification(told) => {
                self.hide_in_some(&mut told.params.logger);
                self.hide_in(&mut told.params.data);
            }
            ServerNotification::ProgressNotification(told) => {
                self.hide_in_some(&mut told.params.message);
            }
            _ => {}
        }
    }

    /// What a server says of itself, without them; other answers are the callers'.
    pub(crate) fn hush_introduction(&self, answer: &mut ServerResult) {
        match answer {
            ServerResult::DiscoverResult(said) => self.hide_in_any(said),
            ServerResult::InitializeResult(said) => self.hide_in_any(said),
            _ => {}
        }
    }

    /// Only texts change, so that it can be read back; if it cannot, it stays.
    fn hide_in_any<T: Serialize + DeserializeOwned>(&self, said: &mut T) {
        if let Ok(mut value) = serde_json::to_value(&*said) {
            self.hide_in(&mut value);
            if let Ok(hushed) = serde_json::from_value(value) {
                *said = hushed;
            }
        }
    }

    fn hide_in(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.hide_in(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.hide_in(field)),
            Value::String(text) => *text = self.hide(text),
            Value::Bool(_) | Value::Null | Value::Number(_) => {}
        }
    }

    fn hide_in_some(&self, text: &mut Option<String>) {
        if let Some(text) = text {
            *text = self.hide(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_server_tells_loses_its_secrets_and_nothing_else() {
        let secrets = Secrets::default();
        secrets.add("hunter2");
        for (method, params) in [
            (
                "notifications/message",
                json!({ "level": "info", "logger": "hunter2", "data": [{ "of": "hunter2!" }, 1] }),
            ),
            (
                "notifications/progress",
                json!({ "progressToken": 1, "progress": 0.5, "message": "as hunter2" }),
            ),
            (
                "notifications/cancelled",
                json!({ "requestId": 1, "reason": "hunter2" }),
            ),
            ("notifications/of/its/own", json!({ "a": "hunter2" })),
        ] {
            let told = json!({ "method": method, "params": params });
            let mut hushed = serde_json::from_value(told.clone()).unwrap();
            secrets.hush(&mut hushed);
            let expected = told.to_string().replace("hunter2", "(hidden)");
            let expected: Value = serde_json::from_str(&expected).unwrap();
            assert_eq!(serde_json::to_value(hushed).unwrap(), expected);
        }
    }
}
