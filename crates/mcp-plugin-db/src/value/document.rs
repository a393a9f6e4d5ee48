//! A document as serializers take it: keys in order, and no digit lost.

use serde::{Serialize, Serializer};

use super::json::exactly;
use crate::reading::raw::Parts;

/// The levels of the deepest document, as of those that `serde_json` reads.
const DEEPEST: usize = 127;

/// A value of JSON text.
pub(super) enum Document<'a> {
    Array(Vec<Self>),
    Number(&'a str),
    Object(Vec<(String, Self)>),
    Text(String),
    /// True, false, or null.
    Word(Option<bool>),
}

impl<'a> Document<'a> {
    /// `None` if JSON text is too deep, or escapes what is no text.
    pub(super) fn new(text: &'a str) -> Option<Self> {
        next(&mut Parts(text), DEEPEST)
    }
}

/// The value that is next, if it has no more levels than these.
fn next<'a>(parts: &mut Parts<'a>, levels: usize) -> Option<Document<'a>> {
    match parts.enter() {
        Some(bracket) => {
            let levels = levels.checked_sub(1)?;
            if bracket == '[' {
                let mut elements = Vec::new();
                while !parts.leave() {
                    elements.push(next(parts, levels)?);
                }
                return Some(Document::Array(elements));
            }
            let mut entries = Vec::new();
            while !parts.leave() {
                let key = serde_json::from_str(parts.next()?.text()).ok()?;
                entries.push((key, next(parts, levels)?));
            }
            Some(Document::Object(entries))
        }
        None => Some(match parts.next()?.text() {
            "null" => Document::Word(None),
            "true" => Document::Word(Some(true)),
            "false" => Document::Word(Some(false)),
            text if text.starts_with('"') => Document::Text(serde_json::from_str(text).ok()?),
            number => Document::Number(number),
        }),
    }
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Array(elements) => serializer.collect_seq(elements),
            Self::Number(text) => number(text, serializer),
            Self::Object(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
            }
            Self::Text(text) => serializer.serialize_str(text),
            Self::Word(Some(value)) => serializer.serialize_bool(*value),
            Self::Word(None) => serializer.serialize_unit(),
        }
    }
}

fn number<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if let Ok(integer) = text.parse() {
        return serializer.serialize_i64(integer);
    }
    if let Ok(integer) = text.parse() {
        return serializer.serialize_u64(integer);
    }
    match exactly(text) {
        Some(real) => serializer.serialize_f64(real),
        None => serializer.serialize_str(text),
    }
}
