//! The report as a Markdown page with drawings beside it.

use std::fmt::Write as _;

use super::{Report, text};
use crate::plot::svg;

/// The page, and the files that it shows.
pub(super) fn of(report: &Report) -> (String, Vec<(String, String)>) {
    let mut page = format!("# Measured\n\n{}\n", report.head());
    let mut files = Vec::new();
    let behind = report.behind();
    if !behind.is_empty() {
        page.push_str("\n## Where the pool is not ahead\n\n");
        for line in behind {
            let _ = writeln!(page, "- {line}");
        }
    }
    for section in &report.sections {
        let _ = write!(page, "\n## {}\n\n", section.title);
        for line in &section.about {
            let _ = writeln!(page, "{line}");
        }
        for plot in &section.plots {
            let name = format!("{}.svg", plot.id);
            let _ = write!(page, "\n![{}]({name})\n", plot.title);
            files.push((name, svg::alone(plot)));
        }
        let _ = write!(page, "\n{}\n", text::table(section));
        if !section.remarks.is_empty() {
            page.push('\n');
        }
        for remark in &section.remarks {
            let _ = writeln!(page, "- {remark}");
        }
    }
    (page, files)
}
