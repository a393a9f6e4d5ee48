//! Values from the database as JSON, without loss.
//!
//! | type | JSON |
//! | --- | --- |
//! | `int2` to `int8`, `oid` | number, all 64 bits |
//! | `float4`, `float8` | number; a string where JSON has none (`NaN`, `inf`) |
//! | `numeric` | string, every digit |
//! | `bytea` | `{"$blob": "<base64>"}` |
//! | `date`, `time`, `timestamp`, `timestamptz` | string, ISO 8601; with a zone always UTC (`Z`) |
//! | `interval` | string, ISO 8601 duration |
//! | `json`, `jsonb` | itself; a string where a number would lose digits |
//! | arrays | arrays |
//! | enums, text, `uuid`, all others | string, PostgreSQL's own text |

mod numeric;
mod time;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use mcp_domain::{Error, ErrorKind};
use serde_json::{Value, json};
use tokio_postgres::{
    Row,
    types::{FromSql, Kind, Type},
};

/// Is a value of this type told from its binary form? All others are asked for as text.
pub(super) fn has_form(ty: &Type) -> bool {
    match ty.kind() {
        Kind::Enum(_) => true,
        Kind::Array(item) | Kind::Domain(item) => has_form(item),
        Kind::Simple => form(ty).is_some(),
        Kind::Pseudo => *ty == Type::VOID,
        _ => false,
    }
}

/// All values of a row.
///
/// # Errors
///
/// `BadResponse` if a value is not in the form of its type.
pub(super) fn to_json(row: &Row) -> Result<Vec<Value>, Error> {
    (0..row.len())
        .map(|place| {
            let value: Option<Told> = row.try_get(place).map_err(|error| {
                let column = row.columns()[place].name();
                let message = format!("the value of `{column}` cannot be read");
                Error::new(ErrorKind::BadResponse, message).with_source(error)
            })?;
            Ok(value.map_or(Value::Null, |Told(value)| value))
        })
        .collect()
}

/// A value as it is told.
struct Told(Value);

impl<'a> FromSql<'a> for Told {
    fn from_sql(
        ty: &Type,
        bytes: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        let value = told(ty, bytes);
        value
            .map(Told)
            .ok_or_else(|| format!("this is no {ty}").into())
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn told(ty: &Type, bytes: &[u8]) -> Option<Value> {
    match ty.kind() {
        Kind::Array(item) => array(item, bytes),
        Kind::Domain(inner) => told(inner, bytes),
        Kind::Enum(_) => text(bytes),
        _ => match form(ty) {
            Some(form) => form(bytes),
            None if *ty == Type::VOID => Some(Value::Null),
            None => Some(blob(bytes)),
        },
    }
}

type Form = fn(&[u8]) -> Option<Value>;

fn form(ty: &Type) -> Option<Form> {
    Some(match *ty {
        Type::BOOL => |bytes| Some(json!(u8::from_be_bytes(bytes.try_into().ok()?) != 0)),
        Type::BYTEA => |bytes| Some(blob(bytes)),
        Type::INT2 => |bytes| Some(json!(i16::from_be_bytes(bytes.try_into().ok()?))),
        Type::INT4 => |bytes| Some(json!(i32::from_be_bytes(bytes.try_into().ok()?))),
        Type::INT8 => |bytes| Some(json!(i64::from_be_bytes(bytes.try_into().ok()?))),
        Type::OID => |bytes| Some(json!(u32::from_be_bytes(bytes.try_into().ok()?))),
        Type::FLOAT4 => |bytes| {
            // The shortest digits that mean this value; as a double it has false ones.
            let short = f32::from_be_bytes(bytes.try_into().ok()?).to_string();
            Some(finite(short.parse().ok()?))
        },
        Type::FLOAT8 => |bytes| Some(finite(f64::from_be_bytes(bytes.try_into().ok()?))),
        Type::NUMERIC => |bytes| numeric::text(bytes).map(Value::String),
        Type::DATE => |bytes| time::date(bytes).map(Value::String),
        Type::TIME => |bytes| time::time(bytes).map(Value::String),
        Type::TIMESTAMP => |bytes| time::timestamp(bytes, "").map(Value::String),
        Type::TIMESTAMPTZ => |bytes| time::timestamp(bytes, "Z").map(Value::String),
        Type::INTERVAL => |bytes| time::interval(bytes).map(Value::String),
        Type::UUID => |bytes| uuid(bytes).map(Value::String),
        Type::JSON => |bytes| text_of(bytes).map(document),
        // A version comes first.
        Type::JSONB => |bytes| text_of(bytes.strip_prefix(&[1])?).map(document),
        Type::BPCHAR | Type::NAME | Type::TEXT | Type::UNKNOWN | Type::VARCHAR | Type::XML => text,
        _ if ty.name() == "citext" => text,
        _ => return None,
    })
}

fn text_of(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn text(bytes: &[u8]) -> Option<Value> {
    text_of(bytes).map(|text| json!(text))
}

fn blob(bytes: &[u8]) -> Value {
    json!({ "$blob": BASE64_STANDARD.encode(bytes) })
}

/// JSON has no number for some.
fn finite(real: f64) -> Value {
    if real.is_finite() {
        json!(real)
    } else {
        json!(real.to_string())
    }
}

fn uuid(bytes: &[u8]) -> Option<String> {
    let [a, b, c, d, e] = [0..4, 4..6, 6..8, 8..10, 10..16].map(|part| {
        let digits = bytes.get(part)?.iter();
        Some(digits.map(|byte| format!("{byte:02x}")).collect::<String>())
    });
    Some(format!("{}-{}-{}-{}-{}", a?, b?, c?, d?, e?))
}

/// A document as itself, if its numbers are such that a double holds all their digits.
fn document(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(document) if numbers_are_exact(text) => document,
        _ => json!(text),
    }
}

/// Whole numbers of up to 64 bits are exact, and others of up to 15 digits.
fn numbers_are_exact(text: &str) -> bool {
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        let from = &rest[start..];
        if let Some(string) = from.strip_prefix('"') {
            rest = after_string(string);
            continue;
        }
        let end = from.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c)));
        let (number, after) = from.split_at(end.unwrap_or(from.len()));
        let digits = number.split(['e', 'E']).next().unwrap_or_default();
        let digits = digits.bytes().filter(u8::is_ascii_digit).count();
        let whole = number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok();
        if !whole && digits > 15 {
            return false;
        }
        rest = after;
    }
    true
}

/// What follows the end of a string whose beginning has been read.
fn after_string(text: &str) -> &str {
    let mut escaped = false;
    for (place, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return &text[place + 1..],
            _ => {}
        }
    }
    ""
}

/// Dimensions, then items: each a length, or -1 for NULL, and its bytes.
fn array(item: &Type, bytes: &[u8]) -> Option<Value> {
    let mut input = Input(bytes);
    let lengths = lengths(&mut input)?;
    match lengths.is_empty() {
        true => Some(json!([])),
        false => items(item, &lengths, &mut input),
    }
}

/// How long an array is, in each dimension; an empty one has none.
pub(super) fn lengths(input: &mut Input<'_>) -> Option<Vec<usize>> {
    let dimensions = usize::try_from(input.number()?).ok()?;
    let _has_nulls = input.number()?;
    let _item_type = input.number()?;
    let mut lengths = Vec::new();
    for _ in 0..dimensions {
        lengths.push(usize::try_from(input.number()?).ok()?);
        let _first_index = input.number()?;
    }
    Some(lengths)
}

fn items(item: &Type, lengths: &[usize], input: &mut Input<'_>) -> Option<Value> {
    let Some((length, inner)) = lengths.split_first() else {
        return match usize::try_from(input.number()?) {
            Ok(length) => told(item, input.take(length)?),
            Err(_) => Some(Value::Null),
        };
    };
    (0..*length).map(|_| items(item, inner, input)).collect()
}

/// Bytes, read from the front.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_keep_their_digits() {
        for (text, exact) in [
            (
                "{\"a\": [1, -2.5, 1e10, null, \"x\\\"1234567890123456789.5\"]}",
                true,
            ),
            ("9223372036854775807", true),
            ("18446744073709551615", true),
            ("18446744073709551616", false),
            ("[0.12345678901234567]", false),
            ("{\"k\": 1.10}", true),
            ("\"0.12345678901234567\"", true),
        ] {
            assert_eq!(document(text).as_str() != Some(text), exact, "{text}");
        }
    }

    #[test]
    fn nonsense_is_no_value() {
        for ty in [
            Type::INT4,
            Type::NUMERIC,
            Type::DATE,
            Type::UUID,
            Type::INT4_ARRAY,
        ] {
            for bytes in [&[][..], &[1], &[0xff; 7]] {
                assert_eq!(told(&ty, bytes), None, "{ty} {bytes:?}");
            }
        }
        // An array that says it is longer than it is.
        let bytes = [1, 0, 23, i32::MAX, 1].map(i32::to_be_bytes).concat();
        assert_eq!(told(&Type::INT4_ARRAY, &bytes), None);
    }
}
