//! Opens connections that can do nothing but read, or nothing but work with the file.
//!
//! Being opened read-only is not enough: `ATTACH` and `VACUUM INTO` would still
//! write files. So the engine is told, layer by layer: no writes, no attached
//! databases, no values beyond the limit, no functions or pragmas but known ones.

use std::{fs::File, io::Read as _, path::Path, time::Duration};

use mcp_domain::{Error, ErrorKind};
use rusqlite::{
    Connection, ErrorCode, OpenFlags,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
    limits::Limit,
};

use super::{failed, guarded::guard};
use crate::limits::Limits;

/// The engine counts milliseconds, in 32 bits.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The most bytes of one statement. What is longer belongs into parameters.
const LONGEST_STATEMENT: i32 = 1_000_000;

/// The most bytes of a pattern for `LIKE` or `GLOB`: matching one takes as long as
/// pattern times text, and cannot be stopped half-way.
const LONGEST_PATTERN: i32 = 1000;

/// The most memory that the engine may use, in bytes. It counts for the whole process:
/// the least that anybody has asked for is what holds.
fn memory(limits: &Limits) -> i64 {
    let values = limits.statements.saturating_mul(limits.bytes);
    let memory = values.saturating_mul(8).max(512 * 1024 * 1024);
    i64::try_from(memory).unwrap_or(i64::MAX)
}

/// Opens `path` for reading, and for nothing else.
pub(super) fn open(path: &Path, limits: &Limits) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let mut connection = connect(path, flags, limits)?;
        connection.pragma_update(None, "query_only", true)?;
        // What a statement sorts or keeps for later would else go to files without end, on a
        // disk that others need. Who may write can fill it anyway, and may have an index
        // made of more than fits into memory.
        connection.pragma_update(None, "temp_store", "memory")?;
        restrict(&mut connection, limits, reading)?;
        Ok(connection)
    };
    open().map_err(|error| cannot(path, error))
}

/// Opens `path` for reading and writing: tables, but nothing beside the file.
///
/// From now on its changes are written ahead to a log (WAL).
pub(super) fn open_for_writing(path: &Path, limits: &Limits) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let mut connection = connect(path, flags, limits)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        // Opens the log: from now on it is known which one is ours.
        connection.pragma_query_value(None, "schema_version", |_| Ok(()))?;
        connection.pragma_update(None, "foreign_keys", true)?;
        restrict(&mut connection, limits, writing)?;
        Ok(connection)
    };
    open().map_err(|error| cannot(path, error))
}

fn connect(path: &Path, flags: OpenFlags, limits: &Limits) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    // Somebody else may be writing.
    connection.busy_timeout(limits.time.min(LONGEST_WAIT))?;
    connection.pragma_update(None, "hard_heap_limit", memory(limits))?;
    // Reads the file's header: anything else is no database.
    connection.pragma_query_value(None, "schema_version", |_| Ok(()))?;
    Ok(connection)
}

/// Reads the schema, if that was not done before. It takes longer than all of the above, so
/// it waits for the first statement; whose time limit does not count for it, or a long one
/// might never be read.
pub(super) fn read_schema(connection: &Connection) -> Result<(), Error> {
    // What needs the schema to be prepared; from the second time on, it is at hand.
    let any = connection.prepare_cached("SELECT 0 FROM sqlite_schema LIMIT 0");
    any.map(drop).map_err(failed)
}

fn cannot(path: &Path, error: rusqlite::Error) -> Error {
    let mut message = format!("cannot open the database `{}`", path.display());
    // The engine has the same words for both, and says less.
    for (what, is_it) in [
        (": it is a folder", path.is_dir()),
        (": there is no such file", !path.exists()),
    ] {
        if is_it {
            return Error::new(ErrorKind::InvalidInput, message + what);
        }
    }
    if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) && has_log(path) {
        message.push_str(
            ": it writes changes ahead to a log (WAL), so that even who reads must be able \
             to write the files beside it, ending in -wal and -shm; allow that, or turn the \
             log off with `PRAGMA journal_mode = DELETE`",
        );
    }
    // The engine's words may name the path again.
    let said = failed(error).to_string();
    let said = said.split_once(": ").map_or(&*said, |(said, _)| said);
    Error::new(ErrorKind::InvalidInput, format!("{message}: {said}"))
}

/// Does the header say that there is a log?
fn has_log(path: &Path) -> bool {
    let mut header = [0; 20];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header[18..] == [2, 2]
}

fn restrict(
    connection: &mut Connection,
    limits: &Limits,
    allow: fn(AuthContext<'_>) -> bool,
) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    let longest = i32::try_from(limits.bytes).unwrap_or(i32::MAX);
    // The engine reads its schema under this limit, too.
    let longest = longest.max(LONGEST_STATEMENT);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest)?;
    guard(connection, longest)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, LONGEST_STATEMENT)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, LONGEST_PATTERN)?;
    connection.authorizer(Some(move |context: AuthContext<'_>| match allow(context) {
        true => Authorization::Allow,
        false => Authorization::Deny,
    }))
}

/// Pragmas that tell about the schema and change nothing. `data_version` is what
/// FTS5 asks by itself, `page_size` what FTS4 does; that one changes only files without
/// tables.
const PRAGMAS: [&str; 9] = [
    "data_version",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "page_size",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Modules whose tables stay within the file.
const MODULES: [&str; 5] = ["fts3", "fts4", "fts5", "rtree", "rtree_i32"];

/// How the tables end in which an R-tree keeps its own.
const OF_AN_RTREE: [&str; 3] = ["_node", "_parent", "_rowid"];

/// Functions that reach beyond the data.
const FUNCTIONS: [&str; 3] = ["fts3_tokenizer", "load_extension", "sqlite_log"];

/// What a statement may do that reads.
fn reading(context: AuthContext<'_>) -> bool {
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => !listed(&FUNCTIONS, function_name),
        AuthAction::Pragma {
            pragma_name,
            pragma_value: _,
        } => listed(&PRAGMAS, pragma_name),
        // An R-tree prepares what writes to its tables before it is asked for anything.
        // Nothing here runs that, the engine least of all: the file is open for reading.
        AuthAction::Delete { table_name }
        | AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. } => {
            let name = table_name.to_ascii_lowercase();
            OF_AN_RTREE.iter().any(|ending| name.ends_with(ending))
        }
        _ => false,
    }
}

/// What a statement may do that writes: whatever stays within the file. Transactions
/// are not among it: each statement is one.
fn writing(context: AuthContext<'_>) -> bool {
    match context.action {
        AuthAction::AlterTable { .. }
        | AuthAction::Analyze { .. }
        | AuthAction::CreateIndex { .. }
        | AuthAction::CreateTable { .. }
        | AuthAction::CreateTrigger { .. }
        | AuthAction::CreateView { .. }
        | AuthAction::Delete { .. }
        | AuthAction::DropIndex { .. }
        | AuthAction::DropTable { .. }
        | AuthAction::DropTrigger { .. }
        | AuthAction::DropView { .. }
        | AuthAction::DropVtable { .. }
        | AuthAction::Insert { .. }
        | AuthAction::Reindex { .. }
        | AuthAction::Update { .. } => true,
        AuthAction::CreateVtable { module_name, .. } => listed(&MODULES, module_name),
        _ => reading(context),
    }
}

fn listed(list: &[&str], name: &str) -> bool {
    list.iter().any(|known| known.eq_ignore_ascii_case(name))
}
