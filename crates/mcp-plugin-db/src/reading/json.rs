//! Rows as JSON objects: the digits of numbers and the order of columns are kept.

use mcp_domain::Error;
use serde::Deserialize;

use super::{raw::Raw, unreadable};
use crate::{ResultColumn, Rows, Value, value::from_json};

/// Reads JSON text as a type of ours.
pub(crate) fn read<'de, T: Deserialize<'de>>(what: &str, text: &'de str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| unreadable(what, text).with_source(error))
}

/// Cuts out of JSON text what is wanted of it.
pub(crate) fn cut<'a, T>(
    what: &str,
    text: &'a str,
    wanted: impl FnOnce(Raw<'a>) -> serde_json::Result<T>,
) -> Result<T, Error> {
    let cut = Raw::new(text).and_then(wanted);
    cut.map_err(|error| unreadable(what, text).with_source(error))
}

/// A row: keys and values, in order.
pub(crate) type Object<'a> = Vec<(String, Raw<'a>)>;

/// The rows of an array.
pub(crate) fn objects(array: Raw<'_>) -> serde_json::Result<Vec<Object<'_>>> {
    array.elements()?.into_iter().map(Raw::entries).collect()
}

/// Rows from objects. The columns are all keys, in the order in which they first appear; a
/// key that an object has twice is two columns, as of `SELECT 1 AS a, 2 AS a`.
pub(crate) fn rows(objects: &[Object<'_>], truncated: bool) -> Rows {
    let mut names: Vec<&str> = Vec::new();
    for entries in objects {
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
    let values = objects.iter().map(|entries| {
        let cell = |(at, name): (usize, &&str)| {
            let here = entries.get(at).filter(|(key, _)| key == name);
            let entry = here.or_else(|| {
                let before = names[..at].iter().filter(|other| *other == name);
                let mut same = entries.iter().filter(|(key, _)| key == name);
                same.nth(before.count())
            });
            entry.map_or(Value::Null, |(_, raw)| value(*raw))
        };
        names.iter().enumerate().map(cell).collect()
    });
    let values = values.collect();
    let columns = names.into_iter().map(ResultColumn::untyped).collect();
    Rows::new(columns, values, truncated)
}

/// A value, to the digit. What Node writes for bytes is bytes.
pub(crate) fn value(raw: Raw<'_>) -> Value {
    let text = raw.text();
    if text.starts_with('{')
        && let Some(bytes) = bytes(raw)
    {
        return Value::Bytes(bytes);
    }
    from_json(text).unwrap_or_else(|| text.into())
}

/// `{"type": "Buffer", "data": [0, 255]}`, or `{"0": 0, "1": 255}`.
fn bytes(raw: Raw<'_>) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Buffer<'a> {
        r#type: &'a str,
        data: Vec<u8>,
    }
    if let Ok(buffer) = serde_json::from_str::<Buffer<'_>>(raw.text()) {
        return (buffer.r#type == "Buffer").then_some(buffer.data);
    }
    let entries = raw.entries().ok()?;
    if entries.is_empty() {
        return None;
    }
    let entries = entries.iter().enumerate();
    let bytes = entries.map(|(at, (key, raw))| {
        let in_place = key.parse() == Ok(at);
        in_place.then(|| raw.text().parse().ok()).flatten()
    });
    bytes.collect()
}
