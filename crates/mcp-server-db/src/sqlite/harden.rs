//! Opens a connection that can do nothing but read.
//!
//! Being opened read-only is not enough: `ATTACH` and `VACUUM INTO` would still
//! write files. So the engine is told, layer by layer: no writes, no attached
//! databases, no values beyond the limit, no functions or pragmas but known ones.

use std::path::Path;

use mcp_domain::{Error, ErrorKind};
use rusqlite::{
    Connection, OpenFlags,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
};

/// Opens `path` for reading, and for nothing else.
pub(super) fn open(path: &Path, longest_value: usize) -> Result<Connection, Error> {
    let cannot = |error: rusqlite::Error| {
        let message = format!("cannot open the database `{}`", path.display());
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(cannot)?;
    // Reads the file's header: anything else is no database.
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_err(cannot)?;
    restrict(&mut connection, longest_value).map_err(cannot)?;
    Ok(connection)
}

fn restrict(connection: &mut Connection, longest_value: usize) -> rusqlite::Result<()> {
    connection.pragma_update(None, "query_only", true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    let longest = i32::try_from(longest_value).unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest)?;
    connection.authorizer(Some(authorize))
}

/// Pragmas that tell about the schema and change nothing. `data_version` is what
/// FTS5 asks by itself.
const PRAGMAS: [&str; 8] = [
    "data_version",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Functions that reach beyond the data.
const FUNCTIONS: [&str; 3] = ["fts3_tokenizer", "load_extension", "sqlite_log"];

fn authorize(context: AuthContext<'_>) -> Authorization {
    let allowed = match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => !listed(&FUNCTIONS, function_name),
        AuthAction::Pragma {
            pragma_name,
            pragma_value: _,
        } => listed(&PRAGMAS, pragma_name),
        _ => false,
    };
    if allowed {
        Authorization::Allow
    } else {
        Authorization::Deny
    }
}

fn listed(list: &[&str], name: &str) -> bool {
    list.iter().any(|known| known.eq_ignore_ascii_case(name))
}
