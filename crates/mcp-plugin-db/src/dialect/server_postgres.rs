//! The reference server for PostgreSQL (`@modelcontextprotocol/server-postgres`).
//!
//! One tool, rows as a JSON array; failures are JSON-RPC errors.

use mcp_domain::Error;
use mcp_transport::ToolResult;
use serde_json::json;

use super::{
    Call, Dialect, Request,
    catalogue::{POSTGRES, Runner},
    only_text,
};
use crate::{
    Rows, Table, TableName, Value,
    bind::{self, Sql},
    reading::json,
};

#[derive(Debug)]
pub(super) struct ServerPostgres;

const RUNNER: Runner = Runner { call, rows };

fn call(sql: String) -> Call {
    Call::new("query", json!({ "sql": sql }))
}

fn rows(answer: &ToolResult) -> Result<Rows, Error> {
    let rows = json::cut("a list of rows", only_text(answer)?, json::objects)?;
    Ok(json::rows(&rows, false))
}

impl Dialect for ServerPostgres {
    fn name(&self) -> &str {
        "server-postgres"
    }

    /// It runs statements in parallel, on a pool of ten.
    fn max_in_flight(&self) -> usize {
        8
    }

    fn is_refusal(&self, code: i32) -> bool {
        code == -32603
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

    fn explain(&self, sql: &str, parameters: &[Value]) -> Result<Request<Vec<String>>, Error> {
        let sql = bind::inline(sql, parameters, Sql::Postgres)?;
        let call = call(format!("EXPLAIN {sql}"));
        Ok(Request::one(call, |answer| rows(answer)?.parse()))
    }
}
