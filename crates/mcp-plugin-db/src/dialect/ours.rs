//! `mcp-server-db`, which comes with this project.

use mcp_domain::Error;
use mcp_transport::ToolResult;
use serde::Deserialize;
use serde_json::json;

use super::{Call, Dialect, Next, Request};
use crate::{Changes, Hits, ResultColumn, Rows, Table, TableName, Value, value::typed};

/// The server of this project: every operation, bound parameters, exact types.
#[derive(Debug)]
pub(super) struct Ours;

impl Dialect for Ours {
    fn name(&self) -> &str {
        "mcp-db"
    }

    /// It runs statements in parallel, and knows its own limit.
    fn max_in_flight(&self) -> usize {
        usize::MAX
    }

    fn tables(&self) -> Result<Request<Vec<TableName>>, Error> {
        let first = Call::new("list_tables", json!({}));
        Ok(Request::many(first, |answers| {
            let mut tables = Vec::new();
            let mut next = None;
            for answer in answers {
                let page: Tables = answer.parse()?;
                tables.extend(page.tables);
                next = page.next_cursor;
            }
            Ok(match next {
                Some(cursor) => {
                    let arguments = json!({ "cursor": cursor });
                    Next::Call(Call::new("list_tables", arguments))
                }
                None => Next::Done(tables),
            })
        }))
    }

    fn describe(&self, table: &str) -> Result<Request<Table>, Error> {
        let call = Call::new("describe_table", json!({ "table": table }));
        Ok(Request::one(call, ToolResult::parse))
    }

    fn query(&self, sql: &str, parameters: &[Value]) -> Result<Request<Rows>, Error> {
        Ok(rows(json!({ "sql": sql, "parameters": parameters })))
    }

    fn go_on(&self, sql: &str, parameters: &[Value], cursor: &str) -> Result<Request<Rows>, Error> {
        let arguments = json!({ "sql": sql, "parameters": parameters, "cursor": cursor });
        Ok(rows(arguments))
    }

    fn execute(&self, sql: &str, parameters: &[Value]) -> Result<Request<Changes>, Error> {
        let call = Call::new("execute", json!({ "sql": sql, "parameters": parameters }));
        Ok(Request::one(call, |answer| {
            let written: Answer = answer.parse()?;
            Ok(Changes::new(written.rows_affected).with_returned(written.into()))
        }))
    }

    fn explain(&self, sql: &str, parameters: &[Value]) -> Result<Request<Vec<String>>, Error> {
        #[derive(Deserialize)]
        struct Plan {
            plan: Vec<String>,
        }
        let call = Call::new("explain", json!({ "sql": sql, "parameters": parameters }));
        Ok(Request::one(call, |answer| {
            Ok(answer.parse::<Plan>()?.plan)
        }))
    }

    fn search(
        &self,
        words: &str,
        table: Option<&str>,
        limit: usize,
    ) -> Result<Request<Hits>, Error> {
        let mut arguments = json!({ "text": words, "limit": limit });
        if let Some(table) = table {
            arguments["table"] = json!(table);
        }
        Ok(Request::one(
            Call::new("search", arguments),
            ToolResult::parse,
        ))
    }
}

fn rows(arguments: serde_json::Value) -> Request<Rows> {
    Request::one(Call::new("query", arguments), |answer| {
        Ok(answer.parse::<Answer>()?.into())
    })
}

#[derive(Deserialize)]
struct Tables {
    tables: Vec<TableName>,
    next_cursor: Option<String>,
}

/// Rows as the server writes them.
#[derive(Deserialize)]
struct Answer {
    /// Of what was written.
    rows_affected: Option<u64>,
    columns: Vec<ResultColumn>,
    rows: Vec<Vec<serde_json::Value>>,
    truncated: bool,
    next_cursor: Option<String>,
}

impl From<Answer> for Rows {
    fn from(answer: Answer) -> Self {
        let columns = answer.columns;
        let rows = answer.rows.into_iter().map(|row| {
            let types = columns.iter().map(|c| c.declared_type.as_deref());
            let values = row.into_iter().map(Value::from).zip(types);
            values.map(|(value, of)| typed(value, of)).collect()
        });
        let rows = rows.collect();
        Self::new(columns, rows, answer.truncated).with_next_cursor(answer.next_cursor)
    }
}
