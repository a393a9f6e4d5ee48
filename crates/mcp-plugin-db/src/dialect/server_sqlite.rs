//! The reference server for SQLite (`mcp-server-sqlite`): rows as Python writes them;
//! failures are texts that are not flagged.

use mcp_domain::Error;
use mcp_transport::ToolResult;
use serde_json::json;

use super::{
    Call, Dialect, Request,
    catalogue::{Runner, SQLITE},
    only_text,
};
use crate::{
    Changes, Rows, Table, TableName, Value,
    bind::{self, Sql},
    reading::python::{self, Literal},
};

#[derive(Debug)]
pub(super) struct ServerSqlite;

const RUNNER: Runner = Runner { call, rows };

fn call(sql: String) -> Call {
    Call::new("read_query", json!({ "query": sql }))
}

fn rows(answer: &ToolResult) -> Result<Rows, Error> {
    python::rows(only_text(answer)?)
}

/// The server takes nothing but what begins with `SELECT`.
fn as_select(sql: String) -> String {
    let begins_with = |word: &str| {
        let start = sql.trim_start().get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    if begins_with("WITH") || begins_with("VALUES") {
        let sql = sql.trim_end().trim_end_matches(';');
        return format!("SELECT * FROM ({sql}\n)");
    }
    sql
}

impl Dialect for ServerSqlite {
    fn name(&self) -> &str {
        "mcp-server-sqlite"
    }

    fn failure(&self, answer: &ToolResult) -> Option<String> {
        let text = answer.text();
        for prefix in ["Database error: ", "Error: "] {
            if let Some(why) = text.strip_prefix(prefix) {
                return Some(why.to_owned());
            }
        }
        answer.is_error.then_some(text)
    }

    fn tables(&self) -> Result<Request<Vec<TableName>>, Error> {
        Ok(SQLITE.tables(RUNNER))
    }

    fn describe(&self, table: &str) -> Result<Request<Table>, Error> {
        Ok(SQLITE.describe(table, RUNNER))
    }

    fn query(&self, sql: &str, parameters: &[Value]) -> Result<Request<Rows>, Error> {
        let sql = bind::inline(sql, parameters, Sql::Sqlite)?;
        Ok(Request::one(call(as_select(sql)), rows))
    }

    fn execute(&self, sql: &str, parameters: &[Value]) -> Result<Request<Changes>, Error> {
        let sql = bind::inline(sql, parameters, Sql::Sqlite)?;
        let call = Call::new("write_query", json!({ "query": sql }));
        Ok(Request::one(call, |answer| {
            let Literal::List(list) = python::parse(only_text(answer)?)? else {
                return Ok(Changes::default());
            };
            let count = list.first().and_then(|row| row.get("affected_rows"));
            let count = count.and_then(|count| count.clone().into_value().as_i64());
            Ok(Changes::new(count.and_then(|count| count.try_into().ok())))
        }))
    }
}
