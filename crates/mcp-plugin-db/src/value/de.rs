//! Values into types of the user's, by serde.

use std::{fmt, iter, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::de::{
    self, Deserializer, Expected, IntoDeserializer as _, Unexpected, Visitor,
    value::{MapDeserializer, SeqDeserializer, StringDeserializer},
};

use super::Value;

/// The value is not of the type that is wanted.
#[derive(Debug)]
pub(crate) struct WrongType(String);

impl fmt::Display for WrongType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongType {}

impl de::Error for WrongType {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }

    fn invalid_type(is: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        match is {
            Unexpected::Unit => Self(format!("it is NULL, where {wanted} is wanted")),
            _ => Self(format!("invalid type: {is}, expected {wanted}")),
        }
    }

    fn missing_field(name: &'static str) -> Self {
        Self(format!("there is no column `{name}`"))
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self(format!("there is more than one column `{name}`"))
    }
}

impl Value {
    /// The number, if the value is one, or is written as one: servers that tell no
    /// types send numbers as text.
    fn number<T: FromStr>(&self) -> Option<T> {
        match self {
            Self::Integer(value) => value.to_string().parse().ok(),
            Self::Decimal(value) => value.as_str().parse().ok(),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongType> {
            match self.0.number::<$type>() {
                Some(value) => visitor.$visit(value),
                None => self.plainly(visitor),
            }
        }
    )*};
}

/// A value as serde sees it.
pub(crate) struct ValueReader<'a>(pub(crate) &'a Value);

impl<'a> ValueReader<'a> {
    /// For who wants something else: the bytes are bytes, and the rest is what it is.
    fn plainly<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongType> {
        match self.0 {
            Value::Bytes(bytes) => visitor.visit_bytes(bytes),
            _ => self.deserialize_any(visitor),
        }
    }
}

impl<'de> Deserializer<'de> for ValueReader<'_> {
    type Error = WrongType;

    /// For who takes anything, such as JSON, which has no bytes: they are as in the JSON of
    /// a [`Value`].
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongType> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Bytes(bytes) => {
                let blob = ("$blob", BASE64_STANDARD.encode(bytes));
                visitor.visit_map(MapDeserializer::new(iter::once(blob)))
            }
            Value::Integer(value) => visitor.visit_i64(*value),
            Value::Json(value) => {
                // Its own numbers are exact: they are read from the text.
                let mut reader = serde_json::Deserializer::from_reader(value.as_str().as_bytes());
                reader.deserialize_any(visitor).map_err(de::Error::custom)
            }
            Value::Null => visitor.visit_unit(),
            Value::Real(value) => visitor.visit_f64(*value),
            other => visitor.visit_str(other.as_str().unwrap_or_default()),
        }
    }

    integers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_i128 visit_i128 i128;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_u128 visit_u128 u128;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongType> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongType> {
        match (self.0, self.0.number()) {
            (Value::Real(value), _) => visitor.visit_f64(*value),
            (_, Some(value)) => visitor.visit_f64(value),
            _ => self.plainly(visitor),
        }
    }

    /// SQLite's booleans are the integers 0 and 1, which some servers write as text.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongType> {
        match self.0 {
            Value::Integer(value @ (0 | 1)) => visitor.visit_bool(*value == 1),
            Value::Text(text) if text == "1" || text.eq_ignore_ascii_case("true") => {
                visitor.visit_bool(true)
            }
            Value::Text(text) if text == "0" || text.eq_ignore_ascii_case("false") => {
                visitor.visit_bool(false)
            }
            _ => self.plainly(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongType> {
        match self.0.as_str() {
            Some(text) => visitor.visit_str(text),
            None => self.plainly(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongType> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongType> {
        self.plainly(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongType> {
        self.plainly(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongType> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, WrongType> {
        visitor.visit_newtype_struct(self)
    }

    /// Bytes are a sequence to those who ask for one: `Vec<u8>`.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongType> {
        match self.0 {
            Value::Bytes(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied())),
            _ => self.deserialize_any(visitor),
        }
    }

    /// So they are to those who know how many there are: `[u8; 16]`.
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, WrongType> {
        match self.0 {
            Value::Bytes(bytes) if bytes.len() == length => self.deserialize_seq(visitor),
            _ => self.plainly(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WrongType> {
        match self.0 {
            Value::Json(value) => {
                let mut reader = serde_json::Deserializer::from_reader(value.as_str().as_bytes());
                let read = reader.deserialize_enum(name, variants, visitor);
                read.map_err(de::Error::custom)
            }
            _ => match self.0.as_str() {
                Some(text) => {
                    let text: StringDeserializer<WrongType> = text.to_owned().into_deserializer();
                    text.deserialize_enum(name, variants, visitor)
                }
                None => self.plainly(visitor),
            },
        }
    }

    serde::forward_to_deserialize_any! {
        char identifier ignored_any map struct tuple_struct unit unit_struct
    }
}
