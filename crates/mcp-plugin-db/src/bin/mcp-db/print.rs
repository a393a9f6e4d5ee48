//! Answers as text: a table, JSON or CSV.

use std::io::Write as _;

use comfy_table::{ContentArrangement, presets};
use mcp_domain::{Error, ErrorKind};
use mcp_plugin_db::{Hits, Rows, Table, TableName, Value};
use mcp_transport::{Resource, ResourceContents};
use serde::Serialize;

use crate::args::Format;

/// Writes to standard output. A reader that has gone away (`| head`) is no error.
pub(crate) fn out(text: &str) -> Result<(), Error> {
    let mut output = std::io::stdout().lock();
    let written = output
        .write_all(text.as_bytes())
        .and_then(|()| output.write_all(b"\n"))
        .and_then(|()| output.flush());
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let message = "cannot write the answer to standard output";
            Err(Error::new(ErrorKind::InvalidInput, message).with_source(error))
        }
        _ => Ok(()),
    }
}

pub(crate) fn tables(tables: &[TableName], format: Format) -> String {
    let rows = tables.iter().map(|t| vec![t.name.clone(), t.kind.clone()]);
    grid(&tables, format, &["table", "kind"], rows)
}

pub(crate) fn table(table: &Table, format: Format) -> String {
    let rows = table.columns.iter().map(|column| {
        let reference = table.foreign_keys.iter().find(|k| k.column == column.name);
        let reference = reference.map(|key| {
            let to = key.references_column.as_deref().unwrap_or("primary key");
            format!("{}({to})", key.references_table)
        });
        vec![
            column.name.clone(),
            column.declared_type.clone(),
            if column.nullable { "yes" } else { "no" }.to_owned(),
            column
                .primary_key
                .map(|n| n.to_string())
                .unwrap_or_default(),
            reference.unwrap_or_default(),
        ]
    });
    let header = ["column", "type", "nullable", "key", "references"];
    let mut text = grid(table, format, &header, rows);
    if format == Format::Table {
        for index in &table.indexes {
            let unique = if index.unique {
                "unique index"
            } else {
                "index"
            };
            let columns = index.columns.join(", ");
            text.push_str(&format!("\n{unique} {} on ({columns})", index.name));
        }
    }
    text
}

pub(crate) fn rows(rows: &Rows, format: Format) -> String {
    let header: Vec<&str> = rows.columns.iter().map(|c| c.name.as_str()).collect();
    // CSV has no NULL: an empty field must do.
    let null = if format == Format::Csv { "" } else { "NULL" };
    let cells = rows.rows.iter();
    let cells = cells.map(|row| row.iter().map(|value| cell(value, null)).collect());
    let mut text = grid(rows, format, &header, cells);
    if format == Format::Table {
        let plural = if rows.row_count == 1 { "row" } else { "rows" };
        let cut = if rows.truncated {
            ", and there are more"
        } else {
            ""
        };
        text.push_str(&format!("\n{} {plural}{cut}", rows.row_count));
    }
    text
}

pub(crate) fn hits(hits: &Hits, format: Format) -> String {
    let rows = hits.hits.iter().map(|hit| {
        let row = hit.row.map(|row| row.to_string()).unwrap_or_default();
        vec![hit.table.clone(), row, hit.snippet.clone()]
    });
    grid(hits, format, &["table", "row", "text"], rows)
}

pub(crate) fn resources(resources: &[Resource], format: Format) -> String {
    let rows = resources.iter().map(|resource| {
        let mime_type = resource.mime_type.clone().unwrap_or_default();
        vec![resource.uri.clone(), mime_type, resource.name.clone()]
    });
    grid(&resources, format, &["address", "type", "name"], rows)
}

pub(crate) fn contents(contents: &[ResourceContents], format: Format) -> String {
    if format == Format::Json {
        return json(&contents);
    }
    let texts = contents.iter().map(|part| match part {
        ResourceContents::Text { text, .. } => text.trim_end().to_owned(),
        ResourceContents::Blob { data, .. } => data.clone(),
        other => json(other),
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// `whole` as JSON, or its rows as a table or CSV.
fn grid(
    whole: &impl Serialize,
    format: Format,
    header: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> String {
    match format {
        Format::Csv => {
            let header = header.iter().map(|name| (*name).to_owned()).collect();
            let lines = std::iter::once(header).chain(rows).map(|row: Vec<String>| {
                let fields = row.iter().map(|text| field(text));
                fields.collect::<Vec<_>>().join(",")
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        Format::Json => json(whole),
        Format::Table => {
            let mut table = comfy_table::Table::new();
            table
                .load_style(presets::UTF8_FULL_CONDENSED)
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_header(header)
                .add_rows(
                    rows.map(|row| row.iter().map(|text| harmless(text)).collect::<Vec<_>>()),
                );
            table.to_string()
        }
    }
}

fn json(whole: &impl Serialize) -> String {
    serde_json::to_string_pretty(whole).unwrap_or_default()
}

fn cell(value: &Value, null: &str) -> String {
    match value {
        Value::Null => null.to_owned(),
        other => other.to_string(),
    }
}

/// The text without what a terminal would obey.
fn harmless(text: &str) -> String {
    text.replace(
        |letter: char| letter.is_control() && letter != '\n',
        "\u{fffd}",
    )
}

/// RFC 4180.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
