//! Documents and arrays as JSON text, and values out of JSON text, to the digit.

use std::fmt;

use mcp_domain::{Error, ErrorKind};
use serde::{Serialize, Serializer, de::DeserializeOwned};

use super::{Decimal, Value, document::Document};
use crate::reading::raw::Raw;

/// A document or an array, as the JSON text in which it came, less the space between.
///
/// Nothing else is lost: neither the digits of a number nor the order of the keys.
///
/// Serialised, it is a document within the other, of whatever format: the order of the keys is
/// kept, and every number. One that neither 64 bits nor floating point hold to the digit is
/// written as a string, as decimals are; of the others, the spelling may be another (`1.50` is
/// 1.5). What nests deeper than 127 levels, more than `serde_json` reads, is written as one
/// string, its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Json(String);

impl Json {
    /// From JSON text.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is not JSON.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        match Raw::new(&text) {
            Ok(raw) => Ok(Self(compact(raw.text()))),
            Err(error) => {
                let message = "the text of a JSON value is not JSON";
                Err(Error::new(ErrorKind::InvalidInput, message).with_source(error))
            }
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The document as a value of yours.
    ///
    /// # Errors
    ///
    /// `BadResponse` if it has another shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.0).map_err(|error| {
            let message = format!("the document is not a `{}`", std::any::type_name::<T>());
            Error::new(ErrorKind::BadResponse, message).with_source(error)
        })
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Document::new(&self.0) {
            Some(document) => document.serialize(serializer),
            None => serializer.serialize_str(&self.0),
        }
    }
}

/// JSON text without the space between its parts.
fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let keep = |letter: &char| {
        let keep = in_string || !letter.is_ascii_whitespace();
        match letter {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
        keep
    };
    json.chars().filter(keep).collect()
}

/// A value from JSON text, to the digit; `None` if it is not JSON.
pub(crate) fn from_json(text: &str) -> Option<Value> {
    let text = text.trim();
    Some(match text.as_bytes().first()? {
        b'n' => Value::Null,
        b't' => Value::Bool(true),
        b'f' => Value::Bool(false),
        b'"' => Value::Text(serde_json::from_str(text).ok()?),
        b'[' | b'{' => Value::Json(Json::new(text).ok()?),
        _ => number(text)?,
    })
}

/// The same number, if floating point holds all its digits.
pub(super) fn exactly(text: &str) -> Option<f64> {
    let real: f64 = text.parse().ok()?;
    let same = |a: &str, b: &str| a.trim_end_matches('0') == b.trim_end_matches('0');
    let exact = real.is_finite() && same(&digits(text), &digits(&format!("{real:e}")));
    exact.then_some(real)
}

/// A number as text: an integer where 64 bits hold it, a real where floating point
/// writes it with the same digits, else a decimal.
fn number(text: &str) -> Option<Value> {
    if let Ok(integer) = text.parse() {
        return Some(Value::Integer(integer));
    }
    if text.contains(['.', 'e', 'E']) {
        let real: f64 = text.parse().ok()?;
        if real.is_finite() && digits(text) == digits(&format!("{real:e}")) {
            return Some(Value::Real(real));
        }
    }
    text.parse::<Decimal>().ok().map(Value::Decimal)
}

/// The digits that count. One zero after the point says `real`, more say `decimal`.
fn digits(text: &str) -> String {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let mantissa = match mantissa.strip_suffix(".0") {
        Some(whole) => whole.trim_end_matches('0'),
        None if mantissa.contains('.') => mantissa,
        None => mantissa.trim_end_matches('0'),
    };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_start_matches('0').to_owned()
}
