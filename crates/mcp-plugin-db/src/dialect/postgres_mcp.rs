//! postgres-mcp of Crystal DBA: rows as Python writes them; a failure is a text that
//! begins with `Error: ` and is not flagged.

use mcp_domain::Error;
use mcp_transport::ToolResult;
use serde_json::json;

use super::{
    Call, Dialect, Request,
    catalogue::{POSTGRES, Runner},
    only_text,
};
use crate::{
    Changes, Rows, Table, TableName, Value,
    bind::{self, Sql},
    reading::python,
};

/// One statement at a time: a failed one closes the server's pool under the others.
#[derive(Debug)]
pub(super) struct PostgresMcp;

const RUNNER: Runner = Runner { call, rows };

fn call(sql: String) -> Call {
    Call::new("execute_sql", json!({ "sql": sql }))
}

fn rows(answer: &ToolResult) -> Result<Rows, Error> {
    match only_text(answer)? {
        "No results" => Ok(Rows::default()),
        text => python::rows(text),
    }
}

impl Dialect for PostgresMcp {
    fn name(&self) -> &str {
        "postgres-mcp"
    }

    fn failure(&self, answer: &ToolResult) -> Option<String> {
        let text = answer.text();
        match text.strip_prefix("Error: ") {
            Some(why) => Some(why.to_owned()),
            None => answer.is_error.then_some(text),
        }
    }

    fn tables(&self) -> Result<Request<Vec<TableName>>, Error> {
        Ok(POSTGRES.tables(RUNNER))
    }

    fn describe(&self, table: &str) -> Result<Request<Table>, Error> {
        Ok(POSTGRES.describe(table, RUNNER))
    }

    fn query(&self, sql: &str, parameters: &[Value]) -> Result<Request<Rows>, Error> {
        let sql = bind::inline(sql, parameters, Sql::Postgres)?;
        Ok(Request::one(call(sql), rows))
    }

    fn execute(&self, sql: &str, parameters: &[Value]) -> Result<Request<Changes>, Error> {
        let sql = bind::inline(sql, parameters, Sql::Postgres)?;
        Ok(Request::one(call(sql), |_| Ok(Changes::default())))
    }

    fn explain(&self, sql: &str, parameters: &[Value]) -> Result<Request<Vec<String>>, Error> {
        let sql = bind::inline(sql, parameters, Sql::Postgres)?;
        let call = Call::new("explain_query", json!({ "sql": sql }));
        Ok(Request::one(call, |answer| {
            Ok(only_text(answer)?.lines().map(str::to_owned).collect())
        }))
    }
}
