//! What went wrong, for people and for scripts.

use mcp_domain::{Error, ErrorKind, Fault};
use mcp_plugin_db::NotSearched;

use crate::{args::Format, colour::Colours, print::Style, reach::TOKEN};

/// The exit codes, as `--help` tells them.
pub(crate) const CODES: &str = "Exit codes:
  0    it worked
  1    the server or the database said no
  2    the command line, a setting or a parameter is wrong
  3    the server could not be reached, or gave no proper answer in time
  130  interrupted by Ctrl-C; twice ends at once";

/// One line on standard error, with nothing in it that a terminal would obey.
pub(crate) fn report(error: &Error, colours: Colours) {
    let mut line = error.chain().replace(char::is_control, " ");
    if error.kind() == ErrorKind::Unauthorized {
        line.push_str(&format!(
            "; {TOKEN} is the token for --server, and a file for --config has headers"
        ));
    }
    let name = colours.red("mcp-db:");
    #[expect(clippy::print_stderr, reason = "a program speaks to its user")]
    {
        eprintln!("{name} {line}");
    }
}

/// Says of an answer that was cut what is to be known of the rest, where its format has no
/// place for it.
pub(crate) fn cut(truncated: bool, style: Style, message: &str) {
    if truncated && !matches!(style.format, Format::Json | Format::Table) {
        note(style, message);
    }
}

/// Says what no table could tell of what is missing in it; JSON has a place for it.
pub(crate) fn not_searched(tables: &[NotSearched], style: Style) {
    if style.format != Format::Json {
        for NotSearched { table, why, .. } in tables {
            let line = format!("`{table}` could not be searched: {why}");
            note(style, &line.replace(char::is_control, " "));
        }
    }
}

fn note(style: Style, message: &str) {
    let name = style.errors.bold("mcp-db:");
    #[expect(clippy::print_stderr, reason = "a program speaks to its user")]
    {
        eprintln!("{name} {message}");
    }
}

/// The exit code for an error.
pub(crate) fn code(error: &Error) -> u8 {
    match error.kind().fault() {
        Fault::Caller => 2,
        Fault::Server => 1,
        Fault::Connection | Fault::Pool => 3,
    }
}
