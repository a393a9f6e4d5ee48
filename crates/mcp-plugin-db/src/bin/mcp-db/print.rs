//! Answers as text: a table, JSON, CSV or Markdown.

use std::io::Write as _;

use comfy_table::{ContentArrangement, presets};
use mcp_domain::{Error, ErrorKind};
use mcp_plugin_db::{Changes, Hits, Rows, Table, TableName, Value};
use mcp_transport::{Resource, ResourceContents};
use serde::Serialize;

use crate::{args::Format, colour::Colours};

/// How answers and errors are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) format: Format,
    pub(crate) colours: Colours,
    /// Those of standard error.
    pub(crate) errors: Colours,
    /// Does a terminal show the answers? It would obey what a file keeps.
    pub(crate) on_terminal: bool,
}

impl Style {
    /// Text as it is, for files and programs; without what a terminal would obey, for one.
    fn plain(self, text: &str) -> String {
        if self.on_terminal {
            harmless(text)
        } else {
            text.to_owned()
        }
    }
}

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

pub(crate) fn tables(tables: &[TableName], style: Style) -> String {
    let rows = tables.iter().map(|t| vec![t.name.clone(), t.kind.clone()]);
    grid(&tables, style, &["table", "kind"], rows)
}

pub(crate) fn table(table: &Table, style: Style) -> String {
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
            column.default.clone().unwrap_or_default(),
            column
                .primary_key
                .map(|n| n.to_string())
                .unwrap_or_default(),
            reference.unwrap_or_default(),
        ]
    });
    let header = ["column", "type", "nullable", "default", "key", "references"];
    let mut text = grid(table, style, &header, rows);
    if style.format == Format::Table {
        if let Some(count) = table.row_estimate {
            text.push_str(&format!("\nabout {count} rows"));
        }
        for index in &table.indexes {
            let unique = if index.unique {
                "unique index"
            } else {
                "index"
            };
            let columns = index.columns.join(", ");
            let line = format!("\n{unique} {} on ({columns})", index.name);
            text.push_str(&harmless(&line));
        }
    }
    text
}

pub(crate) fn rows(rows: &Rows, style: Style) -> String {
    let header: Vec<&str> = rows.columns.iter().map(|c| c.name.as_str()).collect();
    // CSV has no NULL: an empty field must do.
    let null = if style.format == Format::Csv {
        ""
    } else {
        "NULL"
    };
    let cells = rows.rows.iter();
    let cells = cells.map(|row| row.iter().map(|value| cell(value, null)).collect());
    let mut text = grid(rows, style, &header, cells);
    if style.format == Format::Table {
        let more = if rows.truncated {
            ", and there are more"
        } else {
            ""
        };
        text.push_str(&count(rows.row_count, more));
    }
    text
}

/// The line below a table.
fn count(rows: usize, more: &str) -> String {
    let plural = if rows == 1 { "row" } else { "rows" };
    format!("\n{rows} {plural}{more}")
}

pub(crate) fn changes(changes: &Changes, style: Style) -> String {
    let returned = &changes.returned;
    let done = match changes.rows_affected {
        Some(1) => "1 row changed".to_owned(),
        Some(count) => format!("{count} rows changed"),
        None => "done".to_owned(),
    };
    match style.format {
        Format::Json => json(changes),
        _ if returned.columns.is_empty() => done,
        Format::Table => format!("{}\n{done}", rows(returned, style)),
        Format::Csv | Format::Markdown => rows(returned, style),
    }
}

pub(crate) fn plan(lines: &[String], style: Style) -> String {
    match style.format {
        Format::Csv | Format::Json => {
            let rows = lines.iter().map(|line| vec![line.clone()]);
            grid(&lines, style, &["plan"], rows)
        }
        Format::Markdown | Format::Table => harmless(&lines.join("\n")),
    }
}

pub(crate) fn hits(hits: &Hits, style: Style) -> String {
    let rows = hits.hits.iter().map(|hit| {
        let row = match (&hit.row, &hit.key) {
            (Some(row), _) => row.to_string(),
            (None, Some(key)) => {
                let columns = key.iter().map(|(name, value)| format!("{name}={value}"));
                columns.collect::<Vec<_>>().join(", ")
            }
            (None, None) => String::new(),
        };
        vec![hit.table.clone(), row, hit.snippet.clone()]
    });
    let mut text = grid(hits, style, &["table", "row", "text"], rows);
    if style.format == Format::Table {
        // Or tables were searched in part only.
        let more = if hits.truncated {
            ", and there may be more"
        } else {
            ""
        };
        text.push_str(&count(hits.hits.len(), more));
    }
    text
}

pub(crate) fn resources(resources: &[Resource], style: Style) -> String {
    let rows = resources.iter().map(|resource| {
        let mime_type = resource.mime_type.clone().unwrap_or_default();
        vec![resource.uri.clone(), mime_type, resource.name.clone()]
    });
    grid(&resources, style, &["address", "type", "name"], rows)
}

pub(crate) fn contents(contents: &[ResourceContents], style: Style) -> String {
    if style.format == Format::Json {
        return json(&contents);
    }
    let texts = contents.iter().map(|part| match part {
        ResourceContents::Text { text, .. } => style.plain(text.trim_end()),
        ResourceContents::Blob { data, .. } => style.plain(data),
        other => json(other),
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// `whole` as JSON, or its rows in another format.
pub(crate) fn grid(
    whole: &impl Serialize,
    style: Style,
    header: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> String {
    match style.format {
        Format::Csv => {
            let header = header.iter().map(|name| (*name).to_owned()).collect();
            let lines = std::iter::once(header).chain(rows).map(|row: Vec<String>| {
                let fields = row.iter().map(|text| field(&style.plain(text)));
                fields.collect::<Vec<_>>().join(",")
            });
            lines.collect::<Vec<_>>().join("\n")
        }
        Format::Json => json(whole),
        Format::Markdown => {
            let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
            let names = header.iter().map(|name| in_markdown(name)).collect();
            let rule = header.iter().map(|_| "---".to_owned()).collect();
            let rows = rows.map(|row| row.iter().map(|text| in_markdown(text)).collect());
            let lines = [names, rule].into_iter().chain(rows).map(line);
            lines.collect::<Vec<_>>().join("\n")
        }
        Format::Table => {
            let mut table = comfy_table::Table::new();
            table
                .load_style(presets::UTF8_FULL_CONDENSED)
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_header(header.iter().map(|name| harmless(name)))
                .add_rows(
                    rows.map(|row| row.iter().map(|text| harmless(text)).collect::<Vec<_>>()),
                );
            with_bold_header(&table.to_string(), style.colours)
        }
    }
}

/// All down to the rule below the header.
fn with_bold_header(table: &str, colours: Colours) -> String {
    let mut in_header = true;
    let lines = table.lines().map(|line| {
        in_header &= !line.starts_with('\u{255e}');
        if in_header {
            colours.bold(line)
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A cell of a Markdown table: on one line, and without the sign that ends cells.
fn in_markdown(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('|', "\\|");
    harmless(&text).replace('\n', "<br>")
}

/// JSON, with every control character in its strings escaped: JSON itself asks for some.
fn json(whole: &impl Serialize) -> String {
    let mut text = String::new();
    for letter in serde_json::to_string_pretty(whole)
        .unwrap_or_default()
        .chars()
    {
        if letter.is_control() && letter != '\n' {
            text.push_str(&format!("\\u{:04x}", u32::from(letter)));
        } else {
            text.push(letter);
        }
    }
    text
}

fn cell(value: &Value, null: &str) -> String {
    match value {
        Value::Null => null.to_owned(),
        other => other.to_string(),
    }
}

/// The text without what a terminal would obey, or a table would be bent by.
fn harmless(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\t', "    ");
    let obeyed = |letter: char| letter.is_control() && letter != '\n';
    text.replace(obeyed, "\u{fffd}")
}

/// RFC 4180.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
