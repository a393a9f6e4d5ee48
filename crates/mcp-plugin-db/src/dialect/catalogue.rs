//! Tables and columns by SQL over a database's own catalogue, for servers that have no
//! better tool.

use mcp_domain::Error;
use mcp_transport::ToolResult;

use super::{Call, Next, Request, no_such_table};
use crate::{Column, ForeignKey, Index, Rows, Table, TableName};

/// How a server runs a statement that was written here, and reads its rows.
#[derive(Clone, Copy)]
pub(super) struct Runner {
    pub(super) call: fn(String) -> Call,
    pub(super) rows: fn(&ToolResult) -> Result<Rows, Error>,
}

/// The statements that ask a catalogue. In all but the first, `{table}` stands for the
/// condition that picks the table.
pub(super) struct Catalogue {
    tables: &'static str,
    columns: &'static str,
    foreign_keys: &'static str,
    indexes: &'static str,
    pick: fn(&str) -> String,
}

impl Catalogue {
    /// All tables and views.
    pub(super) fn tables(&self, runner: Runner) -> Request<Vec<TableName>> {
        let call = (runner.call)(self.tables.to_owned());
        Request::one(call, move |answer| {
            let tables: Vec<(Option<String>, String, String)> = (runner.rows)(answer)?.parse()?;
            let tables = tables.into_iter();
            Ok(tables
                .map(|(schema, name, kind)| TableName::new(schema, name, &kind))
                .collect())
        })
    }

    /// One table, by three questions.
    pub(super) fn describe(&self, table: &str, runner: Runner) -> Request<Table> {
        let pick = (self.pick)(table);
        let ask = |statement: &str| (runner.call)(statement.replace("{table}", &pick));
        let foreign_keys = ask(self.foreign_keys);
        let indexes = ask(self.indexes);
        let wanted = table.to_owned();
        Request::many(ask(self.columns), move |answers| match answers {
            [columns] if (runner.rows)(columns)?.is_empty() => Err(no_such_table(&wanted)),
            [_] => Ok(Next::Call(foreign_keys.clone())),
            [_, _] => Ok(Next::Call(indexes.clone())),
            [columns, foreign_keys, indexes, ..] => {
                let mut table = described((runner.rows)(columns)?.parse()?, &wanted)?;
                let keys: Vec<(String, String, Option<String>)> =
                    (runner.rows)(foreign_keys)?.parse()?;
                let keys = keys.into_iter();
                table.foreign_keys = keys
                    .map(|(from, to, at)| ForeignKey::new(from, to, at))
                    .collect();
                table.indexes = indexed((runner.rows)(indexes)?.parse()?);
                Ok(Next::Done(table))
            }
            [] => Err(no_such_table(&wanted)),
        })
    }
}

/// A column with its table: schema, table, kind; name, type, nullable, default, key.
type Described = (
    Option<String>,
    String,
    String,
    String,
    String,
    bool,
    Option<String>,
    Option<u32>,
);

fn described(columns: Vec<Described>, wanted: &str) -> Result<Table, Error> {
    let Some((schema, name, kind, ..)) = columns.first() else {
        return Err(no_such_table(wanted));
    };
    let mut table = Table::new(schema.clone(), name.clone(), kind);
    let columns = columns.into_iter();
    table.columns = columns
        .map(
            |(_, _, _, name, declared_type, nullable, default, primary_key)| Column {
                name,
                declared_type,
                nullable,
                default,
                primary_key,
            },
        )
        .collect();
    Ok(table)
}

/// Columns of indexes, those of one index side by side.
fn indexed(columns: Vec<(String, bool, Option<String>)>) -> Vec<Index> {
    let mut indexes: Vec<Index> = Vec::new();
    for (name, unique, column) in columns {
        let column = column.unwrap_or_default();
        match indexes.last_mut().filter(|index| index.name == name) {
            Some(index) => index.columns.push(column),
            None => indexes.push(Index {
                name,
                unique,
                columns: vec![column],
            }),
        }
    }
    indexes
}

/// Text as SQL that both of them read.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// PostgreSQL's.
pub(super) const POSTGRES: Catalogue = Catalogue {
    tables: "SELECT n.nspname AS schema, c.relname AS name, \
        CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' \
        WHEN 'f' THEN 'foreign table' ELSE 'table' END AS kind \
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') \
        AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
        AND n.nspname NOT LIKE 'pg_toast%' ORDER BY 1, 2",
    columns: "SELECT n.nspname AS schema, c.relname AS \"table\", \
        CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' \
        WHEN 'f' THEN 'foreign table' ELSE 'table' END AS kind, \
        a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, \
        NOT a.attnotnull AS nullable, pg_get_expr(d.adbin, d.adrelid) AS \"default\", \
        array_position(k.conkey, a.attnum) AS key \
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
        LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p' \
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {table} ORDER BY a.attnum",
    foreign_keys: "SELECT a.attname AS \"column\", f.relname AS \"table\", b.attname AS target \
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
        JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_class f ON f.oid = k.confrelid \
        CROSS JOIN LATERAL unnest(k.conkey, k.confkey) AS u(here, there) \
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.here \
        JOIN pg_attribute b ON b.attrelid = f.oid AND b.attnum = u.there \
        WHERE k.contype = 'f' AND {table} ORDER BY k.conname, a.attnum",
    indexes: "SELECT i.relname AS name, x.indisunique AS \"unique\", a.attname AS \"column\" \
        FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid \
        JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_class i ON i.oid = x.indexrelid \
        JOIN pg_attribute a ON a.attrelid = i.oid \
        WHERE NOT x.indisprimary AND {table} ORDER BY i.relname, a.attnum",
    // Its name alone where that finds it, else with its schema: either may have dots of its own.
    pick: |table| {
        format!(
            "c.oid = (SELECT t.oid FROM pg_class t JOIN pg_namespace s ON s.oid = t.relnamespace \
             WHERE t.relkind IN ('r', 'p', 'v', 'm', 'f') AND (t.relname = {name} \
             AND pg_table_is_visible(t.oid) OR s.nspname || '.' || t.relname = {name}) \
             ORDER BY t.relname <> {name} LIMIT 1)",
            name = quoted(table)
        )
    },
};

/// SQLite's.
pub(super) const SQLITE: Catalogue = Catalogue {
    tables: "SELECT NULL AS schema, name, type AS kind FROM sqlite_master \
        WHERE type IN ('table', 'view') AND substr(name, 1, 7) <> 'sqlite_' ORDER BY name",
    columns: "SELECT NULL AS schema, m.name AS \"table\", m.type AS kind, c.name AS name, \
        c.type AS type, NOT c.\"notnull\" AS nullable, c.dflt_value AS \"default\", \
        NULLIF(c.pk, 0) AS key FROM sqlite_master m, pragma_table_info(m.name) c \
        WHERE m.type IN ('table', 'view') AND {table} ORDER BY c.cid",
    foreign_keys: "SELECT f.\"from\" AS \"column\", f.\"table\" AS \"table\", f.\"to\" AS target \
        FROM sqlite_master m, pragma_foreign_key_list(m.name) f \
        WHERE m.type = 'table' AND {table} ORDER BY f.id, f.seq",
    indexes: "SELECT l.name AS name, l.\"unique\" AS \"unique\", i.name AS \"column\" \
        FROM sqlite_master m, pragma_index_list(m.name) l, pragma_index_info(l.name) i \
        WHERE m.type = 'table' AND l.origin <> 'pk' AND {table} ORDER BY l.name, i.seqno",
    pick: |table| format!("m.name = {} COLLATE NOCASE", quoted(table)),
};
