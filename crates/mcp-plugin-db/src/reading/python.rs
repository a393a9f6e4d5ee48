//! Values as Python's `repr` writes them: `[{'price': Decimal('3.50'), 'raw': b'\x00'}]`.
//!
//! A subset of Python's literals, with the calls that database drivers produce. Time
//! is linear in the text, and depth is bounded.

mod calls;
mod scan;
mod strings;

use mcp_domain::Error;

use self::scan::Scanner;
use super::unreadable;
use crate::{Json, ResultColumn, Rows, Value, value::from_json};

/// A Python value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal<'a> {
    Bytes(Vec<u8>),
    /// A constructor with its arguments: `datetime.date(2026, 11, 21)`.
    Call {
        name: &'a str,
        arguments: Vec<(Option<&'a str>, Self)>,
        source: &'a str,
    },
    Dict(Vec<(Self, Self)>),
    /// A list, a tuple or a set.
    List(Vec<Self>),
    /// `None`, `True`, `False`, and other names, such as those of enumerations.
    Name(&'a str),
    /// Digits, as they are written.
    Number(&'a str),
    Text(String),
}

/// Reads one literal, and nothing after it.
pub(crate) fn parse(text: &str) -> Result<Literal<'_>, Error> {
    let mut scanner = Scanner::new(text);
    let read = scanner.literal(0).filter(|_| scanner.is_at_end());
    read.ok_or_else(|| unreadable("what Python writes for values", text))
}

/// Reads a list of dictionaries as rows.
pub(crate) fn rows(text: &str) -> Result<Rows, Error> {
    let wrong = || unreadable("a Python list of rows", text);
    let Literal::List(list) = parse(text)? else {
        return Err(wrong());
    };
    let mut columns: Vec<ResultColumn> = Vec::new();
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for row in list {
        let Literal::Dict(entries) = row else {
            return Err(wrong());
        };
        let mut values = vec![Value::Null; columns.len()];
        for (at, (key, value)) in entries.into_iter().enumerate() {
            let Literal::Text(name) = key else {
                return Err(wrong());
            };
            let same = columns.get(at).is_some_and(|column| column.name == name);
            let known = if same {
                Some(at)
            } else {
                columns.iter().position(|column| column.name == name)
            };
            match known {
                Some(at) => values[at] = value.into_value(),
                None => {
                    columns.push(ResultColumn::untyped(&name));
                    values.push(value.into_value());
                }
            }
        }
        rows.push(values);
    }
    for row in &mut rows {
        row.resize(columns.len(), Value::Null);
    }
    Ok(Rows::new(columns, rows, false))
}

impl Literal<'_> {
    /// The value of a database that was written like this.
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Call {
                name,
                arguments,
                source,
            } => calls::value(name, &arguments).unwrap_or_else(|| source.into()),
            Self::Dict(_) | Self::List(_) => {
                let json = self.to_json();
                Json::new(json.as_str()).map_or_else(|_| json.as_str().into(), Value::Json)
            }
            Self::Name("None") => Value::Null,
            Self::Name("True") => Value::Bool(true),
            Self::Name("False") => Value::Bool(false),
            Self::Name("nan") => Value::Real(f64::NAN),
            Self::Name("inf") => Value::Real(f64::INFINITY),
            Self::Name("-inf") => Value::Real(f64::NEG_INFINITY),
            Self::Name(name) => name.into(),
            Self::Number(digits) => from_json(digits).unwrap_or_else(|| digits.into()),
            Self::Text(text) => Value::Text(text),
        }
    }

    /// As JSON text: numbers keep their digits, what JSON has no word for becomes a string.
    fn to_json(&self) -> String {
        match self {
            Self::Dict(entries) => {
                let entries = entries.iter().map(|(key, value)| {
                    let key = match key {
                        Self::Text(text) => text.clone(),
                        other => other.clone().into_value().to_string(),
                    };
                    format!("{}:{}", serde_json::Value::from(key), value.to_json())
                });
                format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
            }
            Self::List(items) => {
                let items = items.iter().map(Self::to_json);
                format!("[{}]", items.collect::<Vec<_>>().join(","))
            }
            Self::Number(digits) if Json::new(*digits).is_ok() => (*digits).to_owned(),
            other => match other.clone().into_value() {
                Value::Decimal(decimal) if Json::new(decimal.as_str()).is_ok() => {
                    decimal.to_string()
                }
                value => serde_json::to_string(&value).unwrap_or_else(|_| "null".to_owned()),
            },
        }
    }

    /// The entry of a dictionary.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Dict(entries) = self else {
            return None;
        };
        let entry = entries
            .iter()
            .find(|(k, _)| matches!(k, Self::Text(k) if k == key));
        entry.map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests;
