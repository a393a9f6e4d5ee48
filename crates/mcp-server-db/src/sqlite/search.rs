//! Ranked search in text columns: by full-text index where there is one, by a
//! bounded scan where not.

use mcp_domain::{Error, ErrorKind};
use rusqlite::{Connection, Rows, params, types::ValueRef};
use serde_json::{Map, Value};

use super::{
    Sqlite,
    catalog::{columns, find, tables},
    failed,
    module::virtual_tables,
    query::to_json,
    quoted, stopped,
};
use crate::{
    answer::{Column, Hit, Hits, TableName},
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

fn search(
    connection: &Connection,
    text: &str,
    table: Option<&str>,
    limit: usize,
) -> Result<Hits, Error> {
    let words = words(text)?;
    let wanted = |name: &str| table.is_none_or(|only| only.eq_ignore_ascii_case(name));
    let mut indexed = Vec::new();
    let mut found = Hits::default();
    let mut known = false;
    let without = |found: &mut Hits, name: &str, error: Error| match stopped(&error) {
        true => Err(error),
        false => found.without(name, table.is_some(), error),
    };
    let tables = tables(connection)?;
    for index in virtual_tables(connection)? {
        let Some((sql, phrases)) = index.search(&words) else {
            continue;
        };
        let name = index.of.unwrap_or(index.name);
        // The index may write it in letters of another size.
        let same = tables.iter().find(|it| it.name.eq_ignore_ascii_case(&name));
        let name = same.map_or(name, |it| it.name.clone());
        if wanted(&name) {
            known = true;
            if let Err(error) = by_index(connection, &name, &sql, &phrases, limit, &mut found) {
                without(&mut found, &name, error)?;
            }
        }
        indexed.push(name);
    }
    for TableName { name, kind, .. } in tables {
        if kind == "table" && wanted(&name) && !indexed.contains(&name) {
            known = true;
            if let Err(error) = by_scan(connection, &name, &words, limit, &mut found) {
                without(&mut found, &name, error)?;
            }
        }
    }
    match table {
        Some(name) if !known => Err(not_searched(connection, name)),
        _ => Ok(found),
    }
}

/// Why nothing is found in what is no table.
fn not_searched(connection: &Connection, name: &str) -> Error {
    match find(connection, name) {
        Ok(view) => {
            let message = format!("`{}` is a view: only tables are searched", view.name);
            Error::new(ErrorKind::ToolFailed, message)
        }
        Err(error) => error,
    }
}

fn by_index(
    connection: &Connection,
    table: &str,
    sql: &str,
    phrases: &str,
    limit: usize,
    found: &mut Hits,
) -> Result<(), Error> {
    let left = limit.saturating_sub(found.hits.len());
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let rows = statement
        .query(params![phrases, one_more(left)])
        .map_err(failed)?;
    take(rows, table, &[], left, found)
}

fn by_scan(
    connection: &Connection,
    table: &str,
    words: &[&str],
    limit: usize,
    found: &mut Hits,
) -> Result<(), Error> {
    let left = limit.saturating_sub(found.hits.len());
    let columns = columns(connection, table)?;
    let texts: Vec<String> = columns
        .iter()
        .filter(|column| {
            let declared = column.declared_type.to_ascii_uppercase();
            declared.contains("TEXT") || declared.contains("CHAR") || declared.contains("CLOB")
        })
        .map(|column| quoted(&column.name))
        .collect();
    if texts.is_empty() {
        return Ok(());
    }
    let row = row_id(connection, table, &columns)?;
    // What tells rows apart where they have no number.
    let mut key: Vec<&Column> = columns.iter().filter(|c| c.primary_key.is_some()).collect();
    if row.is_some() {
        key.clear();
    }
    let keys = key
        .iter()
        .map(|column| format!(", {}", quoted(&column.name)));
    let keys = keys.collect::<String>();
    let all_text = format!("concat_ws(' · ', {})", texts.join(", "));
    let conditions: Vec<String> = (0..words.len())
        .map(|n| format!("found LIKE ?{} ESCAPE '\\'", n + 2))
        .collect();
    let name = quoted(table);
    let sql = format!(
        "SELECT row, substr(found, 1, 200){keys} FROM \
           (SELECT {} AS row, {all_text} AS found{keys} FROM {name} LIMIT {ROWS_SCANNED}) \
         WHERE {} LIMIT ?1",
        row.unwrap_or("NULL"),
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
    let key: Vec<&str> = key.iter().map(|column| column.name.as_str()).collect();
    take(statement.raw_query(), table, &key, left, found)?;
    if !found.truncated {
        let more = format!("SELECT 1 FROM {name} LIMIT 1 OFFSET {ROWS_SCANNED}");
        found.truncated = connection
            .prepare(&more)
            .and_then(|mut more| more.exists([]))
            .map_err(failed)?;
    }
    Ok(())
}

/// Adds rows of (row id, snippet, key) to what was found, up to the limit.
fn take(
    mut rows: Rows<'_>,
    table: &str,
    key: &[&str],
    left: usize,
    found: &mut Hits,
) -> Result<(), Error> {
    let mut taken = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        if taken == left {
            found.truncated = true;
            break;
        }
        taken += 1;
        let value = |place| row.get_ref(place).map_err(failed);
        let parts = (2..).zip(key);
        let parts = parts.map(|(place, name)| Ok(((*name).to_owned(), to_json(value(place)?))));
        let parts: Map<String, Value> = parts.collect::<Result<_, Error>>()?;
        found.hits.push(Hit {
            table: table.to_owned(),
            row: row.get(0).map_err(failed)?,
            key: (!key.is_empty()).then_some(parts),
            snippet: match value(1)? {
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                // An index without its texts has nothing to show.
                _ => String::new(),
            },
        });
    }
    Ok(())
}

/// One row more than wanted tells whether there are more.
fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

/// By which name the row id of a table is found, if it has one: a column can take it.
fn row_id(
    connection: &Connection,
    table: &str,
    columns: &[Column],
) -> Result<Option<&'static str>, Error> {
    const SQL: &str = "SELECT NOT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1";
    let has_row_id: bool = connection
        .query_row(SQL, [table], |row| row.get(0))
        .map_err(failed)?;
    let taken = |name: &str| columns.iter().any(|c| c.name.eq_ignore_ascii_case(name));
    let mut names = ["rowid", "oid", "_rowid_"].into_iter();
    Ok(names.find(|name| has_row_id && !taken(name)))
}
