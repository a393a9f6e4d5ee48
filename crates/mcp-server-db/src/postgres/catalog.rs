//! What the database holds: schemas, tables, views, their columns, keys and indexes.

use deadpool_postgres::Transaction;
use mcp_domain::{Error, ErrorKind};
use tokio_postgres::{Row, types::ToSql};

use super::{Postgres, failure::failed, query::read};
use crate::{
    answer::{Column, ForeignKey, Index, Rows, Table, TableName},
    engine::{Page, Statement},
    limits::Limits,
};

/// Tables and views that this role may read; the parts of a partitioned table are
/// not told beside the whole. One that is found without its schema is called without.
const RELATIONS: &str = "
    SELECT c.oid, n.nspname::text AS schema,
        CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN '' ELSE n.nspname || '.' END
            || c.relname AS name,
        CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
            WHEN 'f' THEN 'foreign table' ELSE 'table' END AS kind,
        CASE WHEN c.reltuples >= 0 THEN c.reltuples::int8 END AS row_estimate,
        pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS quoted
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')";

const COLUMNS: &str = "
    SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
        CASE a.attgenerated WHEN '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
        (SELECT k.place FROM pg_catalog.pg_index i,
            pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
         WHERE i.indrelid = a.attrelid AND i.indisprimary AND k.attnum = a.attnum)
    FROM pg_catalog.pg_attribute a
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum";

const FOREIGN_KEYS: &str = "
    SELECT a.attname::text,
        CASE WHEN pg_catalog.pg_table_is_visible(r.oid) THEN '' ELSE n.nspname || '.' END
            || r.relname,
        b.attname::text
    FROM pg_catalog.pg_constraint c
    CROSS JOIN ROWS FROM (pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.confkey))
        WITH ORDINALITY AS k(own, other, place)
    JOIN pg_catalog.pg_class r ON r.oid = c.confrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.own
    JOIN pg_catalog.pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.other
    WHERE c.conrelid = $1 AND c.contype = 'f'
    ORDER BY c.conname, k.place";

const INDEXES: &str = "
    SELECT c.relname::text, i.indisunique,
        ARRAY(SELECT pg_catalog.pg_get_indexdef(i.indexrelid, k, true)
              FROM pg_catalog.generate_series(1, i.indnkeyatts::int4) AS k)
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = $1
    ORDER BY c.relname";

impl Postgres {
    /// All tables and views, by schema and name.
    pub(crate) async fn tables(&self) -> Result<Vec<TableName>, Error> {
        let found = self
            .read(|transaction| Box::pin(relations(transaction)))
            .await?;
        Ok(found.into_iter().map(|relation| relation.name).collect())
    }

    /// One table or view.
    pub(crate) async fn describe(&self, table: String) -> Result<Table, Error> {
        self.read(move |transaction| Box::pin(async move { describe(transaction, &table).await }))
            .await
    }

    /// The first rows of a table or view.
    pub(crate) async fn first_rows(&self, table: String, rows: usize) -> Result<Rows, Error> {
        let limits = self.limits;
        self.read(move |transaction| {
            Box::pin(async move { first_rows(transaction, &table, rows, &limits).await })
        })
        .await
    }
}

/// A table or view, and how SQL and the catalog know it.
pub(super) struct Relation {
    pub(super) oid: u32,
    pub(super) name: TableName,
    pub(super) quoted: String,
    row_estimate: Option<i64>,
}

impl Relation {
    fn read(row: &Row) -> Self {
        Self {
            oid: row.get("oid"),
            name: TableName {
                name: row.get("name"),
                schema: row.get("schema"),
                kind: row.get("kind"),
            },
            quoted: row.get("quoted"),
            row_estimate: row.get("row_estimate"),
        }
    }
}

pub(super) async fn relations(transaction: &Transaction<'_>) -> Result<Vec<Relation>, Error> {
    let sql = format!("{RELATIONS} ORDER BY n.nspname, c.relname");
    let rows = all(transaction, &sql, &[]).await?;
    Ok(rows.iter().map(Relation::read).collect())
}

/// The table that a caller means: by the name we tell, or with its schema.
pub(super) async fn find(transaction: &Transaction<'_>, name: &str) -> Result<Relation, Error> {
    let sql = format!(
        "SELECT * FROM ({RELATIONS}) AS known \
         WHERE name = $1 OR schema || '.' || name = $1 ORDER BY name = $1 DESC LIMIT 1"
    );
    let rows = all(transaction, &sql, &[&name]).await?;
    rows.first().map(Relation::read).ok_or_else(|| {
        let message = format!("no such table: {name}; `list_tables` tells which there are");
        Error::new(ErrorKind::ToolFailed, message)
    })
}

async fn describe(transaction: &Transaction<'_>, name: &str) -> Result<Table, Error> {
    let found = find(transaction, name).await?;
    let columns = all(transaction, COLUMNS, &[&found.oid]).await?;
    let keys = all(transaction, FOREIGN_KEYS, &[&found.oid]).await?;
    let indexes = all(transaction, INDEXES, &[&found.oid]).await?;
    let TableName { name, schema, kind } = found.name;
    Ok(Table {
        name,
        schema,
        kind,
        columns: columns.iter().map(column).collect(),
        foreign_keys: keys.iter().map(foreign_key).collect(),
        indexes: indexes.iter().map(index).collect(),
        row_estimate: found.row_estimate,
    })
}

fn column(row: &Row) -> Column {
    let place: Option<i64> = row.get(4);
    Column {
        name: row.get(0),
        declared_type: row.get(1),
        nullable: row.get(2),
        default: row.get(3),
        primary_key: place.and_then(|place| place.try_into().ok()),
    }
}

fn foreign_key(row: &Row) -> ForeignKey {
    ForeignKey {
        column: row.get(0),
        references_table: row.get(1),
        references_column: row.get(2),
    }
}

fn index(row: &Row) -> Index {
    Index {
        name: row.get(0),
        unique: row.get(1),
        columns: row.get(2),
    }
}

async fn first_rows(
    transaction: &Transaction<'_>,
    table: &str,
    rows: usize,
    limits: &Limits,
) -> Result<Rows, Error> {
    let quoted = find(transaction, table).await?.quoted;
    let statement = Statement {
        sql: format!("SELECT * FROM {quoted} LIMIT {rows}"),
        parameters: Vec::new(),
    };
    read(transaction, &statement, Page { skip: 0, rows }, limits).await
}

/// All rows of a statement of ours.
pub(super) async fn all(
    transaction: &Transaction<'_>,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, Error> {
    let statement = transaction.prepare_cached(sql).await.map_err(failed)?;
    transaction
        .query(&statement, parameters)
        .await
        .map_err(failed)
}
