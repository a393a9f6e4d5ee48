//! SQLite: a few read-only connections, used off the async threads.

mod catalog;
mod explain;
mod guarded;
mod harden;
mod module;
mod place;
mod query;
mod search;
mod write;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mcp_domain::{Error, ErrorKind};
use rusqlite::{Connection, ErrorCode, limits::Limit};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
    time::{Instant, timeout},
};

use self::{
    place::{Opened, gone},
    write::Writer,
};
use crate::{engine::only_reading, limits::Limits, options::Options};

/// How many virtual machine steps pass between two looks at the clock: few, as one that
/// calls a function can take milliseconds.
const STEPS_BETWEEN_LOOKS: i32 = 100;

/// How much longer than its time limit a statement is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A database file, read by a few connections.
#[derive(Debug)]
pub(crate) struct Sqlite {
    path: PathBuf,
    limits: Limits,
    idle: Arc<Mutex<Vec<Opened>>>,
    running: Arc<Semaphore>,
    writer: Option<Writer>,
}

impl Sqlite {
    /// Opens a file, to see that it can be read.
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, Error> {
        let limits = options.limits;
        let writer = match options.allow_writes {
            true => Some(Writer::open(path, &limits)?),
            false => None,
        };
        let first = Opened::new(path, || harden::open(path, &limits))?;
        Ok(Self {
            path: path.to_owned(),
            limits,
            idle: Arc::new(Mutex::new(vec![first])),
            running: Arc::new(Semaphore::new(limits.statements.max(1))),
            writer,
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn allows_writes(&self) -> bool {
        self.writer.is_some()
    }

    /// Runs `work` on a connection, on a thread where it may block.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the statement that runs is interrupted.
    async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
        T: Send + 'static,
    {
        let running = turn(&self.running, &self.limits).await?;
        let idle = Arc::clone(&self.idle);
        let path = self.path.clone();
        let log = self.writer.as_ref().map(|writer| Arc::clone(&writer.log));
        let limits = self.limits;
        let abandoned = AbandonedOnDrop::default();
        let flag = Arc::clone(&abandoned.0);
        let task = tokio::task::spawn_blocking(move || {
            let _running = running;
            let warm = lock(&idle).pop();
            let mut opened = match warm.filter(|warm| warm.is_at(&path)) {
                Some(warm) => warm,
                None => {
                    // Those that are left over are as old.
                    lock(&idle).clear();
                    if let Some(log) = log {
                        log.check(&path)?;
                    }
                    Opened::new(&path, || harden::open(&path, &limits)).map_err(|e| gone(&e))?
                }
            };
            harden::read_schema(&opened.connection)?;
            let result = bounded(&mut opened.connection, limits.time, flag, work);
            lock(&idle).push(opened);
            result
        });
        in_time(task, &limits, "").await
    }
}

/// Waits for a turn, but not much longer than the statements of others may run.
async fn turn(turns: &Arc<Semaphore>, limits: &Limits) -> Result<OwnedSemaphorePermit, Error> {
    let limit = limits.time.saturating_add(PATIENCE);
    match timeout(limit, Arc::clone(turns).acquire_owned()).await {
        Ok(Ok(turn)) => Ok(turn),
        Ok(Err(_)) => Err(Error::new(ErrorKind::Closed, "the database is closed")),
        Err(_) => {
            let limit = limit.as_secs_f64();
            let message = format!("the statements of others left no room for {limit} s");
            Err(Error::new(ErrorKind::ToolFailed, message))
        }
    }
}

/// Waits for a statement that stops at its time limit. A single step of it can be long,
/// and nothing stops that: its caller is told all the same, with what that `means`, and
/// its turn ends with it.
async fn in_time<T>(
    task: JoinHandle<Result<T, Error>>,
    limits: &Limits,
    means: &str,
) -> Result<T, Error> {
    match timeout(limits.time.saturating_add(PATIENCE), task).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => {
            let message = format!("the statement was lost{means}");
            Err(Error::new(ErrorKind::Closed, message).with_source(error))
        }
        Err(_) => {
            let limit = limits.time.as_secs_f64();
            let message = format!("the statement ran for {limit} s and has not stopped yet{means}");
            Err(Error::new(ErrorKind::ToolFailed, message))
        }
    }
}

fn lock(idle: &Mutex<Vec<Opened>>) -> MutexGuard<'_, Vec<Opened>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` until it is done, its time is up, or nobody waits for it any more.
fn bounded<T>(
    connection: &mut Connection,
    limit: Duration,
    abandoned: Arc<AtomicBool>,
    work: impl FnOnce(&Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    // None: longer than there is time.
    let end = Instant::now().checked_add(limit);
    let stop =
        move || abandoned.load(Ordering::Relaxed) || end.is_some_and(|end| Instant::now() >= end);
    connection
        .progress_handler(STEPS_BETWEEN_LOOKS, Some(stop))
        .map_err(failed)?;
    let result = work(connection);
    let off: Option<fn() -> bool> = None;
    connection
        .progress_handler(STEPS_BETWEEN_LOOKS, off)
        .map_err(failed)?;
    result.map_err(|error| {
        let message = match code(&error) {
            Some(ErrorCode::OperationInterrupted) => {
                let limit = limit.as_secs_f64();
                format!("the statement ran for {limit} s and was stopped")
            }
            // So are statements, whose limit is another one.
            Some(ErrorCode::TooBig) if error.to_string() == TOO_BIG => {
                match connection.limit(Limit::SQLITE_LIMIT_LENGTH) {
                    Ok(longest) => format!("{TOO_BIG}: the limit is {longest} bytes"),
                    Err(_) => return error,
                }
            }
            _ => return error,
        };
        Error::new(ErrorKind::ToolFailed, message)
    })
}

/// Did the statement fail because it was stopped?
fn stopped(error: &Error) -> bool {
    code(error) == Some(ErrorCode::OperationInterrupted)
}

/// Why SQLite failed, if it was SQLite.
fn code(error: &Error) -> Option<ErrorCode> {
    std::error::Error::source(error)
        .and_then(|cause| cause.downcast_ref::<rusqlite::Error>())
        .and_then(rusqlite::Error::sqlite_error_code)
}

/// Raises its flag when it is dropped.
#[derive(Debug, Default)]
struct AbandonedOnDrop(Arc<AtomicBool>);

impl Drop for AbandonedOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What SQLite says of a value that is longer than any may be.
const TOO_BIG: &str = "string or blob too big";

/// What SQLite says of what the authorizer denies.
const NOT_AUTHORIZED: &str = "not authorized";

/// A statement failed. SQLite's own words are the most helpful ones.
fn failed(error: rusqlite::Error) -> Error {
    let message = match &error {
        // Nothing can be done with nothing.
        rusqlite::Error::SqliteFailure(failure, _) if failure.code == ErrorCode::ApiMisuse => {
            "there is no statement".to_owned()
        }
        rusqlite::Error::SqliteFailure(failure, _) if failure.code == ErrorCode::OutOfMemory => {
            "the statement needs more memory than there is: let it sort or keep less, by a \
             LIMIT, an index or fewer columns"
                .to_owned()
        }
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::MultipleStatement => "only one statement is allowed per call".to_owned(),
        other => other.to_string(),
    };
    match message.as_str() {
        NOT_AUTHORIZED => only_reading(),
        other => Error::new(ErrorKind::ToolFailed, other),
    }
    .with_source(error)
}

/// A name as SQL quotes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::engine::UNKNOWN;

    #[tokio::test(start_paused = true)]
    async fn who_asked_is_told_even_if_a_statement_does_not_stop() {
        let limits = Limits::default();
        for (means, wanted) in [
            ("", "the statement ran for 10 s and has not stopped yet"),
            (
                UNKNOWN,
                "the statement ran for 10 s and has not stopped yet; whether anything was \
                 written is not known: look before you write it again",
            ),
        ] {
            let task: JoinHandle<Result<(), Error>> = tokio::spawn(pending());
            let error = in_time(task, &limits, means).await.unwrap_err();
            assert_eq!(error.to_string(), wanted);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_turn_for_ever() {
        let turns = Arc::new(Semaphore::new(1));
        let limits = Limits::default();
        let first = turn(&turns, &limits).await.unwrap();
        let error = turn(&turns, &limits).await.unwrap_err();
        assert!(error.to_string().contains("no room for 15 s"), "{error}");
        drop(first);
        drop(turn(&turns, &limits).await.unwrap());
    }

    #[test]
    fn the_memory_of_the_engine_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty.sqlite");
        Connection::open(&path)
            .unwrap()
            .execute_batch("VACUUM")
            .unwrap();
        let limits = Limits::default();
        harden::open(&path, &limits).unwrap();
        // It counts for every connection of this process.
        let other = Connection::open_in_memory().unwrap();
        let limit: i64 = other
            .query_row("PRAGMA hard_heap_limit", [], |row| row.get(0))
            .unwrap();
        assert_eq!(limit, 512 * 1024 * 1024);
    }
}
