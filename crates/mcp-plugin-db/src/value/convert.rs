//! Rust's own types as values, and values compared with them.

use super::{Decimal, Json, Value};

macro_rules! integers {
    ($($type:ty)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::Integer(value.into())
            }
        }

        impl PartialEq<$type> for Value {
            fn eq(&self, other: &$type) -> bool {
                self.as_i64() == Some((*other).into())
            }
        }
    )*};
}

integers!(i8 i16 i32 i64 u8 u16 u32);

/// Beyond 63 bits as a decimal.
impl From<u64> for Value {
    fn from(value: u64) -> Self {
        match i64::try_from(value) {
            Ok(value) => Self::Integer(value),
            Err(_) => from_number(&value.to_string()),
        }
    }
}

/// Beyond 64 bits as a decimal.
impl From<i128> for Value {
    fn from(value: i128) -> Self {
        match i64::try_from(value) {
            Ok(value) => Self::Integer(value),
            Err(_) => from_number(&value.to_string()),
        }
    }
}

/// The digits of a number, which always are one.
fn from_number(digits: &str) -> Value {
    digits.parse().map_or(Value::Null, Value::Decimal)
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        match i64::try_from(value) {
            Ok(value) => Self::Integer(value),
            Err(_) => from_number(&value.to_string()),
        }
    }
}

impl From<f32> for Value {
    fn from(value: f32) -> Self {
        Self::Real(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<Decimal> for Value {
    fn from(value: Decimal) -> Self {
        Self::Decimal(value)
    }
}

impl From<Json> for Value {
    fn from(value: Json) -> Self {
        Self::Json(value)
    }
}

/// A number, a string, true, false or null as such; arrays and objects as JSON, but
/// bytes for `{"$blob": "<base64>"}`.
impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        use serde_json::Value as Wire;
        match value {
            Wire::Null => Self::Null,
            Wire::Bool(value) => Self::Bool(value),
            Wire::String(text) => Self::Text(text),
            Wire::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(integer), _) => Self::Integer(integer),
                (None, Some(large)) => large.into(),
                (None, None) => number.as_f64().map_or(Self::Null, Self::Real),
            },
            Wire::Array(_) | Wire::Object(_) => {
                let blob = value.as_object().filter(|object| object.len() == 1);
                let blob = blob.and_then(|object| object.get("$blob")?.as_str());
                match blob.map(|text| BASE64_STANDARD.decode(text)) {
                    Some(Ok(bytes)) => Self::Bytes(bytes),
                    _ => Json::new(value.to_string()).map_or(Self::Null, Self::Json),
                }
            }
        }
    }
}

/// `None` is NULL.
impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl PartialEq<f64> for Value {
    fn eq(&self, other: &f64) -> bool {
        matches!(self, Self::Real(value) if value == other)
    }
}

impl PartialEq<bool> for Value {
    fn eq(&self, other: &bool) -> bool {
        self.as_bool() == Some(*other)
    }
}

impl PartialEq<str> for Value {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Value {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(*other)
    }
}
