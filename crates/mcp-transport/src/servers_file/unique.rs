//! JSON, and which of its keys occur twice: a reader keeps the last of them, and nobody
//! would know of the others.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The keys that lead to a value.
pub(super) type Path = Vec<String>;

/// The value of a text, and the keys that occur twice in one object.
pub(super) fn parse(text: &str) -> serde_json::Result<(Value, Vec<Path>)> {
    let mut reader = Reader::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let value = reader.deserialize(&mut json)?;
    json.end()?;
    Ok((value, reader.twice))
}

#[derive(Default)]
struct Reader {
    /// Where it is.
    path: Path,
    twice: Vec<Path>,
}

impl<'de> DeserializeSeed<'de> for &mut Reader {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(&mut *self)? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.path.push(key);
            let value = entries.next_value_seed(&mut *self)?;
            if let Some(key) = self.path.last()
                && object.insert(key.clone(), value).is_some()
            {
                self.twice.push(self.path.clone());
            }
            self.path.pop();
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&[&str]]) {
        let (value, twice) = parse(text).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(twice, expected);
    }

    #[test]
    fn keys_that_occur_twice_in_one_object_are_found() {
        check(r#"{"a": 1, "b": {"a": 2, "c": [{"a": 3}, {"a": 4}]}}"#, &[]);
        check(r#"{"a": 1, "\u0061": 2}"#, &[&["a"]]);
        check(
            r#"{"a": {"b": 1, "c": [{"d": 1, "d": 1}], "b": {"e": 1, "e": null}}}"#,
            &[&["a", "c", "d"], &["a", "b", "e"], &["a", "b"]],
        );
    }

    #[test]
    fn all_else_is_read_as_by_others() {
        check(r#"[null, true, -1, 1, 1.5, 1e300, "ü\n", [], {}]"#, &[]);
        for text in ["", "{", "{} {}", "{1: 2}"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
