//! What a line means.

use clap::ValueEnum as _;
use mcp_domain::{Error, ErrorKind};

use crate::args::{Ask, Format, MOST_FOUND};

/// What the user wants.
#[derive(Debug)]
pub(super) enum Command {
    Ask(Ask),
    Format(Format),
    Help,
    Nothing,
    Quit,
    Stats,
}

pub(super) const HELP: &str = "\
Statements end with `;` and may take several lines.

  \\d              tables and views
  \\d TABLE        a table's columns, keys and indexes
  \\e STATEMENT    how the database would run a statement
  \\s WORDS        rows that hold all of these words; before them may stand
                  --table TABLE and --limit COUNT
  \\r              what the server offers to read
  \\r ADDRESS      one of them
  \\f FORMAT       how to print: csv, json, markdown or table
  \\stats          the server and the pool
  \\q              quit; so do Ctrl-D, and Ctrl-C twice

Tab completes the names of tables and columns. Ctrl-C cancels a statement.";

/// Statements that change something, by their first word.
const WRITES: &[&str] = &[
    "alter", "analyze", "attach", "call", "comment", "copy", "create", "delete", "detach", "do",
    "drop", "grant", "insert", "merge", "refresh", "reindex", "replace", "revoke", "truncate",
    "update", "vacuum",
];

/// Words by which a part of a statement changes something: `WITH gone AS (DELETE …)`.
const WRITING_PARTS: &[&str] = &["delete", "insert", "merge", "update"];

/// What a statement or command means.
///
/// # Errors
///
/// `InvalidInput` if it is a command that is not known.
pub(super) fn parse(text: &str) -> Result<Command, Error> {
    let text = text.trim();
    let Some(command) = text.strip_prefix('\\') else {
        return Ok(statement(text));
    };
    let (name, rest) = match command.split_once(char::is_whitespace) {
        Some((name, rest)) => (name, rest.trim()),
        None => (command, ""),
    };
    let rest = rest.trim_end_matches(';').trim_end().to_owned();
    Ok(match (name, rest.is_empty()) {
        ("?" | "h" | "help", _) => Command::Help,
        ("q" | "quit", _) => Command::Quit,
        ("stats", _) => Command::Stats,
        ("d" | "dt", true) => Command::Ask(Ask::Tables),
        ("d", false) => Command::Ask(Ask::Describe { table: rest }),
        ("e", false) => Command::Ask(Ask::Explain {
            sql: rest,
            parameters: Vec::new(),
        }),
        ("s", false) => Command::Ask(search(&rest)?),
        ("r", true) => Command::Ask(Ask::Resources),
        ("r", false) => Command::Ask(Ask::Read { uri: rest }),
        ("f", false) => Command::Format(Format::from_str(&rest, true).map_err(|_| {
            invalid(format!(
                "`{rest}` is no format; there are csv, json, markdown and table"
            ))
        })?),
        ("e" | "f" | "s", true) => {
            return Err(invalid(format!(
                "\\{name} needs a word more; \\? tells which"
            )));
        }
        _ => {
            return Err(invalid(format!(
                "there is no command \\{name}; \\? lists them"
            )));
        }
    })
}

/// What to search for: words, and before them options as those of `mcp-db search`.
fn search(text: &str) -> Result<Ask, Error> {
    let (mut table, mut limit, mut words) = (None, MOST_FOUND, text);
    while let Some((option, rest)) = words.split_once(char::is_whitespace) {
        let (value, after) = value(rest.trim_start());
        match option {
            "--table" => table = Some(value),
            "--limit" => {
                let wrong = |_| invalid(format!("--limit is `{value}`, which is no number"));
                limit = value.parse().map_err(wrong)?;
            }
            _ => break,
        }
        words = after.trim_start();
    }
    if words.is_empty() {
        return Err(invalid("\\s needs words to search for".to_owned()));
    }
    Ok(Ask::Search {
        words: words.to_owned(),
        table,
        limit,
    })
}

/// A word, or what is in double quotes, and what follows.
fn value(text: &str) -> (String, &str) {
    let quoted = text.strip_prefix('"').and_then(|text| text.split_once('"'));
    let word = || text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let (value, rest) = quoted.unwrap_or_else(word);
    (value.to_owned(), rest)
}

fn statement(text: &str) -> Command {
    let sql = text.trim_end_matches(';').trim();
    if sql.is_empty() {
        return Command::Nothing;
    }
    let (bare, _) = bare(sql);
    let mut words = bare.iter().flat_map(|part| {
        let words = part.split(|letter: char| letter != '_' && !letter.is_alphanumeric());
        words.filter(|word| !word.is_empty())
    });
    let is_one_of =
        |word: &str, list: &[&str]| list.iter().any(|one| one.eq_ignore_ascii_case(word));
    let writes = words.next().is_some_and(|first| {
        let parts = first.eq_ignore_ascii_case("with");
        is_one_of(first, WRITES) || parts && words.any(|word| is_one_of(word, WRITING_PARTS))
    });
    let (sql, parameters) = (sql.to_owned(), Vec::new());
    Command::Ask(if writes {
        Ask::Execute { sql, parameters }
    } else {
        Ask::Query {
            sql,
            parameters,
            all: false,
        }
    })
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

/// Is this a whole statement or command?
pub(super) fn is_whole(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text.starts_with('\\') || text.ends_with(';') && !bare(text).1
}

/// What is in no string, name in quotes or comment, and whether the end is in one.
fn bare(text: &str) -> (Vec<&str>, bool) {
    let mut bare = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(found) = text[at..].find(['\'', '"', '$', '-', '/']) {
        at += found;
        let rest = &text[at..];
        let (open, close) = match rest.as_bytes() {
            [quote @ (b'\'' | b'"'), ..] => (1, if *quote == b'"' { "\"" } else { "'" }),
            [b'-', b'-', ..] => (2, "\n"),
            [b'/', b'*', ..] => (2, "*/"),
            _ => match dollar_quote(rest) {
                Some(tag) => (tag.len(), tag),
                None => {
                    at += 1;
                    continue;
                }
            },
        };
        bare.push(&text[start..at]);
        match rest[open..].find(close) {
            Some(end) => at += open + end + close.len(),
            None => return (bare, true),
        }
        start = at;
    }
    bare.push(&text[start..]);
    (bare, false)
}

/// `$$` or `$tag$`, by which PostgreSQL begins and ends a string.
fn dollar_quote(text: &str) -> Option<&str> {
    let tag = text.strip_prefix('$')?;
    let end = tag.find(|letter: char| letter != '_' && !letter.is_alphanumeric())?;
    tag[end..].starts_with('$').then(|| &text[..end + 2])
}

/// Lines, until they are a whole statement.
#[derive(Debug, Default)]
pub(super) struct Input(String);

impl Input {
    /// Adds a line; gives the statement that it ends, if it does.
    pub(super) fn push(&mut self, line: &str) -> Option<String> {
        self.0.push_str(line);
        self.0.push('\n');
        is_whole(&self.0).then(|| std::mem::take(&mut self.0))
    }

    /// What is left without an end.
    pub(super) fn rest(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.0);
        (!rest.trim().is_empty()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let parsed = match parse(text) {
            Ok(command) => format!("{command:?}"),
            Err(error) => error.to_string(),
        };
        assert!(parsed.contains(expected), "{text}: {parsed}");
    }

    #[test]
    fn lines_mean_what_they_say() {
        check("select 1;", "Query { sql: \"select 1\"");
        check(" with x as (select 1) select * from x ; ", "Query");
        check("DELETE FROM x;", "Execute { sql: \"DELETE FROM x\"");
        check("deleted;", "Query");
        check("-- of old ones\nDELETE FROM x;", "Execute");
        check("/* all */ delete from x;", "Execute");
        check(
            "with gone as (delete from x returning *) select * from gone;",
            "Execute",
        );
        check(
            "with x as (select 'delete', \"update\" -- insert\n from y) select 1;",
            "Query",
        );
        check("(select 1);", "Query");
        check("select update_at from x;", "Query");
        check(";", "Nothing");
        check("", "Nothing");
        check("\\d", "Tables");
        check("\\d orders;", "Describe { table: \"orders\" }");
        check(
            "\\s two words",
            "words: \"two words\", table: None, limit: 20",
        );
        check(
            "\\s --table orders --limit 5 two --words;",
            "words: \"two --words\", table: Some(\"orders\"), limit: 5",
        );
        check(
            "\\s --table \"a b\"  x",
            "words: \"x\", table: Some(\"a b\")",
        );
        check(
            "\\s --limit some x",
            "--limit is `some`, which is no number",
        );
        check("\\s --table orders", "\\s needs words to search for");
        check("\\r", "Resources");
        check("\\r db://x", "uri: \"db://x\"");
        check("\\f JSON", "Format(Json)");
        check("\\f xml", "`xml` is no format");
        check("\\e select 1", "Explain");
        check("\\e", "\\e needs a word more");
        check("\\stats", "Stats");
        check("\\q", "Quit");
        check("\\?", "Help");
        check("\\x", "there is no command \\x");
    }

    #[test]
    fn a_statement_may_take_several_lines() {
        let mut input = Input::default();
        assert_eq!(input.push("select"), None);
        assert_eq!(input.push("1;").as_deref(), Some("select\n1;\n"));
        assert_eq!(input.push("\\d").as_deref(), Some("\\d\n"));
        assert_eq!(input.rest(), None);
        for statement in [
            "select 'a;\nb; ''c;\n' as x;",
            "create table \"a;\nb\" (c);",
            "select 1 -- not here;\n+ 1;",
            "select /* nor here;\n */ 1;",
            "create function f() returns int as $f$ begin\nreturn '$$;\n'; end $f$ language plpgsql;",
            "select $1 - 2 / 3, 'it''s';",
        ] {
            let lines: Vec<&str> = statement.split('\n').collect();
            let (last, first) = lines.split_last().unwrap();
            for line in first {
                assert_eq!(input.push(line), None, "{statement}");
            }
            assert_eq!(input.push(last), Some(format!("{statement}\n")));
        }
        assert_eq!(input.push("select 2"), None);
        assert_eq!(input.rest().as_deref(), Some("select 2\n"));
    }
}
