//! What the database holds: tables, views, their columns, keys and indexes.

use mcp_domain::{Error, ErrorKind};
use rusqlite::{Connection, Row};

use super::{Sqlite, failed, module::virtual_tables};
use crate::answer::{Column, ForeignKey, Index, Table, TableName};

/// The one schema there is: nothing can be attached.
const SCHEMA: &str = "main";

impl Sqlite {
    /// All tables and views, by name; not those that SQLite and its indexes keep for themselves.
    pub(crate) async fn tables(&self) -> Result<Vec<TableName>, Error> {
        self.run(tables).await
    }

    /// One table or view.
    pub(crate) async fn describe(&self, name: String) -> Result<Table, Error> {
        self.run(move |connection| describe(connection, &name))
            .await
    }
}

pub(super) fn tables(connection: &Connection) -> Result<Vec<TableName>, Error> {
    const SQL: &str = "SELECT name, type FROM pragma_table_list \
                       WHERE schema = 'main' AND type IN ('table', 'view', 'virtual') \
                         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let mut tables = all(connection, SQL, "", |row| {
        Ok(TableName {
            name: row.get(0)?,
            schema: SCHEMA.to_owned(),
            kind: row.get(1)?,
        })
    })?;
    // Of virtual tables, those that are no index of another.
    let known = virtual_tables(connection)?;
    let holds_rows = |name: &str| known.iter().any(|it| it.name == name && it.of.is_none());
    tables.retain(|table| table.kind != "virtual" || holds_rows(&table.name));
    for table in tables.iter_mut().filter(|table| table.kind == "virtual") {
        "table".clone_into(&mut table.kind);
    }
    Ok(tables)
}

/// The table that a caller means.
pub(super) fn find(connection: &Connection, name: &str) -> Result<TableName, Error> {
    let mut known = tables(connection)?.into_iter();
    known
        .find(|table| table.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| no_such_table(name))
}

fn describe(connection: &Connection, name: &str) -> Result<Table, Error> {
    let TableName { name, schema, kind } = find(connection, name)?;
    let name = name.as_str();
    Ok(Table {
        name: name.to_owned(),
        schema,
        kind,
        columns: columns(connection, name)?,
        foreign_keys: foreign_keys(connection, name)?,
        indexes: indexes(connection, name)?,
        row_estimate: row_estimate(connection, name)?,
    })
}

/// What `ANALYZE` counted, if it has been run.
fn row_estimate(connection: &Connection, table: &str) -> Result<Option<i64>, Error> {
    const COUNTED: &str = "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'";
    const SQL: &str = "SELECT max(CAST(stat AS INTEGER)) FROM sqlite_stat1 WHERE tbl = ?1";
    if all(connection, COUNTED, "", |_| Ok(()))?.is_empty() {
        return Ok(None);
    }
    let estimates = all(connection, SQL, table, |row| row.get(0))?;
    Ok(estimates.into_iter().next().flatten())
}

pub(super) fn columns(connection: &Connection, table: &str) -> Result<Vec<Column>, Error> {
    const SQL: &str = "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_xinfo(?1) \
         WHERE hidden <> 1 ORDER BY cid";
    all(connection, SQL, table, |row| {
        let place: u32 = row.get(4)?;
        Ok(Column {
            name: row.get(0)?,
            declared_type: row.get(1)?,
            nullable: !row.get::<_, bool>(2)?,
            default: row.get(3)?,
            primary_key: (place > 0).then_some(place),
        })
    })
}

fn foreign_keys(connection: &Connection, table: &str) -> Result<Vec<ForeignKey>, Error> {
    const SQL: &str =
        "SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq";
    all(connection, SQL, table, |row| {
        Ok(ForeignKey {
            column: row.get(0)?,
            references_table: row.get(1)?,
            references_column: row.get(2)?,
        })
    })
}

fn indexes(connection: &Connection, table: &str) -> Result<Vec<Index>, Error> {
    const LIST: &str = "SELECT name, \"unique\" FROM pragma_index_list(?1) ORDER BY name";
    const COLUMNS: &str =
        "SELECT coalesce(name, '<expression>') FROM pragma_index_info(?1) ORDER BY seqno";
    let list: Vec<(String, bool)> = all(connection, LIST, table, |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    list.into_iter()
        .map(|(name, unique)| {
            let columns = all(connection, COLUMNS, &name, |row| row.get(0))?;
            Ok(Index {
                name,
                unique,
                columns,
            })
        })
        .collect()
}

/// All rows of a statement with at most one parameter.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    parameter: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Error> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let parameters: &[&str] = if statement.parameter_count() == 0 {
        &[]
    } else {
        &[parameter]
    };
    let parameters = rusqlite::params_from_iter(parameters);
    let rows = statement.query_map(parameters, read).map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}

pub(crate) fn no_such_table(name: &str) -> Error {
    let message = format!("no such table: {name}; `list_tables` tells which there are");
    Error::new(ErrorKind::ToolFailed, message)
}
