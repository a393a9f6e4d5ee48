//! Ranked search in text columns: by full-text index where there is one, by a
//! bounded scan where not.

use deadpool_postgres::Transaction;
use mcp_domain::Error;
use serde_json::Value;
use tokio_postgres::{Row, types::ToSql};

use super::{
    Postgres,
    catalog::{Relation, all, find, relations},
    failure::{failed, timed_out},
};
use crate::{
    answer::{Hit, Hits},
    engine::Wanted,
    words::{pattern, words},
};

/// A table without a full-text index is searched up to this row.
const ROWS_SCANNED: usize = 50_000;

/// The text columns of a table, its primary key, and what its full-text index is of.
const SEARCHABLE: &str = "
    SELECT
        ARRAY(SELECT pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_attribute a
              JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
              WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
                AND t.typcategory = 'S' AND pg_catalog.has_column_privilege($1, a.attnum, 'SELECT')
              ORDER BY a.attnum),
        (SELECT 'pg_catalog.jsonb_build_object(' || pg_catalog.string_agg(
                pg_catalog.quote_literal(a.attname) || ', ' || pg_catalog.quote_ident(a.attname), ', '
                ORDER BY a.attnum) || ')::text'
         FROM pg_catalog.pg_index i
         JOIN pg_catalog.pg_attribute a ON a.attrelid = $1 AND a.attnum = ANY (i.indkey)
         WHERE i.indrelid = $1 AND i.indisprimary),
        (SELECT pg_catalog.pg_get_indexdef(i.indexrelid, 1, true)
         FROM pg_catalog.pg_index i
         JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[0]
         WHERE i.indrelid = $1 AND i.indisvalid AND i.indpred IS NULL
            AND o.opcintype = 'pg_catalog.tsvector'::regtype
            AND o.opcmethod IN (SELECT oid FROM pg_catalog.pg_am WHERE amname IN ('gin', 'gist'))
         ORDER BY i.indexrelid LIMIT 1)";

/// What of a table is searched.
struct Searchable {
    /// Its text columns, joined.
    text: String,
    /// The primary key as a JSON object.
    key: String,
    /// The expression of the full-text index.
    indexed: Option<String>,
}

impl Postgres {
    /// Finds rows that hold all words of `text`.
    pub(crate) async fn search(&self, wanted: Wanted) -> Result<Hits, Error> {
        self.read(move |transaction| Box::pin(async move { search(transaction, &wanted).await }))
            .await
    }
}

async fn search(transaction: &Transaction<'_>, wanted: &Wanted) -> Result<Hits, Error> {
    let words = words(&wanted.text)?;
    let tables = match &wanted.table {
        Some(name) => vec![find(transaction, name).await?],
        None => relations(transaction).await?,
    };
    let mut tables: Vec<Relation> = tables
        .into_iter()
        .filter(|table| table.name.kind == "table" || wanted.table.is_some())
        .collect();
    let mut searched = Vec::new();
    for table in tables.drain(..) {
        if let Some(searchable) = searchable(transaction, &table).await? {
            searched.push((table, searchable));
        }
    }
    // What is ranked comes first.
    searched.sort_by_key(|(_, searchable)| searchable.indexed.is_none());
    let mut found = Hits::default();
    for (table, searchable) in &searched {
        let left = wanted.limit.saturating_sub(found.hits.len());
        // What fails in one table would else end the transaction, and the others with it.
        let save = transaction.batch_execute("SAVEPOINT mcp_table").await;
        save.map_err(failed)?;
        let rows = match &searchable.indexed {
            Some(index) => by_index(transaction, table, searchable, index, &words, left).await,
            None => by_scan(transaction, table, searchable, &words, left).await,
        };
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) if timed_out(&error) => return Err(error),
            Err(error) => {
                found.without(&table.name.name, wanted.table.is_some(), error)?;
                let undo = "ROLLBACK TO SAVEPOINT mcp_table";
                transaction.batch_execute(undo).await.map_err(failed)?;
                continue;
            }
        };
        found.truncated |= rows.len() > left;
        found
            .hits
            .extend(rows.iter().take(left).map(|row| hit(table, row)));
    }
    Ok(found)
}

async fn searchable(
    transaction: &Transaction<'_>,
    table: &Relation,
) -> Result<Option<Searchable>, Error> {
    let rows = all(transaction, SEARCHABLE, &[&table.oid]).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let columns: Vec<String> = row.get(0);
    let key: Option<String> = row.get(1);
    Ok((!columns.is_empty()).then(|| Searchable {
        text: format!("pg_catalog.concat_ws(' · ', {})", columns.join(", ")),
        key: key.unwrap_or_else(|| "NULL::text".to_owned()),
        indexed: row.get(2),
    }))
}

async fn by_index(
    transaction: &Transaction<'_>,
    table: &Relation,
    searchable: &Searchable,
    index: &str,
    words: &[&str],
    left: usize,
) -> Result<Vec<Row>, Error> {
    let Searchable { text, key, .. } = searchable;
    let language = language(index);
    // Nothing in the words is an operator.
    let sql = format!(
        "SELECT {key}, pg_catalog.ts_headline({language}{text}, mcp_wanted, \
            'StartSel=[, StopSel=], MaxWords=16, MinWords=8') \
         FROM {table}, pg_catalog.plainto_tsquery({language}$1) AS mcp_wanted \
         WHERE {index} @@ mcp_wanted \
         ORDER BY pg_catalog.ts_rank({index}, mcp_wanted) DESC LIMIT {limit}",
        table = table.quoted,
        limit = left.saturating_add(1),
    );
    rows(transaction, &sql, &[&words.join(" ")]).await
}

/// The language that the index is of, as a first argument: words are not cut to the
/// same stems in all of them.
fn language(index: &str) -> String {
    let named = index.split_once("::regconfig").map(|(before, _)| before);
    match named.and_then(|before| before.rsplit_once('(')) {
        Some((_, name)) if name.starts_with('\'') => format!("{name}::regconfig, "),
        _ => String::new(),
    }
}

async fn by_scan(
    transaction: &Transaction<'_>,
    table: &Relation,
    searchable: &Searchable,
    words: &[&str],
    left: usize,
) -> Result<Vec<Row>, Error> {
    let Searchable { text, key, .. } = searchable;
    let conditions: Vec<String> = (1..=words.len())
        .map(|place| format!("mcp_text ILIKE ${place}"))
        .collect();
    let sql = format!(
        "SELECT mcp_key, pg_catalog.left(mcp_text, 200) \
         FROM (SELECT {key} AS mcp_key, {text} AS mcp_text FROM {table} LIMIT {ROWS_SCANNED}) AS mcp_table \
         WHERE {conditions} LIMIT {limit}",
        table = table.quoted,
        conditions = conditions.join(" AND "),
        limit = left.saturating_add(1),
    );
    let patterns: Vec<String> = words.iter().map(|word| pattern(word)).collect();
    let parameters: Vec<&(dyn ToSql + Sync)> = patterns
        .iter()
        .map(|pattern| pattern as &(dyn ToSql + Sync))
        .collect();
    rows(transaction, &sql, &parameters).await
}

async fn rows(
    transaction: &Transaction<'_>,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, Error> {
    transaction.query(sql, parameters).await.map_err(failed)
}

fn hit(table: &Relation, row: &Row) -> Hit {
    let key: Option<String> = row.get(0);
    let snippet: Option<String> = row.get(1);
    let key = key.and_then(|key| serde_json::from_str(&key).ok());
    Hit {
        table: table.name.name.clone(),
        row: None,
        key: match key {
            Some(Value::Object(key)) => Some(key),
            _ => None,
        },
        snippet: snippet.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_that_of_the_index() {
        for (index, expected) in [
            (
                "to_tsvector('english'::regconfig, body)",
                "'english'::regconfig, ",
            ),
            (
                "to_tsvector('simple'::regconfig, (a || ' '::text) || b)",
                "'simple'::regconfig, ",
            ),
            ("search_vector", ""),
            ("to_tsvector(language::regconfig, body)", ""),
        ] {
            assert_eq!(language(index), expected, "{index}");
        }
    }
}
