//! Search in one table of a server that has no tool for it: by a bounded scan.

use mcp_domain::{Error, ErrorKind, Operation};
use serde_json::{Map, json};

use crate::{Column, DatabasePlugin, Dialect, Hit, Hits, Row, Table, Value, operations::ask};

/// A table is searched up to this row.
const ROWS_SCANNED: usize = 10_000;

/// So much of a text is told.
const SNIPPET: usize = 200;

/// More words than this are no search.
const MOST_WORDS: usize = 16;

impl DatabasePlugin {
    /// Finds rows of one table whose text holds all words, by statements that read.
    pub(crate) async fn scan(
        &self,
        operation: Operation,
        words: &str,
        table: &str,
        limit: usize,
    ) -> Result<Hits, Error> {
        let words: Vec<Value> = words.split_whitespace().map(Value::from).collect();
        if words.is_empty() || words.len() > MOST_WORDS {
            let message = format!("a search is for 1 to {MOST_WORDS} words");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let table = self.describe(table).await?;
        let scan = Scan::new(&table);
        if scan.texts.is_empty() {
            return Ok(Hits::default());
        }
        // One more than wanted tells whether there are more.
        let most = limit.min(ROWS_SCANNED) + 1;
        let found = |dialect: &dyn Dialect| {
            let sql = scan.statement(words.len(), most, &|name| dialect.quoted(name));
            dialect.query(&sql, &words)
        };
        let rows = ask(&self.way, operation, found).await?;
        let beyond = |dialect: &dyn Dialect| {
            let sql = scan.beyond(&|name| dialect.quoted(name));
            dialect.query(&sql, &[])
        };
        let hits = rows.iter().take(limit).map(|row| scan.hit(&row)).collect();
        let truncated = rows.truncated
            || rows.row_count > limit
            || !ask(&self.way, operation, beyond).await?.is_empty();
        Ok(Hits {
            hits,
            truncated,
            ..Hits::default()
        })
    }
}

/// What is scanned of a table.
struct Scan<'a> {
    table: &'a Table,
    keys: Vec<&'a Column>,
    texts: Vec<&'a Column>,
}

impl<'a> Scan<'a> {
    fn new(table: &'a Table) -> Self {
        let columns = |wanted: fn(&Column) -> bool| {
            let columns = table.columns.iter();
            columns.filter(|column| wanted(column)).collect()
        };
        Self {
            table,
            keys: columns(|column| column.primary_key.is_some()),
            texts: columns(|column| is_text(&column.declared_type)),
        }
    }

    /// The rows that hold all of `$1`, `$2` and so on, in SQL that all databases know but
    /// for how they quote names.
    fn statement(&self, words: usize, limit: usize, quoted: Quote<'_>) -> String {
        let named = |columns: &[&Column], letter: char| -> Vec<String> {
            let named = columns.iter().enumerate();
            named
                .map(|(n, column)| format!("{} AS {letter}{n}", quoted(&column.name)))
                .collect()
        };
        let scanned = [named(&self.keys, 'k'), named(&self.texts, 't')].concat();
        let keys = (0..self.keys.len()).map(|n| format!("k{n}"));
        let texts = (0..self.texts.len()).map(|n| format!("SUBSTR(t{n}, 1, {SNIPPET}) AS t{n}"));
        let told: Vec<String> = keys.chain(texts).collect();
        let conditions = (1..=words).map(|word| {
            // A pattern of LIKE would need signs escaped, which not all do alike.
            let holds = (0..self.texts.len())
                .map(|n| format!("REPLACE(LOWER(t{n}), LOWER(${word}), '') <> LOWER(t{n})"));
            format!("({})", holds.collect::<Vec<_>>().join(" OR "))
        });
        format!(
            "SELECT {} FROM (SELECT {} FROM {} LIMIT {ROWS_SCANNED}) AS scanned WHERE {} LIMIT {limit}",
            told.join(", "),
            scanned.join(", "),
            self.source(quoted),
            conditions.collect::<Vec<_>>().join(" AND "),
        )
    }

    /// The first row that is not scanned.
    fn beyond(&self, quoted: Quote<'_>) -> String {
        let source = self.source(quoted);
        format!("SELECT 1 AS more FROM {source} LIMIT 1 OFFSET {ROWS_SCANNED}")
    }

    /// The table's name in a statement.
    fn source(&self, quoted: Quote<'_>) -> String {
        let Table { name, schema, .. } = self.table;
        let schema = schema.as_deref();
        let within = schema.and_then(|schema| name.strip_prefix(schema)?.strip_prefix('.'));
        match (schema, within) {
            (Some(schema), Some(name)) => format!("{}.{}", quoted(schema), quoted(name)),
            _ => quoted(name),
        }
    }

    fn hit(&self, row: &Row<'_>) -> Hit {
        let keys = self.keys.iter().enumerate().map(|(n, column)| {
            let value = row.get(&format!("k{n}"));
            (column.name.clone(), json!(value))
        });
        let keys: Map<_, _> = keys.collect();
        let texts = (0..self.texts.len()).filter_map(|n| row.get(&format!("t{n}"))?.as_str());
        let snippet = texts.collect::<Vec<_>>().join(" · ");
        Hit {
            table: self.table.name.clone(),
            row: None,
            key: (!keys.is_empty()).then_some(keys),
            snippet: snippet.chars().take(SNIPPET).collect(),
        }
    }
}

fn is_text(declared: &str) -> bool {
    let declared = declared.to_ascii_uppercase();
    let text = ["CHAR", "CLOB", "STRING", "TEXT"];
    text.iter().any(|word| declared.contains(word)) && !declared.contains('[')
}

/// Writes a name as the database has it in statements.
type Quote<'a> = &'a dyn Fn(&str) -> String;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bind::Sql;

    fn table(schema: Option<&str>, name: &str, columns: &[(&str, &str, Option<u32>)]) -> Table {
        let mut table = Table::new(schema.map(str::to_owned), name.to_owned(), "table");
        let columns = columns.iter().map(|(name, declared, key)| Column {
            name: (*name).to_owned(),
            declared_type: (*declared).to_owned(),
            nullable: true,
            default: None,
            primary_key: *key,
        });
        table.columns = columns.collect();
        table
    }

    fn standard(name: &str) -> String {
        Sql::Unknown.quoted(name)
    }

    #[test]
    fn names_are_quoted_and_words_are_values() {
        let columns = [
            ("id", "integer", Some(1)),
            ("a\"b", "varchar(9)", None),
            ("tags", "text[]", None),
        ];
        let table = table(Some("x.y"), "z", &columns);
        assert_eq!(
            Scan::new(&table).statement(2, 6, &standard),
            "SELECT k0, SUBSTR(t0, 1, 200) AS t0 FROM \
             (SELECT \"id\" AS k0, \"a\"\"b\" AS t0 FROM \"x.y\".\"z\" LIMIT 10000) AS scanned \
             WHERE (REPLACE(LOWER(t0), LOWER($1), '') <> LOWER(t0)) \
             AND (REPLACE(LOWER(t0), LOWER($2), '') <> LOWER(t0)) LIMIT 6"
        );
        let plain = Table::new(Some("public".to_owned()), "a.b".to_owned(), "view");
        assert_eq!(Scan::new(&plain).source(&standard), "\"a.b\"");
        assert!(Scan::new(&plain).texts.is_empty());
    }
}
