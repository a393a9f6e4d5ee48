//! The seam between MCP and the databases: what every engine answers.
//!
//! Tools, resources and limits are written once, above this line. Below it, each
//! engine enforces with its own means that nothing is written and nothing unbounded.

use mcp_domain::{Error, ErrorKind};
use serde_json::Value;

#[cfg(feature = "postgres")]
use crate::postgres::Postgres;
use crate::{
    answer::{Hits, Rows, Table, TableName, Written},
    limits::Limits,
    sqlite::Sqlite,
};

/// One statement, with the values for its parameters.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Value>,
}

/// What is added to the failure of a write whose end nobody has seen: it may be done.
pub(crate) const UNKNOWN: &str =
    "; whether anything was written is not known: look before you write it again";

/// A statement is not one that only reads.
pub(crate) fn only_reading() -> Error {
    let message = "this statement is not allowed: the database is open for reading only";
    Error::new(ErrorKind::ToolFailed, message)
}

/// Which rows of a result are wanted: so many, after those that were told before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) skip: usize,
    pub(crate) rows: usize,
}

/// What to search for.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Words that must all occur.
    pub(crate) text: String,
    /// Search in this table only.
    pub(crate) table: Option<String>,
    pub(crate) limit: usize,
}

/// A database. All futures stop their statement when they are dropped.
#[derive(Debug)]
pub(crate) enum Engine {
    #[cfg(feature = "postgres")]
    Postgres(Postgres),
    Sqlite(Sqlite),
}

impl Engine {
    /// What one call may cost.
    pub(crate) fn limits(&self) -> &Limits {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.limits(),
            Self::Sqlite(sqlite) => sqlite.limits(),
        }
    }

    /// May statements write?
    pub(crate) fn allows_writes(&self) -> bool {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.allows_writes(),
            Self::Sqlite(sqlite) => sqlite.allows_writes(),
        }
    }

    /// How a statement marks its parameters.
    pub(crate) fn placeholder(&self) -> &'static str {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => "$1",
            Self::Sqlite(_) => "?",
        }
    }

    /// All tables and views, by schema and name; not those that the engine keeps for itself.
    pub(crate) async fn tables(&self) -> Result<Vec<TableName>, Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.tables().await,
            Self::Sqlite(sqlite) => sqlite.tables().await,
        }
    }

    /// One table or view.
    ///
    /// # Errors
    ///
    /// `ToolFailed` if there is none of this name, as every method that takes one.
    pub(crate) async fn describe(&self, table: String) -> Result<Table, Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.describe(table).await,
            Self::Sqlite(sqlite) => sqlite.describe(table).await,
        }
    }

    /// The first rows of a table or view.
    pub(crate) async fn first_rows(&self, table: String, rows: usize) -> Result<Rows, Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.first_rows(table, rows).await,
            Self::Sqlite(sqlite) => sqlite.first_rows(table, rows).await,
        }
    }

    /// Runs one statement that reads.
    pub(crate) async fn query(&self, statement: Statement, page: Page) -> Result<Rows, Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.query(statement, page).await,
            Self::Sqlite(sqlite) => sqlite.query(statement, page).await,
        }
    }

    /// Runs one statement that writes, as a whole or not at all.
    ///
    /// # Errors
    ///
    /// `ToolFailed` if the database is open for reading only.
    pub(crate) async fn execute(&self, statement: Statement) -> Result<Written, Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.execute(statement).await,
            Self::Sqlite(sqlite) => sqlite.execute(statement).await,
        }
    }

    /// How the engine would run a statement, one line a step. Nothing is run.
    pub(crate) async fn explain(&self, statement: Statement) -> Result<Vec<String>, Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.explain(statement).await,
            Self::Sqlite(sqlite) => sqlite.explain(statement).await,
        }
    }

    /// Finds rows that hold all words of a text.
    pub(crate) async fn search(&self, wanted: Wanted) -> Result<Hits, Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.search(wanted).await,
            Self::Sqlite(sqlite) => sqlite.search(wanted).await,
        }
    }

    /// Waits until no statement of a call that was dropped runs any more, but not for long.
    pub(crate) async fn settle(&self) {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.settle().await,
            // Its statements end within the same process.
            Self::Sqlite(_) => {}
        }
    }
}
