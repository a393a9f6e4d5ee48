//! Writing, where it was asked for: one statement, one transaction.

use std::{pin::pin, sync::Arc};

use deadpool_postgres::Transaction;
use futures::TryStreamExt as _;
use mcp_domain::{Error, ErrorKind};

use super::{Postgres, failure::failed, parameter::parameters, query::columns, value::to_json};
use crate::{
    answer::Written,
    engine::Statement,
    limits::{Limits, Room},
};

impl Postgres {
    /// Runs one statement that writes. It is done as a whole or not at all.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the statement is cancelled and undone, unless it was
    /// just committed.
    pub(crate) async fn execute(&self, statement: Statement) -> Result<Written, Error> {
        if !self.allow_writes {
            let message = "the database is open for reading only";
            return Err(Error::new(ErrorKind::ToolFailed, message));
        }
        let functions = Arc::clone(&self.functions);
        let limits = self.limits;
        self.write(move |transaction| {
            Box::pin(async move {
                functions.check(&statement.sql)?;
                execute(transaction, &statement, &limits).await
            })
        })
        .await
    }
}

async fn execute(
    transaction: &Transaction<'_>,
    asked: &Statement,
    limits: &Limits,
) -> Result<Written, Error> {
    let prepared = transaction.prepare(&asked.sql).await.map_err(failed)?;
    let parameters = parameters(&asked.parameters, prepared.params())?;
    let rows = transaction
        .query_raw(&prepared, parameters)
        .await
        .map_err(failed)?;
    let mut rows = pin!(rows);
    let mut written = Written {
        columns: columns(&prepared),
        ..Written::default()
    };
    let mut room = Room::new(limits.rows, limits.bytes);
    // To the end, whatever is told of it: only then is it known to be done.
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        if !room.take(row.raw_size_bytes()) {
            written.truncated = true;
            continue;
        }
        written.rows.push(to_json(&row)?);
    }
    written.rows_affected = rows.rows_affected().unwrap_or_default();
    Ok(written)
}
