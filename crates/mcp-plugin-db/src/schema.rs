//! What a database is made of, and what a search in it finds.

use serde::{Deserialize, Serialize};

/// A table or view, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableName {
    /// Its name.
    pub name: String,
    /// `table` or `view`.
    pub kind: String,
}

#[derive(Deserialize)]
pub(crate) struct Tables {
    pub(crate) tables: Vec<TableName>,
}

/// A table or view with its columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Table {
    /// Its name.
    pub name: String,
    /// `table` or `view`.
    pub kind: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// Its references to other tables.
    pub foreign_keys: Vec<ForeignKey>,
    /// Its indexes.
    pub indexes: Vec<Index>,
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

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hits {
    /// The rows, best first within each table.
    pub hits: Vec<Hit>,
    /// Were there more, or were tables searched in part only?
    pub truncated: bool,
}

/// A row that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hit {
    /// Its table.
    pub table: String,
    /// Its row id.
    pub row: Option<i64>,
    /// What was found, in its surroundings.
    pub snippet: String,
}
