//! Values from the caller, on their way into a statement.
//!
//! They travel as text, so that PostgreSQL itself reads them as the type it wants
//! there: nothing is lost, and every type can be bound.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use mcp_domain::{Error, ErrorKind};
use serde_json::Value;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

/// A value as PostgreSQL's own text for it; `None` is NULL.
#[derive(Debug)]
pub(super) struct Parameter(Option<String>);

/// The parameters for a statement that wants these types.
///
/// # Errors
///
/// `ToolFailed` if there are more or fewer, or one has no text.
pub(super) fn parameters(values: &[Value], types: &[Type]) -> Result<Vec<Parameter>, Error> {
    let (wanted, given) = (types.len(), values.len());
    if wanted != given {
        let message = format!("the statement has {wanted} parameters, but {given} were given");
        return Err(Error::new(ErrorKind::ToolFailed, message));
    }
    let pairs = (1..).zip(values.iter().zip(types));
    pairs
        .map(|(place, (value, ty))| {
            text(value, ty).map(Parameter).ok_or_else(|| {
                let message = format!(
                    "parameter {place} must be null, a boolean, a number, a string, an array \
                     or {{\"$blob\": \"<base64>\"}}, not {value}"
                );
                Error::new(ErrorKind::ToolFailed, message)
            })
        })
        .collect()
}

fn text(value: &Value, ty: &Type) -> Option<Option<String>> {
    if let Some(bytes) = blob(value) {
        return Some(Some(hexadecimal(&bytes)));
    }
    let json = [Type::JSON, Type::JSONB].contains(ty);
    match value {
        Value::Null => Some(None),
        // A string is text of JSON already.
        Value::String(text) => Some(Some(text.clone())),
        Value::Bool(_) | Value::Number(_) => Some(Some(value.to_string())),
        Value::Array(_) | Value::Object(_) if json => Some(Some(value.to_string())),
        Value::Array(items) => array(items).map(Some),
        Value::Object(_) => None,
    }
}

fn blob(value: &Value) -> Option<Vec<u8>> {
    let text = value.get("$blob")?.as_str()?;
    BASE64_STANDARD.decode(text).ok()
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("\\x");
    for byte in bytes {
        text.extend(
            [byte >> 4, byte & 15]
                .map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or_default()),
        );
    }
    text
}

/// `{1,NULL,"a \"quoted\" string",{2}}`
fn array(items: &[Value]) -> Option<String> {
    let items = items.iter().map(|item| match item {
        Value::Null => Some("NULL".to_owned()),
        Value::Array(inner) => array(inner),
        Value::Bool(_) | Value::Number(_) => Some(item.to_string()),
        Value::String(text) => Some(quoted(text)),
        Value::Object(_) => blob(item).map(|bytes| quoted(&hexadecimal(&bytes))),
    });
    let items: Option<Vec<_>> = items.collect();
    Some(format!("{{{}}}", items?.join(",")))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl ToSql for Parameter {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match &self.0 {
            None => Ok(IsNull::Yes),
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_become_text_as_postgresql_reads_it() {
        for (value, ty, expected) in [
            (json!(null), Type::INT4, Some(None)),
            (json!(true), Type::BOOL, Some(Some("true"))),
            (
                json!(9_007_199_254_740_993_i64),
                Type::INT8,
                Some(Some("9007199254740993")),
            ),
            (json!("1.10"), Type::NUMERIC, Some(Some("1.10"))),
            (
                json!({ "$blob": "AP8=" }),
                Type::BYTEA,
                Some(Some("\\x00ff")),
            ),
            (
                json!([1, null, [2]]),
                Type::INT4_ARRAY,
                Some(Some("{1,NULL,{2}}")),
            ),
            (
                json!(["a\"\\", ""]),
                Type::TEXT_ARRAY,
                Some(Some("{\"a\\\"\\\\\",\"\"}")),
            ),
            (
                json!([{ "$blob": "AP8=" }]),
                Type::BYTEA_ARRAY,
                Some(Some("{\"\\\\x00ff\"}")),
            ),
            (
                json!([1, { "a": null }]),
                Type::JSONB,
                Some(Some("[1,{\"a\":null}]")),
            ),
            (json!({ "a": 1 }), Type::TEXT, None),
            (json!([{ "a": 1 }]), Type::TEXT_ARRAY, None),
        ] {
            let expected = expected.map(|text| text.map(str::to_owned));
            assert_eq!(text(&value, &ty), expected, "{value}");
        }
    }
}
