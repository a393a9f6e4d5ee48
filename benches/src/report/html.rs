//! The report as one page of HTML, with nothing to load.

use std::fmt::Write as _;

use super::Report;
use crate::{
    plot::svg::{self, escape},
    section::{Cell, Section},
    words,
};

const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#fff;--ink:#1f2328;--faint:#59636e;--rule:#d1d9e0;--soft:#f6f8fa}\
@media(prefers-color-scheme:dark){:root{--ground:#0d1117;--ink:#e6edf3;--faint:#9198a1;--rule:#3d444d;--soft:#151b23}}\
body{margin:0 auto;max-width:1080px;padding:24px;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}\
h1{font-size:26px;margin:0}h2{font-size:19px;margin:44px 0 6px;scroll-margin-top:52px}\
p{margin:4px 0;color:var(--faint)}p em{color:var(--ink);font-style:normal;font-weight:600}\
nav{position:sticky;top:0;background:var(--ground);padding:10px 0;border-bottom:1px solid var(--rule);font-size:13px;z-index:1}\
nav a{color:var(--faint);margin-right:14px;text-decoration:none;white-space:nowrap}nav a:hover{color:var(--ink)}\
.wide{overflow-x:auto;margin-top:12px}table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}\
th,td{padding:5px 12px 5px 0;border-bottom:1px solid var(--rule);text-align:right;white-space:nowrap}\
th{color:var(--faint);font-weight:500}.w{text-align:left}td small{color:var(--faint)}td.r{font-weight:600}\
td.m{color:var(--faint)}tbody tr:hover{background:var(--soft)}\
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(480px,100%),1fr));gap:16px;margin-top:12px}\
.plots svg{width:100%;max-width:760px;height:auto}ul{padding-left:20px}.note{background:var(--soft);border:1px solid var(--rule);border-radius:6px;padding:4px 16px;margin-top:20px}";

pub(super) fn of(report: &Report) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>What the pool saves</title><style>{STYLE}{}</style>\
         <h1>What the pool saves</h1><p>{}</p><nav>",
        svg::STYLE,
        escape(&report.head())
    );
    for section in &report.sections {
        let (id, title) = (&section.id, escape(&section.title));
        let _ = write!(page, "<a href=\"#{id}\">{title}</a>");
    }
    page.push_str("</nav>");
    let behind = report.behind();
    if !behind.is_empty() {
        page.push_str("<div class=\"note\"><b>Where the pool is not ahead</b>");
        list(&mut page, &behind);
        page.push_str("</div>");
    }
    for section in &report.sections {
        one(&mut page, section);
    }
    page + "</html>\n"
}

fn one(page: &mut String, section: &Section) {
    let (id, title) = (&section.id, escape(&section.title));
    let _ = write!(page, "<h2 id=\"{id}\">{title}</h2>");
    for line in &section.about {
        let _ = write!(page, "<p>{}</p>", emphasis(line));
    }
    if !section.plots.is_empty() {
        page.push_str("<div class=\"plots\">");
        for plot in &section.plots {
            page.push_str(&svg::draw(plot));
        }
        page.push_str("</div>");
    }
    page.push_str("<div class=\"wide\"><table><thead><tr>");
    let words: Vec<_> = (0..section.columns.len())
        .map(|index| section.is_words(index))
        .collect();
    let class = |index: usize| if words[index] { " class=\"w\"" } else { "" };
    for (index, column) in section.columns.iter().enumerate() {
        let _ = write!(page, "<th{}>{}</th>", class(index), escape(&column.title));
    }
    page.push_str("</thead><tbody>");
    for row in &section.rows {
        page.push_str("<tr>");
        for (index, cell) in row.iter().enumerate() {
            match cell {
                Cell::Times(summary) => {
                    let (p50, p99) = (words::time(summary.p50), words::time(summary.p99));
                    let _ = write!(
                        page,
                        "<td title=\"median between {} and {}\">{p50} <small>{p99}</small></td>",
                        words::time(summary.low),
                        words::time(summary.high)
                    );
                }
                Cell::Ratio(ratio) => {
                    let shown = words::ratio(ratio);
                    let (value, rest) = shown.split_once(' ').unwrap_or((&shown, ""));
                    let _ = write!(page, "<td class=\"r\">{value} <small>{rest}</small></td>");
                }
                Cell::Missing(words) | Cell::Told(words) => {
                    let _ = write!(page, "<td class=\"m\">{}</td>", escape(words));
                }
                cell => {
                    let _ = write!(
                        page,
                        "<td{}>{}</td>",
                        class(index),
                        escape(&words::cell(cell))
                    );
                }
            }
        }
    }
    page.push_str("</tbody></table></div>");
    if !section.remarks.is_empty() {
        list(page, &section.remarks);
    }
}

fn list(page: &mut String, lines: &[String]) {
    page.push_str("<ul>");
    for line in lines {
        let _ = write!(page, "<li>{}</li>", escape(line));
    }
    page.push_str("</ul>");
}

/// `*words*` and `` `code` ``, as Markdown has them.
fn emphasis(line: &str) -> String {
    let mut html = String::new();
    for (index, part) in escape(line).split('*').enumerate() {
        if index % 2 == 1 {
            let _ = write!(html, "<em>{part}</em>");
        } else {
            html.push_str(part);
        }
    }
    let mut code = String::new();
    for (index, part) in html.split('`').enumerate() {
        if index % 2 == 1 {
            let _ = write!(code, "<code>{part}</code>");
        } else {
            code.push_str(part);
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_markdown_marks_is_marked_and_nothing_else_is_html() {
        let line = emphasis("*direct*: `a < b` & c");
        assert_eq!(line, "<em>direct</em>: <code>a &lt; b</code> &amp; c");
    }
}
