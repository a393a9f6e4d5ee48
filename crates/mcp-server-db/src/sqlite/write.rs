//! Writing, where it was asked for: one connection, one statement at a time.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use mcp_domain::{Error, ErrorKind};
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{
    AbandonedOnDrop, NOT_AUTHORIZED, Sqlite, bounded, failed, harden, in_time,
    place::{Log, Opened, gone},
    query::{bind, columns, size, values},
    turn,
};
use crate::{
    answer::Written,
    engine::{Statement, UNKNOWN},
    limits::{Limits, Room},
};

/// The one connection that writes. SQLite has room for one writer only; whoever comes
/// second waits here, where waiting costs nothing.
#[derive(Debug)]
pub(super) struct Writer {
    opened: Arc<Mutex<Opened>>,
    pub(super) log: Arc<Log>,
    turn: Arc<Semaphore>,
}

impl Writer {
    /// Opens a file for writing, and has its changes written ahead to a log from now
    /// on, so that readers and the writer do not wait for each other.
    pub(super) fn open(path: &Path, limits: &Limits) -> Result<Self, Error> {
        let opened = Opened::new(path, || harden::open_for_writing(path, limits))?;
        let log = Arc::new(Log::of(&opened, path));
        Ok(Self {
            log,
            opened: Arc::new(Mutex::new(opened)),
            turn: Arc::new(Semaphore::new(1)),
        })
    }
}

impl Sqlite {
    /// Runs one statement that writes. It is done as a whole or not at all.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the statement is interrupted and undone, unless it
    /// was just done.
    pub(crate) async fn execute(&self, statement: Statement) -> Result<Written, Error> {
        let Some(writer) = &self.writer else {
            let message = "the database is open for reading only";
            return Err(Error::new(ErrorKind::ToolFailed, message));
        };
        let turn = turn(&writer.turn, &self.limits).await?;
        let opened = Arc::clone(&writer.opened);
        let log = Arc::clone(&writer.log);
        let path = self.path.clone();
        let limits = self.limits;
        let abandoned = AbandonedOnDrop::default();
        let flag = Arc::clone(&abandoned.0);
        let task = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
            if !opened.is_at(&path) {
                log.check(&path)?;
                let open = || harden::open_for_writing(&path, &limits);
                *opened = Opened::new(&path, open).map_err(|error| gone(&error))?;
                log.set(&opened, &path);
            }
            bounded(&mut opened.connection, limits.time, flag, |connection| {
                execute(connection, &statement, &limits)
            })
        });
        in_time(task, &limits, UNKNOWN).await
    }
}

/// What is refused here is not refused because it writes.
fn refused(error: rusqlite::Error) -> Error {
    let message = match &error {
        rusqlite::Error::SqliteFailure(_, Some(said)) if said == NOT_AUTHORIZED => {
            "this statement is not allowed: each one is a transaction of its own, and stays \
             within the file"
        }
        _ => return failed(error),
    };
    Error::new(ErrorKind::ToolFailed, message).with_source(error)
}

fn execute(connection: &Connection, asked: &Statement, limits: &Limits) -> Result<Written, Error> {
    let before = connection.total_changes();
    let mut statement = connection.prepare(&asked.sql).map_err(refused)?;
    bind(&mut statement, &asked.parameters)?;
    let mut written = Written {
        columns: columns(&statement),
        ..Written::default()
    };
    let width = written.columns.len();
    let mut room = Room::new(limits.rows, limits.bytes);
    let mut rows = statement.raw_query();
    // To the end, whatever is told of it: what is not reached is not done.
    while let Some(row) = rows.next().map_err(failed)? {
        match size(row, width, limits) {
            Ok(bytes) if room.take(bytes) => written.rows.push(values(row, width)?),
            Ok(_) => written.truncated = true,
            Err(error) => {
                // All is written by now, and would stay if the statement just ended. One
                // that is interrupted before its end is undone.
                connection.get_interrupt_handle().interrupt();
                return match rows.next() {
                    Err(_) => Err(error),
                    Ok(_) => Err(Error::new(error.kind(), format!("{error}{UNKNOWN}"))),
                };
            }
        }
    }
    drop(rows);
    // Statements that change the schema leave the count of the one before.
    if connection.total_changes() != before {
        written.rows_affected = connection.changes();
    }
    Ok(written)
}
