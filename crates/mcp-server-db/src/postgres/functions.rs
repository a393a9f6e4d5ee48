//! Functions that a statement may not name.
//!
//! A read-only transaction that is rolled back undoes what a statement does to the
//! tables. It does not undo what a function does beside them: read a file, end the
//! session of somebody else, connect to another database. PostgreSQL knows which
//! functions may have effects (it calls them *volatile*), so its own catalog says
//! what is refused: every volatile function that comes with the server or with an
//! extension, but for those in [`HARMLESS`], and some that run SQL which they get as
//! text. Functions that somebody wrote into the database are the owner's affair.
//!
//! The statement is not understood, only cut into words: a function can be called by
//! its name alone, and a name is always one word. So nothing is overlooked, but a
//! forbidden word is refused even where it is harmless, as in a string; such a string
//! can be bound as a parameter. Names in which letters are written as numbers
//! (`U&"\0070g_sleep"`) are refused as such.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use mcp_domain::{Error, ErrorKind};
use tokio_postgres::Client;

/// Volatile because each call answers anew, or because they change what a read-only
/// transaction protects by itself (sequences). `pg_sleep` is bounded by the time limit.
const HARMLESS: &[&str] = &[
    "bernoulli",
    "clock_timestamp",
    "currval",
    "gen_random_bytes",
    "gen_random_uuid",
    "gen_salt",
    "lastval",
    "nextval",
    "normal_rand",
    "pg_blocking_pids",
    "pg_database_size",
    "pg_indexes_size",
    "pg_is_in_recovery",
    "pg_jit_available",
    "pg_partition_ancestors",
    "pg_partition_tree",
    "pg_relation_size",
    "pg_sequence_last_value",
    "pg_sleep",
    "pg_sleep_for",
    "pg_sleep_until",
    "pg_table_size",
    "pg_tablespace_size",
    "pg_total_relation_size",
    "random",
    "random_normal",
    "setseed",
    "setval",
    "system",
    "system_rows",
    "system_time",
    "timeofday",
    "txid_status",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
];

/// Run SQL that they get as text, which could name anything; not all are volatile.
const RUN_SQL: &[&str] = &[
    "connectby",
    "crosstab",
    "crosstab2",
    "crosstab3",
    "crosstab4",
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "query_to_xml",
    "query_to_xml_and_xmlschema",
    "query_to_xmlschema",
    "ts_rewrite",
    "ts_stat",
    "xpath_table",
];

const VOLATILE: &str = "
    SELECT DISTINCT p.proname::text
    FROM pg_catalog.pg_proc p
    WHERE p.provolatile = 'v'
      AND (p.pronamespace = 'pg_catalog'::regnamespace OR EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'))";

/// The names that are refused, as the database last told them.
#[derive(Debug)]
pub(super) struct Functions {
    allowed: Vec<String>,
    refused: Mutex<Arc<HashSet<String>>>,
}

impl Functions {
    /// All are refused that should be, but for those in `allowed`.
    pub(super) fn new(allowed: &[String]) -> Self {
        let functions = Self {
            allowed: allowed.iter().map(|name| name.to_lowercase()).collect(),
            refused: Mutex::default(),
        };
        functions.set(RUN_SQL.iter().map(|name| (*name).to_owned()));
        functions
    }

    /// Asks a database which functions it has. Done for each connection, as extensions
    /// come and go.
    pub(super) async fn learn(&self, client: &Client) -> Result<(), tokio_postgres::Error> {
        let rows = client.query(VOLATILE, &[]).await?;
        let volatile = rows.iter().map(|row| row.get::<_, String>(0));
        let volatile = volatile.filter(|name| !HARMLESS.contains(&name.as_str()));
        self.set(volatile.chain(RUN_SQL.iter().map(|name| (*name).to_owned())));
        Ok(())
    }

    fn set(&self, names: impl Iterator<Item = String>) {
        let refused = names.filter(|name| !self.allowed.contains(name));
        let refused = Arc::new(refused.collect());
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }

    /// Looks at a statement before it goes to the database.
    pub(super) fn check(&self, sql: &str) -> Result<(), Error> {
        let refused = Arc::clone(&self.refused.lock().unwrap_or_else(PoisonError::into_inner));
        let lower = sql.to_lowercase();
        if lower.contains("u&\"") {
            let message = "this statement is not allowed: it writes letters of a name as numbers \
                           (`U&\"…\"`); write the name plainly";
            return Err(Error::new(ErrorKind::ToolFailed, message));
        }
        let words = lower.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        // Some versions read `1dblink` as a number and a name.
        let mut words = words.map(|word| word.trim_start_matches(|c: char| c.is_ascii_digit()));
        match words.find(|word| refused.contains(*word)) {
            None => Ok(()),
            Some(word) => {
                let message = format!(
                    "this statement is not allowed: `{word}` can do more than read; \
                     if it is only text here, bind it as a parameter"
                );
                Err(Error::new(ErrorKind::ToolFailed, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sql: &str) -> bool {
        let functions = Functions::new(&["Crosstab".to_owned()]);
        let names = ["pg_read_file", "crosstab", "dblink"];
        functions.set(names.into_iter().map(str::to_owned));
        functions.check(sql).is_err()
    }

    #[test]
    fn a_name_is_found_however_it_is_written() {
        for sql in [
            "SELECT pg_read_file('x')",
            "SELECT PG_Read_File('x')",
            "SELECT \"pg_read_file\"('x')",
            "SELECT pg_catalog.pg_read_file('x')",
            "SELECT/**/pg_read_file/**/('x')",
            "SELECT*FROM dblink('','')",
            "SELECT 1dblink('','')",
            "SELECT $$x$$dblink('','')",
            "SELECT U&\"\\0070g_read_file\"('x')",
            "SELECT u&\"!0070g_read_file\" UESCAPE '!' ('x')",
        ] {
            assert!(refused(sql), "{sql}");
        }
    }

    #[test]
    fn other_words_are_nobodys_business() {
        for sql in [
            "SELECT pg_read_filename, my_dblink FROM t",
            "SELECT crosstab('SELECT 1')",
            "SELECT 'u&' || \"x\"",
            "",
        ] {
            assert!(!refused(sql), "{sql}");
        }
    }
}
