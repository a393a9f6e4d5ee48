//! One read-only statement, with bound parameters, in bounds.

use std::{pin::pin, sync::Arc};

use deadpool_postgres::Transaction;
use futures::TryStreamExt as _;
use mcp_domain::{Error, ErrorKind};
use tokio_postgres::Statement as Prepared;

use super::{
    Postgres,
    failure::failed,
    parameter::parameters,
    value::{has_form, to_json},
};
use crate::{
    answer::{ResultColumn, Rows},
    beginning::beginning,
    engine::{Page, Statement, only_reading},
    limits::{Limits, Room},
};

impl Postgres {
    /// Runs one statement.
    pub(crate) async fn query(&self, statement: Statement, page: Page) -> Result<Rows, Error> {
        let functions = Arc::clone(&self.functions);
        let limits = self.limits;
        self.read(move |transaction| {
            Box::pin(async move {
                // Not before there is a connection: the first one tells what is refused.
                functions.check(&statement.sql)?;
                read(transaction, &statement, page, &limits).await
            })
        })
        .await
    }

    /// How the engine would run a statement.
    pub(crate) async fn explain(&self, mut statement: Statement) -> Result<Vec<String>, Error> {
        statement.sql.insert_str(0, "EXPLAIN (FORMAT TEXT) ");
        let page = Page {
            skip: 0,
            rows: self.limits.rows,
        };
        let plan = self.query(statement, page).await?;
        let lines = plan.rows.iter().flatten();
        Ok(lines
            .filter_map(|line| line.as_str().map(str::to_owned))
            .collect())
    }
}

/// Reads one page of what a statement answers.
pub(super) async fn read(
    transaction: &Transaction<'_>,
    asked: &Statement,
    page: Page,
    limits: &Limits,
) -> Result<Rows, Error> {
    let mut prepared = transaction.prepare(&asked.sql).await.map_err(failed)?;
    let columns = columns(&prepared);
    if columns.is_empty() {
        return Err(without_columns(&asked.sql));
    }
    if !prepared
        .columns()
        .iter()
        .all(|column| has_form(column.type_()))
    {
        let sql = with_text(&asked.sql, &prepared);
        prepared = transaction.prepare(&sql).await.map_err(failed)?;
    }
    let parameters = parameters(&asked.parameters, prepared.params())?;
    let portal = transaction
        .bind_raw(&prepared, parameters)
        .await
        .map_err(failed)?;
    // One more than wanted tells whether there are more.
    let most = page.skip.saturating_add(page.rows).saturating_add(1);
    let most = i32::try_from(most).unwrap_or(i32::MAX);
    let rows = transaction
        .query_portal_raw(&portal, most)
        .await
        .map_err(failed)?;
    let mut rows = pin!(rows);
    let mut answer = Rows {
        columns,
        ..Rows::default()
    };
    let mut left_out = 0;
    let mut room = Room::new(page.rows, limits.bytes);
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        if left_out < page.skip {
            left_out += 1;
            continue;
        }
        if !room.take(row.raw_size_bytes()) {
            answer.truncated = true;
            break;
        }
        answer.rows.push(to_json(&row)?);
    }
    answer.row_count = answer.rows.len();
    Ok(answer)
}

/// Why a statement without columns is not run. PostgreSQL would say so itself, but not
/// before it runs, when some would end the transaction that holds it to reading.
fn without_columns(sql: &str) -> Error {
    let words = beginning(sql).split(|letter: char| !letter.is_ascii_alphabetic());
    let first = words
        .map(str::to_ascii_lowercase)
        .next()
        .unwrap_or_default();
    // `SELECT FROM products` is a query to PostgreSQL, and has none.
    if ["", "select", "table", "values", "with"].contains(&first.as_str()) {
        let message = "this is not a query: it has no columns";
        return Error::new(ErrorKind::ToolFailed, message);
    }
    only_reading()
}

pub(super) fn columns(prepared: &Prepared) -> Vec<ResultColumn> {
    let columns = prepared.columns().iter();
    columns
        .map(|column| ResultColumn {
            name: column.name().to_owned(),
            declared_type: Some(column.type_().name().to_owned()),
        })
        .collect()
}

/// The same statement, with those columns as PostgreSQL's own text that have no form here.
fn with_text(sql: &str, prepared: &Prepared) -> String {
    let columns = (0..).zip(prepared.columns());
    let (names, values): (Vec<_>, Vec<_>) = columns
        .map(|(place, column): (usize, _)| {
            let name = format!("c{place}");
            let value = match has_form(column.type_()) {
                true => name.clone(),
                false => format!("{name}::text"),
            };
            (name, value)
        })
        .unzip();
    // A comment at the end must not swallow the rest.
    let sql = sql.trim_end().trim_end_matches(';');
    format!(
        "SELECT {} FROM (\n{sql}\n) AS told({})",
        values.join(", "),
        names.join(", ")
    )
}
