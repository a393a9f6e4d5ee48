//! Questions of a server to the user.

use rmcp::model as wire;
use serde_json::{Map, Value};

/// A question of a server to the user.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Elicitation {
    /// A form to fill in.
    Form {
        /// What the user is to be told.
        message: String,
        /// The JSON Schema of what is asked for: an object of plain values.
        schema: Value,
    },
    /// A page to visit, where the user does what is asked: nothing of it is for us.
    Url {
        /// What the user is to be told.
        message: String,
        /// The page. It comes from the server, and is to be shown before it is opened.
        url: String,
    },
}

impl Elicitation {
    /// What the user is to be told.
    pub fn message(&self) -> &str {
        match self {
            Self::Form { message, .. } | Self::Url { message, .. } => message,
        }
    }

    /// The form with the values that the server proposes, and without those for which
    /// it proposes none.
    pub fn defaults(&self) -> Value {
        let mut filled = Map::new();
        if let Self::Form { schema, .. } = self {
            fill_in(&mut filled, schema);
        }
        Value::Object(filled)
    }

    /// What the server is answered.
    pub(crate) fn answered(&self, reply: ElicitationReply) -> wire::ElicitResult {
        let mut content = match reply {
            ElicitationReply::Accept(content) => content,
            ElicitationReply::Cancel => {
                return wire::ElicitResult::new(wire::ElicitationAction::Cancel);
            }
            ElicitationReply::Decline => {
                return wire::ElicitResult::new(wire::ElicitationAction::Decline);
            }
        };
        let accepted = wire::ElicitResult::new(wire::ElicitationAction::Accept);
        match self {
            Self::Form { schema, .. } => {
                if let Value::Object(filled) = &mut content {
                    fill_in(filled, schema);
                }
                accepted.with_content(content)
            }
            Self::Url { .. } => accepted,
        }
    }
}

/// Adds the defaults of the schema for what is missing.
fn fill_in(filled: &mut Map<String, Value>, schema: &Value) {
    let properties = schema["properties"].as_object().into_iter().flatten();
    for (name, property) in properties {
        if let Some(default) = property.get("default")
            && !filled.contains_key(name)
        {
            filled.insert(name.clone(), default.clone());
        }
    }
}

impl TryFrom<wire::ElicitRequestParams> for Elicitation {
    type Error = wire::ErrorData;

    fn try_from(params: wire::ElicitRequestParams) -> Result<Self, wire::ErrorData> {
        match params {
            wire::ElicitRequestParams::FormElicitationParams {
                message,
                requested_schema,
                ..
            } => Ok(Self::Form {
                message,
                schema: serde_json::to_value(requested_schema).unwrap_or_default(),
            }),
            wire::ElicitRequestParams::UrlElicitationParams { message, url, .. } => {
                Ok(Self::Url { message, url })
            }
            _ => Err(wire::ErrorData::invalid_params(
                "this client knows forms and pages only",
                None,
            )),
        }
    }
}

/// What the user says to a question.
#[derive(Clone, Debug, PartialEq)]
pub enum ElicitationReply {
    /// Yes, with the form filled in: an object. A page to visit needs none.
    Accept(Value),
    /// Nothing: the question was dismissed.
    Cancel,
    /// No.
    Decline,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn question() -> Elicitation {
        Elicitation::Form {
            message: "who?".to_owned(),
            schema: json!({ "properties": {
                "age": { "type": "integer", "default": 30 },
                "name": { "type": "string", "default": "Jane" },
                "sign": { "type": "string" },
            }}),
        }
    }

    #[test]
    fn what_is_left_out_of_a_form_has_its_default() {
        let reply = ElicitationReply::Accept(json!({ "age": 7 }));
        let answer = question().answered(reply);
        assert_eq!(answer.content, Some(json!({ "age": 7, "name": "Jane" })));
        assert_eq!(question().defaults(), json!({ "age": 30, "name": "Jane" }));
    }

    #[test]
    fn a_form_that_is_refused_is_not_filled_in() {
        for reply in [ElicitationReply::Cancel, ElicitationReply::Decline] {
            assert_eq!(question().answered(reply).content, None);
        }
    }
}
