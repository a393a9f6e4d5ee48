//! JSON text cut into its values without reading them: numbers keep their digits, and
//! objects the order of their keys.
//!
//! `serde_json` has a type for this behind a feature that all crates of a program share: with
//! it, reading a `serde_json::Value` takes a certain key for raw text, which it reads anew, and
//! anew, until the stack of whoever reads a stranger's text is at its end.

use serde::de::{Error as _, IgnoredAny};
use serde_json::{Error, Result};

/// The space that JSON allows between its parts.
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// One value of JSON text, known to be JSON, without the space around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raw<'a>(&'a str);

impl<'a> Raw<'a> {
    /// The text, if it is one JSON value, however deep it nests.
    pub(crate) fn new(text: &'a str) -> Result<Self> {
        // Counts what is open instead of calling itself.
        serde_json::from_str::<IgnoredAny>(text)?;
        Ok(Self(text.trim_matches(SPACE)))
    }

    /// As it was written.
    pub(crate) fn text(self) -> &'a str {
        self.0
    }

    /// What an array holds.
    pub(crate) fn elements(self) -> Result<Vec<Self>> {
        let mut parts = Parts(self.0);
        match parts.enter() {
            Some('[') => Ok(parts.collect()),
            _ => Err(Error::custom("not an array")),
        }
    }

    /// The keys of an object and their values, in order; a key that is there twice, twice.
    pub(crate) fn entries(self) -> Result<Vec<(String, Self)>> {
        let mut parts = Parts(self.0);
        let Some('{') = parts.enter() else {
            return Err(Error::custom("not an object"));
        };
        let mut entries = Vec::new();
        while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
            entries.push((serde_json::from_str(key.0)?, value));
        }
        Ok(entries)
    }

    /// The value of a key.
    pub(crate) fn get(self, key: &str) -> Result<Self> {
        let mut entries = self.entries()?.into_iter();
        let entry = entries.find(|(name, _)| name == key);
        let (_, value) = entry.ok_or_else(|| Error::custom(format_args!("no `{key}`")))?;
        Ok(value)
    }
}

/// What is left of JSON text. As an iterator, the values up to the end of the array or object
/// that was entered last; of an object, keys and values in turn.
pub(crate) struct Parts<'a>(pub(crate) &'a str);

impl<'a> Parts<'a> {
    /// Goes into the array or object that is next, and tells how it begins.
    pub(crate) fn enter(&mut self) -> Option<char> {
        self.one_of(['[', '{'])
    }

    /// Goes out of an array or object, if this is its end.
    pub(crate) fn leave(&mut self) -> bool {
        self.one_of([']', '}']).is_some()
    }

    fn one_of(&mut self, brackets: [char; 2]) -> Option<char> {
        let text = between(self.0);
        let bracket = text.chars().next().filter(|next| brackets.contains(next))?;
        self.0 = &text[1..];
        Some(bracket)
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Raw<'a>;

    fn next(&mut self) -> Option<Raw<'a>> {
        let text = between(self.0);
        let (value, rest) = text.split_at(length(text));
        self.0 = rest;
        (!value.is_empty()).then_some(Raw(value))
    }
}

/// The text from the next value or bracket on.
fn between(text: &str) -> &str {
    text.trim_start_matches(|c| SPACE.contains(&c) || matches!(c, ',' | ':'))
}

/// The length of the value that the text begins with; 0 at the end of an array or object.
fn length(text: &str) -> usize {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' if in_string && depth == 0 => return at + 1,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' if depth == 1 => return at + 1,
            b']' | b'}' if depth > 1 => depth -= 1,
            // Behind a number or a word.
            b']' | b'}' | b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests;
