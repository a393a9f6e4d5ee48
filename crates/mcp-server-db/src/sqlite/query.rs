//! One read-only statement, with bound parameters, in bounds.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use mcp_domain::{Error, ErrorKind};
use rusqlite::{Connection, Row, types::ValueRef};
use serde_json::{Value, json};

use super::{Sqlite, catalog::find, failed, quoted};
use crate::{
    answer::{ResultColumn, Rows},
    engine::{Page, Statement, only_reading},
    limits::{Limits, Room},
};

impl Sqlite {
    /// Runs one statement.
    pub(crate) async fn query(&self, statement: Statement, page: Page) -> Result<Rows, Error> {
        let limits = self.limits;
        self.run(move |connection| query(connection, &statement, page, &limits))
            .await
    }

    /// The first rows of a table or view.
    pub(crate) async fn first_rows(&self, table: String, rows: usize) -> Result<Rows, Error> {
        let limits = self.limits;
        self.run(move |connection| {
            let name = quoted(&find(connection, &table)?.name);
            let statement = Statement {
                sql: format!("SELECT * FROM {name} LIMIT {rows}"),
                parameters: Vec::new(),
            };
            query(connection, &statement, Page { skip: 0, rows }, &limits)
        })
        .await
    }
}

fn query(
    connection: &Connection,
    asked: &Statement,
    page: Page,
    limits: &Limits,
) -> Result<Rows, Error> {
    let mut statement = connection.prepare_cached(&asked.sql).map_err(failed)?;
    if !statement.readonly() {
        return Err(only_reading());
    }
    bind(&mut statement, &asked.parameters)?;
    let mut answer = Rows {
        columns: columns(&statement),
        ..Rows::default()
    };
    let width = answer.columns.len();
    if width == 0 {
        let message = "this is not a query: it has no columns";
        return Err(Error::new(ErrorKind::ToolFailed, message));
    }
    let mut room = Room::new(page.rows, limits.bytes);
    let mut rows = statement.raw_query();
    let mut left_out = 0;
    while let Some(row) = rows.next().map_err(failed)? {
        if left_out < page.skip {
            left_out += 1;
            continue;
        }
        if !room.take(size(row, width, limits)?) {
            answer.truncated = true;
            break;
        }
        answer.rows.push(values(row, width)?);
    }
    answer.row_count = answer.rows.len();
    Ok(answer)
}

pub(super) fn columns(statement: &rusqlite::Statement<'_>) -> Vec<ResultColumn> {
    statement
        .columns()
        .map(|column| ResultColumn {
            name: column.name().to_owned(),
            declared_type: column.decl_type().map(str::to_owned),
        })
        .collect()
}

pub(super) fn bind(
    statement: &mut rusqlite::Statement<'_>,
    parameters: &[Value],
) -> Result<(), Error> {
    let wanted = statement.parameter_count();
    if wanted != parameters.len() {
        let given = parameters.len();
        let message = format!("the statement has {wanted} parameters, but {given} were given");
        return Err(Error::new(ErrorKind::ToolFailed, message));
    }
    for (index, value) in (1..).zip(parameters) {
        bind_one(statement, index, value)?;
    }
    Ok(())
}

fn bind_one(
    statement: &mut rusqlite::Statement<'_>,
    index: usize,
    value: &Value,
) -> Result<(), Error> {
    match value {
        Value::Null => statement.raw_bind_parameter(index, rusqlite::types::Null),
        Value::Bool(value) => statement.raw_bind_parameter(index, value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => statement.raw_bind_parameter(index, integer),
            (None, real) => statement.raw_bind_parameter(index, real),
        },
        Value::String(text) => statement.raw_bind_parameter(index, text),
        Value::Array(_) | Value::Object(_) => {
            let blob = value.get("$blob").and_then(Value::as_str);
            let Some(Ok(bytes)) = blob.map(|text| BASE64_STANDARD.decode(text)) else {
                let message = format!(
                    "parameter {index} must be null, a boolean, a number, a string \
                     or {{\"$blob\": \"<base64>\"}}, not {value}"
                );
                return Err(Error::new(ErrorKind::ToolFailed, message));
            };
            statement.raw_bind_parameter(index, bytes)
        }
    }
    .map_err(failed)
}

/// How many bytes the values of a row have.
///
/// # Errors
///
/// `ToolFailed` if one of them, or all together, have more than they may. They are looked
/// at one after another, as some come into being only then.
pub(super) fn size(row: &Row<'_>, width: usize, limits: &Limits) -> Result<usize, Error> {
    let too_big = |what: &str, most: usize| {
        let message = format!("{what} is too big: the limit is {most} bytes");
        Err(Error::new(ErrorKind::ToolFailed, message))
    };
    let mut bytes = 0;
    for index in 0..width {
        bytes += match row.get_ref(index).map_err(failed)? {
            ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 8,
            ValueRef::Text(value) | ValueRef::Blob(value) if value.len() > limits.bytes => {
                return too_big("a value", limits.bytes);
            }
            ValueRef::Text(value) | ValueRef::Blob(value) => value.len(),
        };
        if bytes > limits.row() {
            return too_big("a row", limits.row());
        }
    }
    Ok(bytes)
}

/// All values of a row.
pub(super) fn values(row: &Row<'_>, width: usize) -> Result<Vec<Value>, Error> {
    (0..width)
        .map(|index| row.get_ref(index).map(to_json).map_err(failed))
        .collect()
}

/// A value as JSON. Reals that JSON has no number for become strings.
pub(super) fn to_json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => json!(integer),
        ValueRef::Real(real) if real.is_finite() => json!(real),
        ValueRef::Real(real) => json!(real.to_string()),
        ValueRef::Text(text) => json!(String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => json!({ "$blob": BASE64_STANDARD.encode(bytes) }),
    }
}
