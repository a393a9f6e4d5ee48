//! The shapes of answers, from which the tools' output schemas are made.

use mcp_domain::Error;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// What a tool answers with.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Hits(Hits),
    Plan(Plan),
    Rows(Rows),
    Schemas(Schemas),
    Table(Table),
    Tables(Tables),
    Written(Written),
}

/// Answer of `list_schemas`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Schemas {
    /// Schemas, by name.
    pub(crate) schemas: Vec<Schema>,
}

/// A schema that holds tables.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Schema {
    pub(crate) name: String,
    /// How many tables and views it holds.
    pub(crate) tables: usize,
}

/// Answer of `list_tables`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Tables {
    /// Tables and views, by name.
    pub(crate) tables: Vec<TableName>,
    /// Where to go on, if there are more.
    pub(crate) next_cursor: Option<String>,
}

/// One table or view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct TableName {
    /// Its name, as the other tools take it: with its schema, where it would not be
    /// found without.
    pub(crate) name: String,
    pub(crate) schema: String,
    /// `table` or `view`.
    pub(crate) kind: String,
}

/// Answer of `describe_table`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) schema: String,
    /// `table` or `view`.
    pub(crate) kind: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
    pub(crate) indexes: Vec<Index>,
    /// About how many rows there are; `null` if the database has not counted them.
    pub(crate) row_estimate: Option<i64>,
}

/// A column of a table.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The type as it was declared; empty if none was.
    #[serde(rename = "type")]
    pub(crate) declared_type: String,
    pub(crate) nullable: bool,
    /// The default value, as an SQL expression.
    pub(crate) default: Option<String>,
    /// Its place in the primary key, from 1; `null` if it is not part of it.
    pub(crate) primary_key: Option<u32>,
}

/// A reference to another table.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ForeignKey {
    pub(crate) column: String,
    pub(crate) references_table: String,
    /// `null` means the primary key of that table.
    pub(crate) references_column: Option<String>,
}

/// An index of a table.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) unique: bool,
    pub(crate) columns: Vec<String>,
}

/// Answer of `query`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Rows {
    pub(crate) columns: Vec<ResultColumn>,
    /// One array for each row, in the order of the columns. Bytes are `{"$blob": "<base64>"}`.
    pub(crate) rows: Vec<Vec<Value>>,
    pub(crate) row_count: usize,
    /// Was the answer cut at the limit of rows or bytes?
    pub(crate) truncated: bool,
    /// Where to go on, if it was: ask the same again, with this as `cursor`.
    pub(crate) next_cursor: Option<String>,
}

/// A column of a result.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ResultColumn {
    pub(crate) name: String,
    /// The type as it was declared; `null` where the database knows of none.
    #[serde(rename = "type")]
    pub(crate) declared_type: Option<String>,
}

/// Answer of `execute`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Written {
    /// How many rows were written.
    pub(crate) rows_affected: u64,
    /// The columns that the statement returns, if any.
    pub(crate) columns: Vec<ResultColumn>,
    /// The rows that it returns, as those of a query.
    pub(crate) rows: Vec<Vec<Value>>,
    /// Were rows left out of the answer because of a limit? They are written all the same.
    pub(crate) truncated: bool,
}

/// Answer of `explain`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Plan {
    /// The steps, one a line, indented below the step that needs them.
    pub(crate) plan: Vec<String>,
}

/// Answer of `search`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Hits {
    /// Best first within each table.
    pub(crate) hits: Vec<Hit>,
    /// Were tables left out, or searched in part, because of a limit?
    pub(crate) truncated: bool,
    /// Tables that the database could not search; there may be more in them.
    pub(crate) not_searched: Vec<NotSearched>,
}

/// A table that could not be searched.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct NotSearched {
    pub(crate) table: String,
    /// What the database said.
    pub(crate) why: String,
}

impl Hits {
    /// What becomes of a failure in one table: it is told beside what the others have, but
    /// fails who asked for this table only.
    pub(crate) fn without(&mut self, table: &str, alone: bool, error: Error) -> Result<(), Error> {
        if alone {
            let message = format!("`{table}` cannot be searched: {error}");
            return Err(Error::new(error.kind(), message));
        }
        self.not_searched.push(NotSearched {
            table: table.to_owned(),
            why: error.to_string(),
        });
        Ok(())
    }
}

/// A row that was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Hit {
    pub(crate) table: String,
    /// Its row id, for `SELECT … WHERE rowid = ?`; `null` where tables have none.
    pub(crate) row: Option<i64>,
    /// Its primary key, by column; `null` where the row id does.
    pub(crate) key: Option<Map<String, Value>>,
    /// What was found, in its surroundings.
    pub(crate) snippet: String,
}
