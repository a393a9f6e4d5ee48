//! How SQLite would run a statement.

use std::collections::HashMap;

use mcp_domain::Error;
use rusqlite::Connection;

use super::{Sqlite, failed, query::bind};
use crate::engine::Statement;

impl Sqlite {
    /// How the engine would run a statement.
    pub(crate) async fn explain(&self, statement: Statement) -> Result<Vec<String>, Error> {
        self.run(move |connection| explain(connection, &statement))
            .await
    }
}

fn explain(connection: &Connection, asked: &Statement) -> Result<Vec<String>, Error> {
    let sql = format!("EXPLAIN QUERY PLAN {}", asked.sql);
    let mut statement = connection.prepare(&sql).map_err(failed)?;
    if !asked.parameters.is_empty() {
        bind(&mut statement, &asked.parameters)?;
    }
    let mut rows = statement.raw_query();
    // Steps come after the one that they are part of.
    let mut depths = HashMap::new();
    let mut plan = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let (id, parent): (i64, i64) = (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?);
        let step: String = row.get(3).map_err(failed)?;
        let depth = depths.get(&parent).map_or(0, |depth| depth + 1);
        depths.insert(id, depth);
        plan.push(format!("{}{step}", "  ".repeat(depth)));
    }
    Ok(plan)
}
