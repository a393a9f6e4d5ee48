//! Rows as text: CSV for programs, Markdown for people and models.

use serde_json::Value;

use crate::answer::Rows;

/// RFC 4180, with NULL as an empty field and bytes as base64.
pub(super) fn csv(rows: &Rows) -> String {
    let header = rows.columns.iter().map(|column| quoted(&column.name));
    let mut text = header.collect::<Vec<_>>().join(",");
    text.push_str("\r\n");
    for row in &rows.rows {
        let line = row.iter().map(|value| quoted(&plain(value)));
        text.push_str(&line.collect::<Vec<_>>().join(","));
        text.push_str("\r\n");
    }
    text
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// A table as GitHub's Markdown has it.
pub(super) fn markdown(rows: &Rows) -> String {
    let names = rows.columns.iter().map(|column| cell(&column.name));
    let rules = rows.columns.iter().map(|_| "---".to_owned());
    let mut text = line(names) + &line(rules);
    for row in &rows.rows {
        text.push_str(&line(row.iter().map(|value| cell(&plain(value)))));
    }
    text
}

fn line(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

/// Nothing in a cell ends it, or begins an element of HTML.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '\\' | '<' => cell.extend(['\\', letter]),
            '\r' => {}
            '\n' => cell.push_str("<br>"),
            _ => cell.push(letter),
        }
    }
    cell
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(object) => match object.get("$blob").and_then(Value::as_str) {
            Some(bytes) => bytes.to_owned(),
            None => value.to_string(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::answer::ResultColumn;

    fn rows() -> Rows {
        let column = |name: &str| ResultColumn {
            name: name.to_owned(),
            declared_type: None,
        };
        Rows {
            columns: vec![column("a"), column("b|c")],
            rows: vec![
                vec![json!(1), json!("x, \"y\"\nz")],
                vec![Value::Null, json!({ "$blob": "AP8=" })],
                vec![json!([1, null]), json!({ "k": "<b>" })],
            ],
            ..Rows::default()
        }
    }

    #[test]
    fn csv_quotes_what_it_must() {
        let expected = "a,b|c\r\n1,\"x, \"\"y\"\"\nz\"\r\n,AP8=\r\n\"[1,null]\",\"{\"\"k\"\":\"\"<b>\"\"}\"\r\n";
        assert_eq!(csv(&rows()), expected);
    }

    #[test]
    fn no_value_breaks_a_markdown_table() {
        let expected = "| a | b\\|c |\n| --- | --- |\n| 1 | x, \"y\"<br>z |\n|  | AP8= |\n\
                        | [1,null] | {\"k\":\"\\<b>\"} |\n";
        assert_eq!(markdown(&rows()), expected);
    }
}
