//! Ranked search in text columns: by full-text index where there is one, by a
//! bounded scan where not.

use mcp_domain::Error;
use rusqlite::{Connection, Rows, params};

use super::{
    Sqlite,
    catalog::{columns, tables},
    failed, quoted,
};
use crate::{
    answer::{Hit, Hits},
    engine::Wanted,
    words::{pattern, words},
};

/// A table without a full-text index is searched up to this row.
const ROWS_SCANNED: usize = 50_000;

impl Sqlite {
    /// Finds rows that hold all words of `text`.
    pub(crate) async fn search(&self, wanted: Wanted) -> Result<Hits, Error> {
        self.run(move |connection| {
            let table = wanted.table.as_deref();
            search(connection, &wanted.text, table, wanted.limit)
        })
        .await
    }
}

/// A full-text index, and the table whose rows it indexes.
struct FullText {
    index: String,
    table: String,
}

fn search(
    connection: &Connection,
    text: &str,
    table: Option<&str>,
    limit: usize,
) -> Result<Hits, Error> {
    let words = words(text)?;
    let wanted = |name: &str| table.is_none_or(|only| only.eq_ignore_ascii_case(name));
    let indexes = full_text_indexes(connection)?;
    let mut found = Hits {
        hits: Vec::new(),
        truncated: false,
    };
    let mut known = false;
    for index in indexes.iter().filter(|index| wanted(&index.table)) {
        known = true;
        by_index(connection, index, &words, limit, &mut found)?;
    }
    for table in tables(connection)? {
        let indexed = indexes.iter().any(|index| index.table == table.name);
        if table.kind == "table" && wanted(&table.name) && !indexed {
            known = true;
            by_scan(connection, &table.name, &words, limit, &mut found)?;
        }
    }
    match table {
        Some(name) if !known => Err(super::catalog::no_such_table(name)),
        _ => Ok(found),
    }
}

fn full_text_indexes(connection: &Connection) -> Result<Vec<FullText>, Error> {
    const SQL: &str = "SELECT name, sql FROM sqlite_schema \
                       WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%USING fts5%'";
    let mut statement = connection.prepare_cached(SQL).map_err(failed)?;
    let rows = statement
        .query_map([], |row| {
            let index: String = row.get(0)?;
            let sql: String = row.get(1)?;
            let table = content_table(&sql).unwrap_or_else(|| index.clone());
            Ok(FullText { index, table })
        })
        .map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}

/// The value of FTS5's `content` option, if the index has one.
fn content_table(sql: &str) -> Option<String> {
    let (_, rest) = sql.split_once("content=")?;
    let name = rest.split([',', ')']).next()?;
    Some(name.trim().trim_matches(['\'', '"']).to_owned())
}

fn by_index(
    connection: &Connection,
    index: &FullText,
    words: &[&str],
    limit: usize,
    found: &mut Hits,
) -> Result<(), Error> {
    let left = limit.saturating_sub(found.hits.len());
    let name = quoted(&index.index);
    let sql = format!(
        "SELECT rowid, snippet({name}, -1, '[', ']', '…', 12) FROM {name} \
         WHERE {name} MATCH ?1 ORDER BY rank LIMIT ?2"
    );
    // Each word as a string of its own: nothing in it is an operator.
    let phrase: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let rows = statement
        .query(params![phrase.join(" "), one_more(left)])
        .map_err(failed)?;
    take(rows, &index.table, left, found)
}

fn by_scan(
    connection: &Connection,
    table: &str,
    words: &[&str],
    limit: usize,
    found: &mut Hits,
) -> Result<(), Error> {
    let left = limit.saturating_sub(found.hits.len());
    let texts: Vec<String> = columns(connection, table)?
        .into_iter()
        .filter(|column| {
            let declared = column.declared_type.to_ascii_uppercase();
            declared.contains("TEXT") || declared.contains("CHAR") || declared.contains("CLOB")
        })
        .map(|column| quoted(&column.name))
        .collect();
    if texts.is_empty() {
        return Ok(());
    }
    let row = if has_rowid(connection, table)? {
        "rowid"
    } else {
        "NULL"
    };
    let all_text = format!("concat_ws(' · ', {})", texts.join(", "));
    let conditions: Vec<String> = (0..words.len())
        .map(|n| format!("found LIKE ?{} ESCAPE '\\'", n + 2))
        .collect();
    let sql = format!(
        "SELECT row, substr(found, 1, 200) FROM \
           (SELECT {row} AS row, {all_text} AS found FROM {} LIMIT {ROWS_SCANNED}) \
         WHERE {} LIMIT ?1",
        quoted(table),
        conditions.join(" AND "),
    );
    let mut statement = connection.prepare(&sql).map_err(failed)?;
    statement
        .raw_bind_parameter(1, one_more(left))
        .map_err(failed)?;
    for (n, word) in (2..).zip(words) {
        statement
            .raw_bind_parameter(n, pattern(word))
            .map_err(failed)?;
    }
    take(statement.raw_query(), table, left, found)
}

/// Adds rows of (row id, snippet) to what was found, up to the limit.
fn take(mut rows: Rows<'_>, table: &str, left: usize, found: &mut Hits) -> Result<(), Error> {
    let mut taken = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        if taken == left {
            found.truncated = true;
            break;
        }
        taken += 1;
        found.hits.push(Hit {
            table: table.to_owned(),
            row: row.get(0).map_err(failed)?,
            key: None,
            snippet: row.get(1).map_err(failed)?,
        });
    }
    Ok(())
}

/// One row more than wanted tells whether there are more.
fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

fn has_rowid(connection: &Connection, table: &str) -> Result<bool, Error> {
    const SQL: &str = "SELECT NOT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1";
    connection
        .query_row(SQL, [table], |row| row.get(0))
        .map_err(failed)
}
