//! mcp-server-motherduck (DuckDB): columns, their types and rows, as JSON in a text.

use mcp_domain::Error;
use mcp_transport::ToolResult;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::json;

use super::{Call, Dialect, Next, Request, no_such_table, only_text};
use crate::{
    Column, ResultColumn, Rows, Table, TableName, Value,
    bind::{self, Sql},
    reading::{json, python, raw::Raw},
    value::typed,
};

#[derive(Debug)]
pub(super) struct Motherduck;

fn statement(sql: String) -> Call {
    Call::new("execute_query", json!({ "sql": sql }))
}

impl Dialect for Motherduck {
    fn name(&self) -> &str {
        "motherduck"
    }

    /// `success` says it; the flag does not always.
    fn failure(&self, answer: &ToolResult) -> Option<String> {
        #[derive(Deserialize)]
        struct Failure {
            success: bool,
            error: Option<String>,
        }
        let text = answer.text();
        let start = text.find('{').unwrap_or(0);
        let failure: Option<Failure> = serde_json::from_str(&text[start..]).ok();
        match failure {
            Some(failure) if !failure.success => Some(failure.error.unwrap_or(text)),
            _ => answer.is_error.then_some(text),
        }
    }

    fn tables(&self) -> Result<Request<Vec<TableName>>, Error> {
        Ok(Request::one(list_tables(), |answer| {
            let tables = listed(answer)?.into_iter();
            let mut tables: Vec<TableName> = tables.map(|table| table.name()).collect();
            tables.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
            Ok(tables)
        }))
    }

    fn describe(&self, table: &str) -> Result<Request<Table>, Error> {
        let wanted = table.to_owned();
        if !table.contains('.') {
            let first = columns(json!({ "table": table }));
            return Ok(Request::one(first, move |answer| {
                described(answer, &wanted)
            }));
        }
        // Which dot ends the schema, if one does, the list tells.
        Ok(Request::many(list_tables(), move |answers| match answers {
            [_, answer, ..] => described(answer, &wanted).map(Next::Done),
            _ => {
                let found = answers.first().map(listed).transpose()?;
                let mut found = found.into_iter().flatten();
                match found.find(|table| table.name().name == wanted) {
                    Some(Listed { schema, name, .. }) => Ok(Next::Call(columns(
                        json!({ "table": name, "schema": schema }),
                    ))),
                    None => Err(no_such_table(&wanted)),
                }
            }
        }))
    }

    fn query(&self, sql: &str, parameters: &[Value]) -> Result<Request<Rows>, Error> {
        let sql = bind::inline(sql, parameters, Sql::DuckDb)?;
        Ok(Request::one(statement(sql), rows))
    }

    fn execute(&self, sql: &str, parameters: &[Value]) -> Result<Request<crate::Changes>, Error> {
        let sql = bind::inline(sql, parameters, Sql::DuckDb)?;
        Ok(Request::one(statement(sql), |answer| {
            // DuckDB answers a change with one row, the count.
            let count = rows(answer)?
                .rows
                .first()
                .and_then(|row| row.first()?.as_i64());
            Ok(crate::Changes::new(
                count.and_then(|count| count.try_into().ok()),
            ))
        }))
    }

    fn explain(&self, sql: &str, parameters: &[Value]) -> Result<Request<Vec<String>>, Error> {
        let sql = bind::inline(sql, parameters, Sql::DuckDb)?;
        Ok(Request::one(
            statement(format!("EXPLAIN {sql}")),
            |answer| {
                let plans = rows(answer)?;
                let text = plans
                    .iter()
                    .filter_map(|row| Some(row.values().last()?.to_string()));
                let text = text.collect::<Vec<_>>().join("\n");
                Ok(text.lines().map(str::to_owned).collect())
            },
        ))
    }
}

fn list_tables() -> Call {
    Call::new("list_tables", json!({}))
}

fn listed(answer: &ToolResult) -> Result<Vec<Listed>, Error> {
    let found: Tables = json::read("a list of tables", only_text(answer)?)?;
    Ok(found.tables)
}

fn columns(of: serde_json::Value) -> Call {
    Call::new("list_columns", of)
}

fn described(answer: &ToolResult, wanted: &str) -> Result<Table, Error> {
    let found: Columns = json::read("the columns of a table", only_text(answer)?)?;
    if found.columns.is_empty() {
        return Err(no_such_table(wanted));
    }
    let mut table = Table::new(found.schema, found.table, &found.object_type);
    let columns = found.columns.into_iter().map(|field| Column {
        name: field.name,
        declared_type: field.r#type,
        nullable: field.nullable,
        default: None,
        primary_key: None,
    });
    table.columns = columns.collect();
    Ok(table)
}

fn rows(answer: &ToolResult) -> Result<Rows, Error> {
    let (what, text) = ("an answer with rows", only_text(answer)?);
    let answer: Answer = json::read(what, text)?;
    let rows = json::cut(what, text, |answer| {
        let rows = answer.get("rows")?.elements()?.into_iter();
        rows.map(Raw::elements).collect::<Result<Vec<_>, _>>()
    })?;
    let columns: Vec<ResultColumn> = answer
        .columns
        .into_iter()
        .zip(answer.column_types)
        .map(|(name, of)| ResultColumn::typed(name, of))
        .collect();
    let rows = rows.into_iter().map(|row| {
        let types = columns.iter().map(|column| column.declared_type.as_deref());
        let values = row.into_iter().zip(types);
        values.map(|(raw, of)| value(raw, of)).collect()
    });
    let rows = rows.collect();
    Ok(Rows::new(columns, rows, answer.truncated))
}

/// Bytes come as Python writes them; the rest by the type of the column.
fn value(raw: Raw<'_>, of: Option<&str>) -> Value {
    let value = json::value(raw);
    match (&value, of) {
        (Value::Text(text), Some("BLOB")) => match python::parse(text) {
            Ok(python::Literal::Bytes(bytes)) => Value::Bytes(bytes),
            _ => value,
        },
        _ => typed(value, of),
    }
}

#[derive(Deserialize)]
struct Tables {
    tables: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    schema: Option<String>,
    name: String,
    r#type: String,
}

impl Listed {
    fn name(&self) -> TableName {
        TableName::new(self.schema.clone(), self.name.clone(), &self.r#type)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Columns {
    schema: Option<String>,
    table: String,
    object_type: String,
    columns: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
    r#type: String,
    nullable: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    columns: Vec<String>,
    column_types: Vec<String>,
    /// Cut out of the text, for the sake of the digits.
    #[serde(rename = "rows")]
    _rows: IgnoredAny,
    #[serde(default)]
    truncated: bool,
}
