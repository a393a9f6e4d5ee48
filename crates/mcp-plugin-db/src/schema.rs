//! What a database is made of, and what a search in it finds.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Rows;

/// A table or view, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableName {
    /// Its name, as the operations take it: with its schema, where it would not be
    /// found without.
    pub name: String,
    /// Its schema; `None` where the database or the server knows of none.
    #[serde(default)]
    pub schema: Option<String>,
    /// `table`, `view`, or what else the server tells apart, such as `materialized view`.
    pub kind: String,
}

impl TableName {
    /// A table by its name and schema.
    pub fn new(schema: Option<String>, name: String, kind: &str) -> Self {
        Self::seen_from(&DEFAULT_SCHEMAS, schema, name, kind)
    }

    /// The same, where databases look in other schemas by themselves.
    pub(crate) fn seen_from(
        homes: &[&str],
        schema: Option<String>,
        name: String,
        kind: &str,
    ) -> Self {
        let name = match &schema {
            Some(schema) if !homes.contains(&schema.as_str()) => format!("{schema}.{name}"),
            _ => name,
        };
        let kind = kind.to_ascii_lowercase();
        Self { name, schema, kind }
    }
}

/// Where databases look by themselves for a table that is named without its schema.
pub(crate) const DEFAULT_SCHEMAS: [&str; 2] = ["main", "public"];

/// A table or view with its columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Table {
    /// Its name, as the operations take it.
    pub name: String,
    /// Its schema; `None` where the database or the server knows of none.
    #[serde(default)]
    pub schema: Option<String>,
    /// As that of a [`TableName`].
    pub kind: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// Its references to other tables, where the server tells them.
    pub foreign_keys: Vec<ForeignKey>,
    /// Its indexes, where the server tells them.
    pub indexes: Vec<Index>,
    /// About how many rows there are, where the server tells it.
    #[serde(default)]
    pub row_estimate: Option<i64>,
}

impl Table {
    /// A table without columns, to which they are added.
    pub fn new(schema: Option<String>, name: String, kind: &str) -> Self {
        Self::named(TableName::new(schema, name, kind))
    }

    /// The same, of this name.
    pub(crate) fn named(name: TableName) -> Self {
        let TableName { name, schema, kind } = name;
        Self {
            name,
            schema,
            kind,
            columns: Vec::new(),
            foreign_keys: Vec::new(),
            indexes: Vec::new(),
            row_estimate: None,
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The type as it was declared; empty if none was.
    #[serde(rename = "type")]
    pub declared_type: String,
    /// May it be NULL?
    pub nullable: bool,
    /// The default value, as an SQL expression.
    pub default: Option<String>,
    /// Its place in the primary key, from 1.
    pub primary_key: Option<u32>,
}

/// A reference to another table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ForeignKey {
    /// The column that refers.
    pub column: String,
    /// The table that is referred to.
    pub references_table: String,
    /// The column that is referred to; `None` for the primary key.
    pub references_column: Option<String>,
}

impl ForeignKey {
    /// A reference of one column to another.
    pub fn new(
        column: String,
        references_table: String,
        references_column: Option<String>,
    ) -> Self {
        Self {
            column,
            references_table,
            references_column,
        }
    }

    /// The references of several columns, side by side, to as many of another table.
    pub(crate) fn pairs(
        columns: Vec<String>,
        table: &str,
        targets: Vec<String>,
    ) -> impl Iterator<Item = Self> {
        let targets = targets.into_iter().map(Some).chain(std::iter::repeat(None));
        let pairs = columns.into_iter().zip(targets);
        pairs.map(|(column, target)| Self::new(column, table.to_owned(), target))
    }
}

/// The place of a column in a key, from 1.
pub(crate) fn place(key: &[String], column: &str) -> Option<u32> {
    let place = key.iter().position(|name| name == column)?;
    u32::try_from(place + 1).ok()
}

/// An index of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Does it allow each value once only?
    pub unique: bool,
    /// Its columns, in order.
    pub columns: Vec<String>,
}

/// What a statement that writes has done.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Changes {
    /// How many rows it inserted, updated or deleted, where the server tells it.
    pub rows_affected: Option<u64>,
    /// The rows that it returned (`RETURNING`), where the server tells them: ours does,
    /// up to its limits, and [`Rows::truncated`] says if there were more, which are
    /// written all the same. Without columns if it returns none.
    #[serde(skip_serializing_if = "returns_nothing")]
    pub returned: Rows,
}

fn returns_nothing(returned: &Rows) -> bool {
    returned.columns.is_empty()
}

impl Changes {
    /// So many rows, if the server tells it.
    pub fn new(rows_affected: Option<u64>) -> Self {
        Self {
            rows_affected,
            returned: Rows::default(),
        }
    }

    /// The same, with the rows that the statement returned.
    #[must_use]
    pub fn with_returned(mut self, returned: Rows) -> Self {
        self.returned = returned;
        self
    }
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hits {
    /// The rows, best first within each table.
    pub hits: Vec<Hit>,
    /// Were there more, or were tables searched in part only?
    pub truncated: bool,
    /// Tables that the database could not search, as one with a broken index.
    #[serde(default)]
    pub not_searched: Vec<NotSearched>,
}

/// A table that could not be searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NotSearched {
    /// Its name.
    pub table: String,
    /// What the database said.
    pub why: String,
}

/// A row that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hit {
    /// Its table.
    pub table: String,
    /// Its row id; `None` where tables have none.
    pub row: Option<i64>,
    /// Its primary key, by column, where there is no row id.
    #[serde(default)]
    pub key: Option<Map<String, Value>>,
    /// What was found, in its surroundings.
    pub snippet: String,
}
