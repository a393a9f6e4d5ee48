//! Every table as two resources: its schema as JSON, its first rows as CSV.

use mcp_domain::{Error, ErrorKind};
use rmcp::model::{Resource, ResourceContents, ResourceTemplate};
use serde_json::Value;

use crate::{answer::Rows, sqlite::Sqlite};

/// How many rows the CSV of a table shows.
const ROWS_SHOWN: usize = 50;

/// How many resources a page of the list holds.
const PAGE: usize = 100;

const PREFIX: &str = "db://tables/";

/// One page of the list, and where the next one begins.
pub(crate) async fn list(
    database: &Sqlite,
    cursor: Option<&str>,
) -> Result<(Vec<Resource>, Option<String>), Error> {
    let start: usize = match cursor {
        None => 0,
        Some(cursor) => cursor.parse().map_err(|_| {
            let message = format!("`{cursor}` is not a cursor of this server");
            Error::new(ErrorKind::InvalidInput, message)
        })?,
    };
    let tables = database.tables().await?;
    let all = tables.iter().flat_map(|table| {
        let schema = format!("Columns, keys and indexes of {}", table.name);
        let rows = format!("First {ROWS_SHOWN} rows of {}", table.name);
        [
            resource(&table.name, "schema", "application/json", schema),
            resource(&table.name, "rows", "text/csv", rows),
        ]
    });
    let page: Vec<Resource> = all.skip(start).take(PAGE).collect();
    let end = start + page.len();
    let more = end < 2 * tables.len() && !page.is_empty();
    Ok((page, more.then(|| end.to_string())))
}

fn resource(table: &str, part: &str, mime_type: &str, description: String) -> Resource {
    let uri = format!("{PREFIX}{}/{part}", encode(table));
    Resource::new(uri, format!("{table} ({part})"))
        .with_description(description)
        .with_mime_type(mime_type)
}

/// The patterns that the addresses follow.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(format!("{PREFIX}{{table}}/schema"), "table schema")
            .with_description("Columns, keys and indexes of a table")
            .with_mime_type("application/json"),
        ResourceTemplate::new(format!("{PREFIX}{{table}}/rows"), "table rows")
            .with_description("The first rows of a table")
            .with_mime_type("text/csv"),
    ]
}

/// Reads one resource.
///
/// # Errors
///
/// `InvalidInput` if there is no such resource.
pub(crate) async fn read(database: &Sqlite, uri: &str) -> Result<ResourceContents, Error> {
    let unknown = || {
        let message = format!("there is no resource `{uri}`");
        Error::new(ErrorKind::InvalidInput, message)
    };
    let path = uri.strip_prefix(PREFIX).ok_or_else(unknown)?;
    let (table, part) = path.rsplit_once('/').ok_or_else(unknown)?;
    let table = decode(table).ok_or_else(unknown)?;
    // Also finds out whether there is such a table.
    let described = database.describe(table).await.map_err(|_| unknown())?;
    let (text, mime_type) = match part {
        "schema" => {
            let text = serde_json::to_string_pretty(&described).unwrap_or_default();
            (text, "application/json")
        }
        "rows" => {
            let name = described.name.replace('"', "\"\"");
            let sql = format!("SELECT * FROM \"{name}\" LIMIT {ROWS_SHOWN}");
            (to_csv(&database.query(sql, Vec::new()).await?), "text/csv")
        }
        _ => return Err(unknown()),
    };
    Ok(ResourceContents::text(text, uri).with_mime_type(mime_type))
}

/// RFC 4180, with NULL as an empty field and bytes as base64.
fn to_csv(rows: &Rows) -> String {
    let header = rows.columns.iter().map(|column| field(&column.name));
    let mut csv = header.collect::<Vec<_>>().join(",");
    csv.push_str("\r\n");
    for row in &rows.rows {
        let line = row.iter().map(|value| match value {
            Value::Null => String::new(),
            Value::String(text) => field(text),
            Value::Object(blob) => field(blob["$blob"].as_str().unwrap_or_default()),
            other => other.to_string(),
        });
        csv.push_str(&line.collect::<Vec<_>>().join(","));
        csv.push_str("\r\n");
    }
    csv
}

fn field(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_survives_its_address() {
        for name in ["orders", "a b/c%d", "naïve\"'", "表", ""] {
            assert_eq!(decode(&encode(name)).as_deref(), Some(name));
        }
        assert_eq!(decode("%zz"), None);
        assert_eq!(decode("%e4"), None);
    }

    #[test]
    fn csv_quotes_what_it_must() {
        assert_eq!(field("plain"), "plain");
        assert_eq!(field("a,\"b\"\n"), "\"a,\"\"b\"\"\n\"");
    }
}
