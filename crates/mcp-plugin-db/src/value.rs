//! A value of a database, with its type.

mod convert;
mod de;
mod decimal;
mod document;
mod json;
mod time;

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

pub(crate) use self::{
    de::{ValueReader, WrongType},
    json::from_json,
    time::typed,
};
pub use self::{
    decimal::{Decimal, DecimalError},
    json::Json,
};

/// A value of a database: a cell of a row, or a parameter of a statement.
///
/// Made from Rust's own types with `into()`, compared with them by `==`, and read
/// into them by the `as_…` methods or, whole rows at a time, by
/// [`Rows::parse`](crate::Rows::parse).
///
/// ```
/// use mcp_plugin_db::Value;
///
/// let parameters: Vec<Value> = vec![42.into(), "Oak%".into(), None::<bool>.into()];
/// assert_eq!(parameters[0], 42);
/// assert_eq!(parameters[1].as_str(), Some("Oak%"));
/// assert!(parameters[2].is_null());
/// ```
///
/// As JSON, a decimal is a string, so that no digit is lost, and bytes are
/// `{"$blob": "<base64>"}`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// True or false. SQLite has none: there it is the integer 1 or 0.
    Bool(bool),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A day: `2026-11-21`.
    Date(String),
    /// A number that is exact to any digit; integers beyond 64 bits, too.
    Decimal(Decimal),
    /// A whole number, all 64 bits of it.
    Integer(i64),
    /// An array or a document, as JSON.
    Json(Json),
    /// NULL.
    #[default]
    Null,
    /// A floating-point number.
    Real(f64),
    /// Text.
    Text(String),
    /// A time of day: `08:30:00.25`, with an offset where the database has one.
    Time(String),
    /// A moment: `2026-11-21T08:30:00.25`, with an offset such as `+01:00` or `Z`
    /// where the database has one. The libraries for dates and times read it so.
    Timestamp(String),
}

impl Value {
    /// Is it NULL?
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The boolean; `None` for any other type.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The whole number, if it is one and 64 bits hold it.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            Self::Decimal(value) => value.as_str().parse().ok(),
            _ => None,
        }
    }

    /// The number, as near as floating point comes to it; `None` if it is none.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Real(value) => Some(*value),
            Self::Decimal(value) => value.as_str().parse().ok(),
            _ => None,
        }
    }

    /// The text of everything that is written as text; `None` for the rest.
    ///
    /// That is text, decimals, dates, times and JSON.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Date(text) | Self::Text(text) | Self::Time(text) | Self::Timestamp(text) => {
                Some(text)
            }
            Self::Decimal(value) => Some(value.as_str()),
            Self::Json(value) => Some(value.as_str()),
            Self::Bool(_) | Self::Bytes(_) | Self::Integer(_) | Self::Null | Self::Real(_) => None,
        }
    }

    /// The bytes; `None` for any other type.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The type, in a word.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "boolean",
            Self::Bytes(_) => "bytes",
            Self::Date(_) => "date",
            Self::Decimal(_) => "decimal",
            Self::Integer(_) => "integer",
            Self::Json(_) => "json",
            Self::Null => "null",
            Self::Real(_) => "real",
            Self::Text(_) => "text",
            Self::Time(_) => "time",
            Self::Timestamp(_) => "timestamp",
        }
    }
}

/// For people: NULL is `NULL`, bytes are `x'00ff'`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Bytes(bytes) => {
                f.write_str("x'")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("'")
            }
            Self::Integer(value) => write!(f, "{value}"),
            Self::Null => f.write_str("NULL"),
            // Tells a real from an integer: 3.0.
            Self::Real(value) => write!(f, "{value:?}"),
            other => f.write_str(other.as_str().unwrap_or_default()),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Bytes(bytes) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("$blob", &BASE64_STANDARD.encode(bytes))?;
                map.end()
            }
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Json(value) => value.serialize(serializer),
            Self::Null => serializer.serialize_unit(),
            // JSON has no word for them.
            Self::Real(value) if !value.is_finite() => serializer.collect_str(value),
            Self::Real(value) => serializer.serialize_f64(*value),
            other => serializer.serialize_str(other.as_str().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests;
