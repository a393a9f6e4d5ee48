//! MCP Toolbox for Databases, with its prebuilt tools for SQLite, PostgreSQL or MySQL.
//!
//! One block of text for each row, numbers with all digits; bytes are base64 in plain
//! strings, which nothing tells from text. Those of MySQL are told as if they were text, so
//! that most are lost, and its dates and times as if they were in UTC.

use mcp_domain::{Error, ErrorKind};
use mcp_transport::{Content, ToolResult};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::json;

use super::{Call, Dialect, Next, Peer, Request, no_such_table};
use crate::{
    Changes, Column, ForeignKey, Index, Rows, Table, TableName, Value,
    bind::{self, Sql},
    reading::{json, raw::Raw},
    schema::{DEFAULT_SCHEMAS, place},
};

#[derive(Debug)]
pub(super) struct Toolbox {
    sql: Sql,
}

impl Toolbox {
    pub(super) fn new(peer: &Peer) -> Self {
        let sql = if peer.has(&["get_query_plan", "list_tablespaces"]) {
            Sql::Postgres
        } else if peer.version.contains("prebuilt.sqlite") {
            Sql::Sqlite
        } else if peer.has(&["list_table_fragmentation"]) {
            Sql::MariaDb
        } else {
            Sql::Unknown
        };
        Self { sql }
    }

    fn execute_sql(&self, sql: &str, parameters: &[Value]) -> Result<Call, Error> {
        let sql = bind::inline(sql, parameters, self.sql)?;
        Ok(Call::new("execute_sql", json!({ "sql": sql })))
    }

    /// A call whose answer tells schemas, read with those that names do without. MySQL's is
    /// the database that the server is connected to, for which it is asked.
    fn with_homes<T>(
        &self,
        call: Call,
        read: impl Fn(&ToolResult, &[&str]) -> Result<T, Error> + Send + Sync + 'static,
    ) -> Request<T> {
        if self.sql != Sql::MariaDb {
            return Request::one(call, move |answer| read(answer, &DEFAULT_SCHEMAS));
        }
        let ask = Call::new("execute_sql", json!({ "sql": "SELECT DATABASE() AS home" }));
        Request::many(call, move |answers| {
            let [answer, homes, ..] = answers else {
                return Ok(Next::Call(ask.clone()));
            };
            let homes: Vec<Option<String>> = rows(homes)?.parse()?;
            let homes: Vec<&str> = homes.iter().flatten().map(String::as_str).collect();
            read(answer, &homes).map(Next::Done)
        })
    }
}

impl Dialect for Toolbox {
    fn name(&self) -> &str {
        "toolbox"
    }

    fn quoted(&self, name: &str) -> String {
        self.sql.quoted(name)
    }

    fn failure(&self, answer: &ToolResult) -> Option<String> {
        // In the place of a row that JSON has no words for, such as one with a NaN.
        if let Some(text) = blocks(answer).find(|text| text.starts_with("fail to marshal: ")) {
            return Some(text.to_owned());
        }
        let text = answer.is_error.then(|| answer.text())?;
        let inner = text.strip_prefix("error processing request: ");
        let inner = inner.map(|inner| inner.trim_start_matches("unable to execute query: "));
        Some(inner.unwrap_or(&text).to_owned())
    }

    fn tables(&self) -> Result<Request<Vec<TableName>>, Error> {
        let call = Call::new("list_tables", json!({ "output_format": "simple" }));
        Ok(self.with_homes(call, |answer, homes| {
            let tables = blocks(answer).map(|text| {
                let entry: Entry<Name> = json::read("the name of a table", text)?;
                let name = entry.object_details.name;
                Ok(TableName::seen_from(
                    homes,
                    entry.schema_name,
                    name,
                    "table",
                ))
            });
            tables.collect()
        }))
    }

    fn describe(&self, table: &str) -> Result<Request<Table>, Error> {
        if table.contains(',') {
            let message = format!("`{table}`: this server takes a comma for the end of a name");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        // It knows tables by their names alone: which dot ends a schema, if one does, shows.
        let ends = table.match_indices('.').map(|(at, _)| &table[at + 1..]);
        let names: Vec<&str> = std::iter::once(table).chain(ends).collect();
        let call = Call::new("list_tables", json!({ "table_names": names.join(",") }));
        let wanted = table.to_owned();
        Ok(self.with_homes(call, move |answer, homes| {
            let mut near = None;
            for text in blocks(answer) {
                let entry: Entry<Details> = json::read("a table", text)?;
                let is_near = entry.object_details.object_name == wanted;
                let table = entry.object_details.into_table(homes);
                if table.name == wanted {
                    return Ok(table);
                }
                // Of another schema.
                near = near.or_else(|| is_near.then_some(table));
            }
            near.ok_or_else(|| no_such_table(&wanted))
        }))
    }

    fn query(&self, sql: &str, parameters: &[Value]) -> Result<Request<Rows>, Error> {
        let call = self.execute_sql(sql, parameters)?;
        Ok(Request::one(call, rows))
    }

    fn execute(&self, sql: &str, parameters: &[Value]) -> Result<Request<Changes>, Error> {
        let call = self.execute_sql(sql, parameters)?;
        Ok(Request::one(call, |_| Ok(Changes::default())))
    }

    fn explain(&self, sql: &str, parameters: &[Value]) -> Result<Request<Vec<String>>, Error> {
        let argument = match self.sql {
            Sql::MariaDb => "sql_statement",
            Sql::Postgres => "query",
            _ => return Err(self.missing("explain statements")),
        };
        let query = bind::inline(sql, parameters, self.sql)?;
        let call = Call::new("get_query_plan", json!({ argument: query }));
        Ok(Request::one(call, |answer| {
            Ok(answer.text().lines().map(str::to_owned).collect())
        }))
    }
}

fn rows(answer: &ToolResult) -> Result<Rows, Error> {
    let rows = blocks(answer).map(|text| json::cut("a row", text, Raw::entries));
    Ok(json::rows(&rows.collect::<Result<Vec<_>, _>>()?, false))
}

/// The texts of all blocks.
fn blocks(answer: &ToolResult) -> impl Iterator<Item = &str> {
    answer.content.iter().filter_map(|block| match block {
        // What stands for no rows in some releases.
        Content::Text(text) if text == "null" || text == "The query returned 0 rows." => None,
        Content::Text(text) => Some(text.as_str()),
        _ => None,
    })
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Entry<T> {
    schema_name: Option<String>,
    #[serde(deserialize_with = "details")]
    object_details: T,
}

/// As they are, or, from MySQL, written as JSON once more.
fn details<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written<T> {
        Once(T),
        Twice(String),
    }
    match Written::deserialize(deserializer)? {
        Written::Once(details) => Ok(details),
        Written::Twice(text) => serde_json::from_str(&text).map_err(serde::de::Error::custom),
    }
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct Details {
    object_name: String,
    schema_name: Option<String>,
    object_type: Option<String>,
    columns: Vec<Field>,
    #[serde(default)]
    constraints: Vec<Constraint>,
    #[serde(default)]
    indexes: Vec<Indexed>,
}

#[derive(Deserialize)]
struct Field {
    column_name: String,
    data_type: String,
    column_default: Option<String>,
    is_not_nullable: Flag,
}

#[derive(Deserialize)]
struct Constraint {
    constraint_type: String,
    constraint_columns: Vec<String>,
    foreign_key_referenced_table: Option<String>,
    foreign_key_referenced_columns: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Indexed {
    index_name: String,
    index_columns: Vec<String>,
    is_unique: Flag,
}

/// True and false, or 1 and 0.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Bool(bool),
    Number(u8),
}

impl Flag {
    fn is_set(&self) -> bool {
        matches!(self, Self::Bool(true) | Self::Number(1..))
    }
}

impl Details {
    fn into_table(self, homes: &[&str]) -> Table {
        let kind = self.object_type.as_deref().unwrap_or("table");
        let name = TableName::seen_from(homes, self.schema_name, self.object_name, kind);
        let mut table = Table::named(name);
        let key = self
            .constraints
            .iter()
            .find(|c| c.constraint_type == "PRIMARY KEY");
        for field in self.columns {
            table.columns.push(Column {
                primary_key: key.and_then(|key| place(&key.constraint_columns, &field.column_name)),
                name: field.column_name,
                declared_type: field.data_type,
                nullable: !field.is_not_nullable.is_set(),
                default: field.column_default,
            });
        }
        for constraint in self.constraints {
            if let Some(referenced) = constraint.foreign_key_referenced_table {
                let targets = constraint
                    .foreign_key_referenced_columns
                    .unwrap_or_default();
                let columns = constraint.constraint_columns;
                table
                    .foreign_keys
                    .extend(ForeignKey::pairs(columns, &referenced, targets));
            }
        }
        table.indexes = self.indexes.into_iter().map(Index::from).collect();
        table
    }
}

impl From<Indexed> for Index {
    fn from(index: Indexed) -> Self {
        Self {
            name: index.index_name,
            unique: index.is_unique.is_set(),
            columns: index.index_columns,
        }
    }
}
