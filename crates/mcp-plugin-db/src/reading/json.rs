//! Rows as JSON objects: the digits of numbers and the order of columns are kept.

use std::fmt;

use mcp_domain::Error;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::unreadable;
use crate::{ResultColumn, Rows, Value, value::from_json};

/// Reads JSON text as a type of ours.
pub(crate) fn read<'de, T: Deserialize<'de>>(what: &str, text: &'de str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| unreadable(what, text).with_source(error))
}

/// A JSON object whose keys keep their order.
#[derive(Debug)]
pub(crate) struct Object<'a>(pub(crate) Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row as a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut entries = Vec::with_capacity(map.size_hint().unwrap_or(8));
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

/// Rows from objects. The columns are all keys, in the order in which they first appear; a
/// key that an object has twice is two columns, as of `SELECT 1 AS a, 2 AS a`.
pub(crate) fn rows(objects: &[Object<'_>], truncated: bool) -> Rows {
    let mut names: Vec<&str> = Vec::new();
    for Object(entries) in objects {
        for (at, (key, _)) in entries.iter().enumerate() {
            // Rows of one answer are alike: the first look finds it.
            if names.get(at) != Some(&key.as_str()) {
                let before = entries[..at].iter().filter(|(name, _)| name == key);
                if names.iter().filter(|name| *name == key).count() <= before.count() {
                    names.push(key);
                }
            }
        }
    }
    let values = objects.iter().map(|Object(entries)| {
        let cell = |(at, name): (usize, &&str)| {
            let here = entries.get(at).filter(|(key, _)| key == name);
            let entry = here.or_else(|| {
                let before = names[..at].iter().filter(|other| *other == name);
                let mut same = entries.iter().filter(|(key, _)| key == name);
                same.nth(before.count())
            });
            entry.map_or(Value::Null, |(_, raw)| value(raw))
        };
        names.iter().enumerate().map(cell).collect()
    });
    let values = values.collect();
    let columns = names.into_iter().map(ResultColumn::untyped).collect();
    Rows::new(columns, values, truncated)
}

/// A value, to the digit. What Node writes for bytes is bytes.
pub(crate) fn value(raw: &RawValue) -> Value {
    let text = raw.get();
    if text.starts_with('{')
        && let Some(bytes) = bytes(text)
    {
        return Value::Bytes(bytes);
    }
    from_json(text).unwrap_or_else(|| text.into())
}

/// `{"type": "Buffer", "data": [0, 255]}`, or `{"0": 0, "1": 255}`.
fn bytes(text: &str) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Buffer<'a> {
        r#type: &'a str,
        data: Vec<u8>,
    }
    if let Ok(buffer) = serde_json::from_str::<Buffer<'_>>(text) {
        return (buffer.r#type == "Buffer").then_some(buffer.data);
    }
    let Object(entries) = serde_json::from_str(text).ok()?;
    if entries.is_empty() {
        return None;
    }
    let entries = entries.iter().enumerate();
    let bytes = entries.map(|(at, (key, raw))| {
        let in_place = key.parse() == Ok(at);
        in_place.then(|| raw.get().parse().ok()).flatten()
    });
    bytes.collect()
}
