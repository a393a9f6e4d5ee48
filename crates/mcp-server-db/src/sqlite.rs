//! SQLite: a few read-only connections, used off the async threads.

mod catalog;
mod explain;
mod harden;
mod query;
mod search;
mod write;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mcp_domain::{Error, ErrorKind};
use rusqlite::Connection;
use tokio::{sync::Semaphore, time::Instant};

use self::write::Writer;
use crate::{limits::Limits, options::Options};

/// How many virtual machine steps pass between two looks at the clock.
const STEPS_BETWEEN_LOOKS: i32 = 1000;

/// A database file, read by a few connections.
#[derive(Debug)]
pub(crate) struct Sqlite {
    path: PathBuf,
    limits: Limits,
    idle: Arc<Mutex<Vec<Connection>>>,
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
        let first = harden::open(path, &limits)?;
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
        let stopped = |_| Error::new(ErrorKind::Closed, "the database is closed");
        let running = Arc::clone(&self.running).acquire_owned().await;
        let running = running.map_err(stopped)?;
        let idle = Arc::clone(&self.idle);
        let path = self.path.clone();
        let limits = self.limits;
        let abandoned = AbandonedOnDrop::default();
        let flag = Arc::clone(&abandoned.0);
        let task = tokio::task::spawn_blocking(move || {
            let _running = running;
            let warm = lock(&idle).pop();
            let mut connection = match warm {
                Some(connection) => connection,
                None => harden::open(&path, &limits)?,
            };
            let result = bounded(&mut connection, limits.time, flag, work);
            lock(&idle).push(connection);
            result
        });
        task.await.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Closed, "the statement was lost").with_source(error))
        })
    }
}

fn lock(idle: &Mutex<Vec<Connection>>) -> std::sync::MutexGuard<'_, Vec<Connection>> {
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
        let interrupted = std::error::Error::source(&error)
            .and_then(|cause| cause.downcast_ref::<rusqlite::Error>())
            .and_then(rusqlite::Error::sqlite_error_code)
            == Some(rusqlite::ErrorCode::OperationInterrupted);
        if interrupted {
            let limit = limit.as_secs_f64();
            let message = format!("the statement ran for {limit} s and was stopped");
            Error::new(ErrorKind::ToolFailed, message)
        } else {
            error
        }
    })
}

/// Raises its flag when it is dropped.
#[derive(Debug, Default)]
struct AbandonedOnDrop(Arc<AtomicBool>);

impl Drop for AbandonedOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A statement failed. SQLite's own words are the most helpful ones.
fn failed(error: rusqlite::Error) -> Error {
    let message = match &error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::MultipleStatement => "only one statement is allowed per call".to_owned(),
        other => other.to_string(),
    };
    let message = if message == "not authorized" {
        "this statement is not allowed: the database is open for reading only".to_owned()
    } else {
        message
    };
    Error::new(ErrorKind::ToolFailed, message).with_source(error)
}

/// A name as SQL quotes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
