//! The tools: what they are called, what they take, what they answer.

use std::sync::Arc;

use mcp_domain::{Error, ErrorKind};
use rmcp::{
    handler::server::tool::schema_for_type,
    model::{JsonObject, Tool, ToolAnnotations},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    answer::{Hits, Rows, Table, Tables},
    sqlite::Sqlite,
};

/// Arguments of `list_tables`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListTables {}

/// Arguments of `describe_table`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DescribeTable {
    /// The table's name, as `list_tables` tells it.
    table: String,
}

/// Arguments of `query`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Query {
    /// One statement that reads. Values belong into `parameters`, as `?` in the statement.
    sql: String,
    /// Values for the `?` of the statement, in order.
    #[serde(default)]
    parameters: Vec<Value>,
}

/// Arguments of `search`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Search {
    /// Words that must all occur.
    text: String,
    /// Search in this table only.
    table: Option<String>,
    /// The most rows to find. Default: 20.
    #[serde(default = "twenty")]
    limit: usize,
}

fn twenty() -> usize {
    20
}

/// All tools.
pub(crate) fn list() -> Vec<Tool> {
    vec![
        tool::<ListTables, Tables>("list_tables", "Lists the tables and views of the database."),
        tool::<DescribeTable, Table>(
            "describe_table",
            "Tells the columns, keys and indexes of a table.",
        ),
        tool::<Query, Rows>(
            "query",
            "Runs one SQL statement that reads. Use bound parameters for values.",
        ),
        tool::<Search, Hits>(
            "search",
            "Finds rows by words in their text, ranked where there is a full-text index.",
        ),
    ]
}

fn tool<Arguments, Answer>(name: &'static str, description: &'static str) -> Tool
where
    Arguments: JsonSchema + 'static,
    Answer: JsonSchema + 'static,
{
    let hints = ToolAnnotations::new()
        .read_only(true)
        .idempotent(true)
        .open_world(false);
    Tool::new(name, description, schema::<Arguments>())
        .with_raw_output_schema(schema::<Answer>())
        .with_annotations(hints)
}

fn schema<T: JsonSchema + 'static>() -> Arc<JsonObject> {
    schema_for_type::<T>()
}

/// Calls a tool.
///
/// # Errors
///
/// `InvalidInput` if there is no such tool or the arguments do not fit;
/// `ToolFailed` if the database said no.
pub(crate) async fn call(
    database: &Sqlite,
    name: &str,
    arguments: JsonObject,
) -> Result<Value, Error> {
    match name {
        "list_tables" => {
            let ListTables {} = read(name, arguments)?;
            let tables = database.tables().await?;
            to_value(&Tables { tables })
        }
        "describe_table" => {
            let DescribeTable { table } = read(name, arguments)?;
            to_value(&database.describe(table).await?)
        }
        "query" => {
            let Query { sql, parameters } = read(name, arguments)?;
            to_value(&database.query(sql, parameters).await?)
        }
        "search" => {
            let Search { text, table, limit } = read(name, arguments)?;
            to_value(&database.search(text, table, limit).await?)
        }
        _ => {
            let message = format!("there is no tool `{name}`");
            Err(Error::new(ErrorKind::InvalidInput, message))
        }
    }
}

fn read<T: DeserializeOwned>(tool: &str, arguments: JsonObject) -> Result<T, Error> {
    serde_json::from_value(Value::Object(arguments)).map_err(|error| {
        let message = format!("the arguments of `{tool}` do not fit its schema");
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    })
}

fn to_value(answer: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(answer).map_err(|error| {
        Error::new(ErrorKind::BadResponse, "the answer does not fit into JSON").with_source(error)
    })
}
