//! Virtual tables, and the modules that keep them.

use mcp_domain::Error;
use rusqlite::Connection;

use super::{catalog::all, quoted};

/// The modules whose tables are served. Others are foreign to the file (they read other
/// files, or are made by programs) or are about the tables of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Module {
    /// FTS3 or FTS4, which are asked alike.
    Fts4,
    Fts5,
    /// An R-tree, of reals or of integers.
    Rtree,
}

/// A virtual table of one of these modules.
#[derive(Debug)]
pub(super) struct Virtual {
    pub(super) name: String,
    pub(super) module: Module,
    /// The table whose rows it indexes, if it is a full-text index of another.
    pub(super) of: Option<String>,
}

impl Virtual {
    /// What finds rows by their text, best first if the module ranks them: the statement
    /// for (row, snippet), and the words as it takes them. Nothing in a word is an operator.
    pub(super) fn search(&self, words: &[&str]) -> Option<(String, String)> {
        let name = quoted(&self.name);
        let (select, order, phrases) = match self.module {
            Module::Fts5 => {
                let phrases: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                let snippet = format!("snippet({name}, -1, '[', ']', '…', 12)");
                (snippet, "rank", phrases)
            }
            Module::Fts4 => {
                // Its phrases have no way to quote what is an operator even in them.
                let plain = |word: &&str| format!("\"{}\"", word.replace(['"', '*', '^'], " "));
                let snippet = format!("snippet({name}, '[', ']', '…', -1, 12)");
                (snippet, "rowid", words.iter().map(plain).collect())
            }
            Module::Rtree => return None,
        };
        let sql = format!(
            "SELECT rowid, {select} FROM {name} WHERE {name} MATCH ?1 ORDER BY {order} LIMIT ?2"
        );
        Some((sql, phrases.join(" ")))
    }
}

/// The virtual tables of the modules that are served.
pub(super) fn virtual_tables(connection: &Connection) -> Result<Vec<Virtual>, Error> {
    const SQL: &str = "SELECT name, sql FROM sqlite_schema \
                       WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE %'";
    let made: Vec<(String, String)> =
        all(connection, SQL, "", |row| Ok((row.get(0)?, row.get(1)?)))?;
    let known = made.into_iter().filter_map(|(name, sql)| {
        let (module, options) = module(&sql)?;
        let of = match module {
            Module::Fts4 | Module::Fts5 => content(options),
            Module::Rtree => None,
        };
        Some(Virtual { name, module, of })
    });
    Ok(known.collect())
}

/// The module of a virtual table, and what it was told, from how the table was made. The
/// engine keeps that in this form, but for what stands from the name on.
fn module(sql: &str) -> Option<(Module, &str)> {
    let (_, rest) = sql.split_at_checked("CREATE VIRTUAL TABLE ".len())?;
    let rest = after_name(rest)?.trim_start();
    let (using, rest) = rest.split_at_checked("USING".len())?;
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    let (name, options) = rest.split_at(end.unwrap_or(rest.len()));
    let module = match name.to_ascii_lowercase().as_str() {
        "fts3" | "fts4" => Module::Fts4,
        "fts5" => Module::Fts5,
        "rtree" | "rtree_i32" => Module::Rtree,
        _ => return None,
    };
    using
        .eq_ignore_ascii_case("USING")
        .then_some((module, options))
}

/// What follows a name, quoted in one of four ways or not at all.
fn after_name(text: &str) -> Option<&str> {
    let closing = match text.chars().next()? {
        '[' => ']',
        quote @ ('"' | '\'' | '`') => quote,
        _ => return text.find(char::is_whitespace).map(|end| &text[end..]),
    };
    let mut rest = &text[1..];
    loop {
        let (_, after) = rest.split_once(closing)?;
        // Twice, it is part of the name.
        match after.strip_prefix(closing) {
            Some(more) if closing != ']' => rest = more,
            _ => return Some(after),
        }
    }
}

/// The value of the option `content`, if it names a table.
fn content(options: &str) -> Option<String> {
    let options = options.strip_prefix('(').unwrap_or(options);
    let mut options = options
        .split([',', ')'])
        .filter_map(|option| option.split_once('='));
    let (_, name) = options.find(|(name, _)| name.trim().eq_ignore_ascii_case("content"))?;
    let name = name.trim().trim_matches(['\'', '"']);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_told_by_how_a_table_was_made() {
        for (sql, expected) in [
            ("t USING fts5(a, b)", Some((Module::Fts5, None))),
            ("t  using\nFTS4 (a)", Some((Module::Fts4, None))),
            ("t USING fts3", Some((Module::Fts4, None))),
            (
                "\"a \"\" using\" USING rtree(id, a, b)",
                Some((Module::Rtree, None)),
            ),
            (
                "[t ] USING rtree_i32(id, a, b)",
                Some((Module::Rtree, None)),
            ),
            (
                "'using csv' USING fts5(x, Content = 'other')",
                Some((Module::Fts5, Some("other"))),
            ),
            ("t USING fts4(x, content=\"\")", Some((Module::Fts4, None))),
            ("t USING csv(filename = 'x USING fts5(')", None),
            ("t USING fts5vocab(x, row)", None),
            ("t", None),
            ("", None),
        ] {
            let sql = format!("CREATE VIRTUAL TABLE {sql}");
            let told = module(&sql).map(|(module, options)| (module, content(options)));
            let expected = expected.map(|(module, of)| (module, of.map(str::to_owned)));
            assert_eq!(told, expected, "{sql}");
        }
    }
}
