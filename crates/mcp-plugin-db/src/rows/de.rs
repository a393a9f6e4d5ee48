//! Rows into types of the user's, by serde.

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer as _, MapAccess, SeqAccess,
    Visitor, value::StrDeserializer,
};

use super::Row;
use crate::value::{ValueReader, WrongType};

/// A row as serde sees it: a map by column names, a sequence in their order, or the
/// value of the only column.
pub(super) struct RowReader<'a> {
    row: &'a Row<'a>,
    next: usize,
}

impl<'a> RowReader<'a> {
    pub(super) fn new(row: &'a Row<'a>) -> Self {
        Self { row, next: 0 }
    }

    /// The only value, for types that are no rows.
    fn only(&self) -> Result<ValueReader<'a>, WrongType> {
        match self.row.values {
            [value] => Ok(ValueReader(value)),
            values => {
                let columns = values.len();
                let message = format!("it has {columns} columns, where one value is wanted");
                Err(WrongType::custom(message))
            }
        }
    }

    /// Reads the next value; what goes wrong names the column.
    fn read<'de, T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, WrongType> {
        let at = self.next;
        self.next += 1;
        let value = ValueReader(&self.row.values[at]);
        seed.deserialize(value).map_err(|error| {
            let name = self.row.columns.get(at).map_or("", |column| &column.name);
            WrongType::custom(format!("column `{name}`: {error}"))
        })
    }
}

macro_rules! of_the_only_value {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongType> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for RowReader<'_> {
    type Error = WrongType;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongType> {
        visitor.visit_map(self)
    }

    of_the_only_value! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char deserialize_str
        deserialize_string deserialize_bytes deserialize_byte_buf deserialize_option
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, WrongType> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WrongType> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongType> {
        visitor.visit_seq(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, WrongType> {
        let columns = self.row.values.len();
        if columns == length {
            visitor.visit_seq(self)
        } else {
            let message = format!("it has {columns} columns, where {length} are wanted");
            Err(WrongType::custom(message))
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, WrongType> {
        self.deserialize_tuple(length, visitor)
    }

    serde::forward_to_deserialize_any! {
        identifier ignored_any map struct unit unit_struct
    }
}

impl<'de> MapAccess<'de> for RowReader<'_> {
    type Error = WrongType;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, WrongType> {
        if self.next == self.row.values.len() {
            return Ok(None);
        }
        let name = self.row.columns.get(self.next).map_or("", |c| &c.name);
        let name: StrDeserializer<'_, WrongType> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, WrongType> {
        self.read(seed)
    }
}

impl<'de> SeqAccess<'de> for RowReader<'_> {
    type Error = WrongType;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, WrongType> {
        if self.next == self.row.values.len() {
            return Ok(None);
        }
        self.read(seed).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.row.values.len() - self.next)
    }
}
