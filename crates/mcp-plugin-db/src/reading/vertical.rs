//! Rows one below the other, as text: `1. row`, then a line for each column.
//!
//! The form does not tell the types of values, nor where the text of a value ends: a
//! line of a text that looks like `name: value` is taken for a column unless the other
//! rows have no such column.

use mcp_domain::Error;

use super::unreadable;
use crate::{ResultColumn, Rows, Value};

/// Where the first row alone is more than the server tells.
const NOT_EVEN_ONE: &str = "Result: showing first 0 rows (output truncated)";

/// Reads rows.
pub(crate) fn rows(text: &str) -> Result<Rows, Error> {
    let wrong = || unreadable("rows, one below the other", text);
    if text.trim_end() == NOT_EVEN_ONE {
        return Ok(Rows::new(Vec::new(), Vec::new(), true));
    }
    let (body, end) = text
        .trim_end()
        .rsplit_once("\n\nResult: ")
        .ok_or_else(wrong)?;
    let mut lines = body.lines().peekable();
    if lines.next() != Some("1. row") {
        return Err(wrong());
    }
    let mut blocks: Vec<Vec<&str>> = vec![Vec::new()];
    while let Some(line) = lines.next() {
        let next = format!("{}. row", blocks.len() + 1);
        if line.is_empty() && lines.peek().is_some_and(|line| *line == next) {
            lines.next();
            blocks.push(Vec::new());
        } else if let Some(block) = blocks.last_mut() {
            block.push(line);
        }
    }
    // What the shortest list of names has, all have; the rest are lines of texts.
    let names = blocks.iter().map(|block| names(block));
    let names = names.min_by_key(Vec::len).unwrap_or_default();
    let rows = blocks.iter().map(|block| row(block, &names));
    let rows = rows.collect::<Option<_>>().ok_or_else(wrong)?;
    let columns = names.into_iter().map(ResultColumn::untyped).collect();
    Ok(Rows::new(columns, rows, end.contains("truncated")))
}

/// What may be names of columns in one row.
fn names<'a>(block: &[&'a str]) -> Vec<&'a str> {
    let names = block.iter().filter_map(|line| line.split_once(": "));
    names.map(|(name, _)| name).collect()
}

fn row(block: &[&str], names: &[&str]) -> Option<Vec<Value>> {
    let mut values: Vec<String> = Vec::with_capacity(names.len());
    for line in block {
        let name = names.get(values.len());
        let value = name.and_then(|name| line.strip_prefix(name)?.strip_prefix(": "));
        match (value, values.last_mut()) {
            (Some(value), _) => values.push(value.to_owned()),
            // One more line of the text before.
            (None, Some(text)) => {
                text.push('\n');
                text.push_str(line);
            }
            (None, None) => return None,
        }
    }
    if values.len() != names.len() {
        return None;
    }
    let values = values.into_iter().map(|text| match text.as_str() {
        "NULL" => Value::Null,
        _ => Value::Text(text),
    });
    Some(values.collect())
}
