//! The tools: which there are, and how one is called.

mod arguments;

use std::{num::NonZeroUsize, sync::Arc};

use mcp_domain::{Error, ErrorKind};
use rmcp::{
    handler::server::tool::schema_for_type,
    model::{JsonObject, Tool, ToolAnnotations},
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::arguments::{DescribeTable, Execute, Explain, ListSchemas, ListTables, Query, Search};
use crate::{
    answer::{Answer, Hits, Plan, Rows, Schema, Schemas, Table, TableName, Tables, Written},
    beginning::beginning,
    cursor::Cursor,
    engine::{Engine, Page, Statement, Wanted},
};

/// The tool that writes.
pub(crate) const EXECUTE: &str = "execute";

/// All tools that a database has.
pub(crate) fn list(database: &Engine) -> Vec<Tool> {
    let placeholder = database.placeholder();
    let query = format!(
        "Runs one SQL statement that reads. Bind values as parameters, {placeholder} in the \
         statement. An answer that was cut has a `next_cursor` to go on with."
    );
    let mut tools = vec![
        tool::<ListSchemas, Schemas>("list_schemas", "Lists the schemas that hold tables."),
        tool::<ListTables, Tables>("list_tables", "Lists the tables and views of the database."),
        tool::<DescribeTable, Table>(
            "describe_table",
            "Tells the columns, keys, indexes and approximate size of a table.",
        ),
        tool::<Query, Rows>("query", query),
        tool::<Explain, Plan>(
            "explain",
            "Tells how the database would run a statement, without running it.",
        ),
        tool::<Search, Hits>(
            "search",
            "Finds rows by words in their text, ranked where there is a full-text index.",
        ),
    ];
    if database.allows_writes() {
        let hints = ToolAnnotations::new()
            .read_only(false)
            .destructive(true)
            .idempotent(false)
            .open_world(false);
        let execute = format!(
            "Runs one SQL statement that writes, as a whole or not at all. Bind values as \
             parameters, {placeholder} in the statement."
        );
        tools.push(tool::<Execute, Written>(EXECUTE, execute).with_annotations(hints));
    }
    tools
}

fn tool<Arguments, Answer>(name: &'static str, description: impl Into<String>) -> Tool
where
    Arguments: JsonSchema + 'static,
    Answer: JsonSchema + 'static,
{
    let hints = ToolAnnotations::new()
        .read_only(true)
        .destructive(false)
        .idempotent(true)
        .open_world(false);
    Tool::new(name, description.into(), schema::<Arguments>())
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
    database: &Engine,
    name: &str,
    arguments: JsonObject,
) -> Result<Answer, Error> {
    Ok(match name {
        "list_schemas" => {
            let ListSchemas {} = read(name, arguments)?;
            let schemas = schemas(&database.tables().await?);
            Answer::Schemas(Schemas { schemas })
        }
        "list_tables" => Answer::Tables(list_tables(database, read(name, arguments)?).await?),
        "describe_table" => {
            let DescribeTable { table } = read(name, arguments)?;
            Answer::Table(database.describe(table).await?)
        }
        "query" => Answer::Rows(query(database, read(name, arguments)?).await?),
        "explain" => {
            let Explain { sql, parameters } = read(name, arguments)?;
            let plan = database.explain(statement(sql, parameters)?).await?;
            Answer::Plan(Plan { plan })
        }
        "search" => {
            let Search { text, table, limit } = read(name, arguments)?;
            let limit = limit.min(database.limits().rows.max(1));
            let wanted = Wanted { text, table, limit };
            Answer::Hits(database.search(wanted).await?)
        }
        EXECUTE if database.allows_writes() => {
            let Execute { sql, parameters } = read(name, arguments)?;
            Answer::Written(database.execute(statement(sql, parameters)?).await?)
        }
        EXECUTE => {
            let message = "there is no tool `execute`: the database is served for reading only";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        _ => {
            let message = format!("there is no tool `{name}`");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
    })
}

/// The schemas of tables that are in the order of their schemas.
fn schemas(tables: &[TableName]) -> Vec<Schema> {
    let schemas = tables.chunk_by(|one, next| one.schema == next.schema);
    schemas
        .map(|tables| Schema {
            name: tables[0].schema.clone(),
            tables: tables.len(),
        })
        .collect()
}

async fn list_tables(database: &Engine, asked: ListTables) -> Result<Tables, Error> {
    let ListTables { schema, cursor } = asked;
    let place = Cursor::read(cursor.as_deref(), &schema)?;
    let mut tables = database.tables().await?;
    if let Some(schema) = &schema {
        tables.retain(|table| &table.schema == schema);
    }
    let page = database.limits().rows.max(1);
    let all = tables.len();
    let tables: Vec<_> = tables.into_iter().skip(place.skip).take(page).collect();
    let told = tables.len();
    let more = place.skip.saturating_add(told) < all;
    Ok(Tables {
        next_cursor: more.then(|| place.after(told)),
        tables,
    })
}

async fn query(database: &Engine, asked: Query) -> Result<Rows, Error> {
    let Query {
        sql,
        parameters,
        max_rows,
        cursor,
    } = asked;
    let place = Cursor::read(cursor.as_deref(), &(&sql, &parameters))?;
    let most = database.limits().rows;
    let page = Page {
        skip: place.skip,
        rows: max_rows
            .map_or(most, NonZeroUsize::get)
            .clamp(1, most.max(1)),
    };
    let mut rows = database.query(statement(sql, parameters)?, page).await?;
    rows.next_cursor = rows.truncated.then(|| place.after(rows.row_count));
    Ok(rows)
}

/// What there is to run. Engines have many words for nothing, and few of them help.
fn statement(sql: String, parameters: Vec<Value>) -> Result<Statement, Error> {
    if beginning(&sql).is_empty() {
        let message = "there is no statement";
        return Err(Error::new(ErrorKind::ToolFailed, message));
    }
    Ok(Statement { sql, parameters })
}

fn read<T: DeserializeOwned>(tool: &str, arguments: JsonObject) -> Result<T, Error> {
    serde_json::from_value(Value::Object(arguments)).map_err(|error| {
        let message = format!("the arguments of `{tool}` do not fit its schema");
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    })
}
