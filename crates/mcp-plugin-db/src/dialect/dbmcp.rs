//! dbmcp: rows as JSON objects, columns by name; failures are JSON-RPC errors.
//!
//! Bytes are base64 in plain strings, which nothing tells from text. It makes a subquery of
//! each query to cut pages from it, for which MariaDB forgets an `ORDER BY` without a `LIMIT`.

use std::collections::BTreeMap;

use mcp_domain::Error;
use mcp_transport::ToolResult;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use super::{Call, Dialect, Next, Peer, Request, no_such_table, only_text};
use crate::{
    Changes, Column, ForeignKey, Index, Rows, Table, TableName, Value,
    bind::{self, Sql},
    reading::json,
    schema::place,
};

#[derive(Debug)]
pub(super) struct Dbmcp {
    sql: Sql,
}

impl Dbmcp {
    pub(super) fn new(peer: &Peer) -> Self {
        let sql = if peer.has(&["listMaterializedViews"]) {
            Sql::Postgres
        } else if peer.has(&["listProcedures"]) {
            Sql::MariaDb
        } else if peer.has(&["listTables"]) {
            Sql::Sqlite
        } else {
            Sql::Unknown
        };
        Self { sql }
    }

    fn statement(&self, tool: &str, sql: &str, parameters: &[Value]) -> Result<Call, Error> {
        let query = bind::inline(sql, parameters, self.sql)?;
        Ok(Call::new(tool, json!({ "query": query })))
    }
}

impl Dialect for Dbmcp {
    fn name(&self) -> &str {
        "dbmcp"
    }

    /// PostgreSQL's statements run in parallel, on a pool of five; SQLite's do not.
    fn max_in_flight(&self) -> usize {
        if self.sql == Sql::Postgres { 5 } else { 1 }
    }

    fn quoted(&self, name: &str) -> String {
        self.sql.quoted(name)
    }

    fn is_refusal(&self, code: i32) -> bool {
        code == -32603
    }

    fn tables(&self) -> Result<Request<Vec<TableName>>, Error> {
        Ok(Request::many(
            Call::new("listTables", json!({})),
            |answers| {
                let mut names = Vec::new();
                let mut kind = "table";
                for answer in answers {
                    let page: Names = json::read("a list of tables", only_text(answer)?)?;
                    let page_names = page.tables.or(page.views).unwrap_or_default();
                    names.extend(
                        page_names
                            .into_iter()
                            .map(|n| TableName::new(None, n, kind)),
                    );
                    match (page.next_cursor, kind) {
                        (Some(_), _) => {}
                        (None, "table") => kind = "view",
                        (None, _) => {
                            names.sort_by(|a, b| a.name.cmp(&b.name));
                            return Ok(Next::Done(names));
                        }
                    }
                }
                let last: Option<Names> = match answers.last() {
                    Some(answer) => Some(json::read("a list of tables", only_text(answer)?)?),
                    None => None,
                };
                let arguments = match last.and_then(|page| page.next_cursor) {
                    Some(cursor) => json!({ "cursor": cursor }),
                    None => json!({}),
                };
                let tool = if kind == "view" {
                    "listViews"
                } else {
                    "listTables"
                };
                Ok(Next::Call(Call::new(tool, arguments)))
            },
        ))
    }

    fn describe(&self, table: &str) -> Result<Request<Table>, Error> {
        let arguments = json!({ "search": table, "detailed": true });
        let wanted = table.to_owned();
        Ok(Request::one(
            Call::new("listTables", arguments),
            move |answer| {
                let mut found: Details = json::read("tables", only_text(answer)?)?;
                match found.tables.remove(&wanted) {
                    Some(details) => Ok(details.into_table(&wanted)),
                    None => Err(no_such_table(&wanted)),
                }
            },
        ))
    }

    fn query(&self, sql: &str, parameters: &[Value]) -> Result<Request<Rows>, Error> {
        let call = self.statement("readQuery", sql, parameters)?;
        Ok(Request::one(call, rows))
    }

    fn go_on(&self, sql: &str, parameters: &[Value], cursor: &str) -> Result<Request<Rows>, Error> {
        let mut call = self.statement("readQuery", sql, parameters)?;
        call.arguments["cursor"] = json!(cursor);
        Ok(Request::one(call, rows))
    }

    fn execute(&self, sql: &str, parameters: &[Value]) -> Result<Request<Changes>, Error> {
        let call = self.statement("writeQuery", sql, parameters)?;
        Ok(Request::one(call, |_| Ok(Changes::default())))
    }

    fn explain(&self, sql: &str, parameters: &[Value]) -> Result<Request<Vec<String>>, Error> {
        let call = self.statement("explainQuery", sql, parameters)?;
        Ok(Request::one(call, |answer| {
            let steps = rows(answer)?;
            let step = |row: crate::Row<'_>| match row.get("detail") {
                Some(detail) => detail.to_string(),
                None => row
                    .values()
                    .map(Value::to_string)
                    .collect::<Vec<_>>()
                    .join(" "),
            };
            Ok(steps.iter().map(step).collect())
        }))
    }
}

fn rows(answer: &ToolResult) -> Result<Rows, Error> {
    let (what, text) = ("rows", only_text(answer)?);
    let page: Page = json::read(what, text)?;
    let rows = json::cut(what, text, |page| json::objects(page.get("rows")?))?;
    let rows = json::rows(&rows, page.next_cursor.is_some());
    Ok(rows.with_next_cursor(page.next_cursor))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    /// Cut out of the text, for the sake of the digits.
    #[serde(rename = "rows")]
    _rows: IgnoredAny,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Names {
    tables: Option<Vec<String>>,
    views: Option<Vec<String>>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Details {
    tables: BTreeMap<String, Detail>,
}

#[derive(Deserialize)]
struct Detail {
    schema: Option<String>,
    kind: String,
    columns: Vec<Field>,
    #[serde(default)]
    constraints: Vec<Constraint>,
    #[serde(default)]
    indexes: Vec<Indexed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Field {
    name: String,
    data_type: String,
    nullable: bool,
    default: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Constraint {
    r#type: String,
    columns: Vec<String>,
    referenced_table: Option<String>,
    referenced_columns: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Indexed {
    name: String,
    columns: Vec<String>,
    unique: bool,
    primary: bool,
}

impl Detail {
    fn into_table(self, name: &str) -> Table {
        // That of all tables that it tells, and no part of the names that it lists.
        let home = self.schema.clone();
        let homes = home.as_deref();
        let name = TableName::seen_from(homes.as_slice(), self.schema, name.to_owned(), &self.kind);
        let mut table = Table::named(name);
        let key = self.constraints.iter().find(|c| c.r#type == "PRIMARY KEY");
        let columns = self.columns.into_iter().map(|field| Column {
            primary_key: key.and_then(|key| place(&key.columns, &field.name)),
            name: field.name,
            declared_type: field.data_type,
            nullable: field.nullable,
            default: field.default,
        });
        table.columns = columns.collect();
        for constraint in self.constraints {
            if let Some(referenced) = constraint.referenced_table {
                let targets = constraint.referenced_columns.unwrap_or_default();
                let keys = ForeignKey::pairs(constraint.columns, &referenced, targets);
                table.foreign_keys.extend(keys);
            }
        }
        let indexes = self.indexes.into_iter().filter(|index| !index.primary);
        let indexes = indexes.map(|index| Index {
            name: index.name,
            unique: index.unique,
            columns: index.columns,
        });
        table.indexes = indexes.collect();
        table
    }
}
