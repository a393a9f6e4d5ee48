//! Writing, where it was asked for: one statement, one transaction.

use std::{pin::pin, sync::Arc};

use deadpool_postgres::Transaction;
use futures::{TryStreamExt as _, future::try_join_all};
use mcp_domain::{Error, ErrorKind};
use serde_json::Value;
use tokio_postgres::{
    Column, Row,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use super::{
    Postgres,
    failure::failed,
    parameter::parameters,
    query::columns,
    record,
    value::{has_form, to_json},
};
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
    let mut returned = Vec::new();
    let mut room = Room::new(limits.rows, limits.bytes);
    // To the end, whatever is told of it: only then is it known to be done.
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        if !room.take(row.raw_size_bytes()) {
            written.truncated = true;
            continue;
        }
        returned.push(row);
    }
    written.rows_affected = rows.rows_affected().unwrap_or_default();
    written.rows = tell(transaction, prepared.columns(), &returned).await?;
    Ok(written)
}

/// The values of rows, as a query would tell them.
async fn tell(
    transaction: &Transaction<'_>,
    columns: &[Column],
    rows: &[Row],
) -> Result<Vec<Vec<Value>>, Error> {
    let mut told = rows.iter().map(to_json).collect::<Result<Vec<_>, _>>()?;
    let formless = (0..)
        .zip(columns)
        .filter(|(_, column)| !has_form(column.type_()));
    for (place, column) in formless {
        // What was written stays, whatever becomes of this.
        transaction.batch_execute(SAVE).await.map_err(failed)?;
        match texts(transaction, column.type_(), place, rows).await {
            Ok(Some(texts)) => {
                for (row, text) in told.iter_mut().zip(texts) {
                    row[place] = text.map_or(Value::Null, Value::String);
                }
            }
            Ok(None) => tracing::debug!("a value is told in the database's own bytes"),
            Err(error) => {
                tracing::debug!(%error, "a value is told in the database's own bytes");
                transaction.batch_execute(GO_BACK).await.map_err(failed)?;
            }
        }
    }
    Ok(told)
}

const SAVE: &str = "SAVEPOINT told";
const GO_BACK: &str = "ROLLBACK TO SAVEPOINT told";

/// One column as PostgreSQL's own text, or `None` if that is not to be had. A statement that writes cannot be asked to tell
/// it so, as one that reads can, so the database is given the values once more.
async fn texts(
    transaction: &Transaction<'_>,
    ty: &Type,
    place: usize,
    rows: &[Row],
) -> Result<Option<Vec<Option<String>>>, tokio_postgres::Error> {
    if [Type::RECORD, Type::RECORD_ARRAY].contains(ty) {
        return record::texts(transaction, ty, place, rows).await;
    }
    let as_text = transaction
        .prepare_typed("SELECT $1::text", std::slice::from_ref(ty))
        .await?;
    let texts = rows.iter().map(async |row| {
        let value: Option<Raw<'_>> = row.try_get(place)?;
        transaction.query_one(&as_text, &[&value]).await?.try_get(0)
    });
    try_join_all(texts).await.map(Some)
}

/// A value as the database sends and takes it.
#[derive(Debug)]
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(
        _: &Type,
        bytes: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(bytes))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl ToSql for Raw<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(self.0);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
