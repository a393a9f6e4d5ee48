//! MCP Alchemy: rows one below the other as text, cut at a number of characters.
//!
//! It binds parameters by name and tells no types: all but NULL is text.

use mcp_domain::{Error, ErrorKind};
use mcp_transport::ToolResult;
use serde_json::{Map, json};

use super::{Call, Dialect, Peer, Request, no_such_table, only_text};
use crate::{
    Changes, Column, ForeignKey, Rows, Table, TableName, Value,
    bind::{self, Sql},
    reading::{unreadable, vertical},
};

#[derive(Debug)]
pub(super) struct Alchemy {
    sql: Sql,
}

impl Alchemy {
    /// Every tool says which database it is: `… Connected to mariadb version 10.11.14 …`.
    pub(super) fn new(peer: &Peer) -> Self {
        let says = peer.tools.get("execute_query");
        let told = says.and_then(|says| says.rsplit_once("Connected to "));
        let told = told.and_then(|(_, told)| told.split(' ').next());
        Self {
            sql: told.map_or(Sql::Unknown, Sql::of),
        }
    }
}

/// The statement with `:p1` and the like for its placeholders.
fn call(sql: &str, parameters: &[Value]) -> Result<Call, Error> {
    let query = bind::replace(sql, parameters.len(), |at| Ok(format!(":p{}", at + 1)))?;
    let mut params = Map::new();
    for (n, value) in (1..).zip(parameters) {
        let value = match value {
            Value::Bytes(_) => {
                let message = "a parameter that is bytes cannot be given to this server";
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
            // The driver takes no documents, but text.
            Value::Json(document) => json!(document.as_str()),
            value => json!(value),
        };
        params.insert(format!("p{n}"), value);
    }
    Ok(Call::new(
        "execute_query",
        json!({ "query": query, "params": params }),
    ))
}

impl Dialect for Alchemy {
    fn name(&self) -> &str {
        "mcp-alchemy"
    }

    fn quoted(&self, name: &str) -> String {
        self.sql.quoted(name)
    }

    fn failure(&self, answer: &ToolResult) -> Option<String> {
        let text = answer.text();
        let Some(why) = text.strip_prefix("Error: ") else {
            return answer.is_error.then_some(text);
        };
        // Without the statement, and a link to a manual.
        let why = why.split("\n[SQL:").next().unwrap_or(why);
        Some(why.to_owned())
    }

    fn tables(&self) -> Result<Request<Vec<TableName>>, Error> {
        Ok(Request::one(
            Call::new("all_table_names", json!({})),
            |answer| {
                let names = only_text(answer)?
                    .split(", ")
                    .filter(|name| !name.is_empty());
                Ok(names
                    .map(|name| TableName::new(None, name.to_owned(), "table"))
                    .collect())
            },
        ))
    }

    fn describe(&self, table: &str) -> Result<Request<Table>, Error> {
        let call = Call::new("schema_definitions", json!({ "table_names": [table] }));
        let wanted = table.to_owned();
        Ok(Request::one(call, move |answer| {
            let text = only_text(answer)?;
            if text.trim().is_empty() {
                return Err(no_such_table(&wanted));
            }
            described(&wanted, text)
        }))
    }

    fn query(&self, sql: &str, parameters: &[Value]) -> Result<Request<Rows>, Error> {
        Ok(Request::one(
            call(sql, parameters)?,
            |answer| match only_text(answer)? {
                "No rows returned" => Ok(Rows::default()),
                // A statement that has no rows to return, such as an empty one.
                text if text.starts_with("Success: ") => Ok(Rows::default()),
                text => vertical::rows(text),
            },
        ))
    }

    fn execute(&self, sql: &str, parameters: &[Value]) -> Result<Request<Changes>, Error> {
        Ok(Request::one(call(sql, parameters)?, |answer| {
            let count = only_text(answer)?.strip_prefix("Success: ");
            let count = count.and_then(|rest| rest.split(' ').next()?.parse().ok());
            Ok(Changes::new(count))
        }))
    }
}

/// `things:`, a line for each column, and `maker -> makers.id` for each reference.
fn described(wanted: &str, text: &str) -> Result<Table, Error> {
    let wrong = || unreadable("the definition of a table", text);
    let mut lines = text.trim().lines();
    let name = lines.next().and_then(|line| line.strip_suffix(':'));
    if name != Some(wanted) {
        return Err(wrong());
    }
    let mut table = Table::new(None, wanted.to_owned(), "table");
    for line in lines.map(str::trim).filter(|line| !line.is_empty()) {
        if line == "Relationships:" {
            continue;
        }
        if let Some((column, target)) = line.split_once(" -> ") {
            let (to, at) = target.rsplit_once('.').ok_or_else(wrong)?;
            let key = ForeignKey::new(column.to_owned(), to.to_owned(), Some(at.to_owned()));
            table.foreign_keys.push(key);
            continue;
        }
        let (name, facts) = line.split_once(": ").ok_or_else(wrong)?;
        let facts = facts_of(facts);
        let value = |key: &str| {
            facts
                .iter()
                .find_map(|f| f.strip_prefix(key)?.strip_prefix('='))
        };
        let declared = facts.iter().find(|fact| **fact != "primary key");
        table.columns.push(Column {
            name: name.to_owned(),
            declared_type: declared.map(|d| (*d).to_owned()).unwrap_or_default(),
            nullable: facts.contains(&"nullable"),
            default: value("default").map(str::to_owned),
            primary_key: value("primary_key").and_then(|place| place.parse().ok()),
        });
    }
    Ok(table)
}

/// What stands between commas, but for those in parentheses: `NUMERIC(10, 2), nullable`.
fn facts_of(text: &str) -> Vec<&str> {
    let (mut depth, mut start) = (0_usize, 0);
    let mut facts = Vec::new();
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 && text[at..].starts_with(", ") => {
                facts.push(&text[start..at]);
                start = at + 2;
            }
            _ => {}
        }
    }
    facts.push(&text[start..]);
    facts
}
