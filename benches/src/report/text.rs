//! The report as text, for a terminal and as the tables of a Markdown page.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};

use super::Report;
use crate::{section::Section, words};

pub(super) fn of(report: &Report) -> String {
    let mut text = format!("{}\n", report.head());
    let behind = report.behind();
    if !behind.is_empty() {
        text.push_str("\nWhere the pool is not ahead\n");
    }
    for line in behind {
        let _ = writeln!(text, "  {line}");
    }
    for section in &report.sections {
        let _ = write!(text, "\n{}\n", section.title);
        for line in &section.about {
            let _ = writeln!(text, "  {}", line.replace('*', ""));
        }
        let _ = writeln!(text, "{}", table(section));
        for remark in &section.remarks {
            let _ = writeln!(text, "  {remark}");
        }
    }
    text
}

/// A section's rows, as Markdown has them.
pub(super) fn table(section: &Section) -> Table {
    let mut table = Table::new();
    let rows = section.rows.iter().map(|row| row.iter().map(words::cell));
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_header(section.columns.iter().map(|column| column.title.as_ref()))
        .add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        if !section.is_words(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
