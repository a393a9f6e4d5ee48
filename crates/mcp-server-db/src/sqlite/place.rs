//! Which file is at a path: another one may have taken its place.
//!
//! A connection stays with the file that it has opened. Where that was deleted, or another
//! one was moved there, it would read what nobody else sees, and write what is lost.

use std::{
    ffi::OsString,
    path::Path,
    sync::{Mutex, PoisonError},
};

use mcp_domain::{Error, ErrorKind};
use rusqlite::Connection;

/// The file at a path. Where the system does not tell files apart, all are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity(Option<(u64, u64)>);

impl Identity {
    /// Of the file that is there now, if there is one.
    #[cfg(unix)]
    fn of(path: &Path) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        let file = std::fs::metadata(path).ok();
        Self(file.map(|file| (file.dev(), file.ino())))
    }

    #[cfg(not(unix))]
    fn of(_: &Path) -> Self {
        Self(None)
    }
}

/// A connection, and the file that it has opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) connection: Connection,
    file: Identity,
}

impl Opened {
    /// Opens what is at `path` now.
    pub(super) fn new(
        path: &Path,
        open: impl FnOnce() -> Result<Connection, Error>,
    ) -> Result<Self, Error> {
        // Before it is opened: of two that are there in turn, none is taken for the other.
        let file = Identity::of(path);
        Ok(Self {
            connection: open()?,
            file,
        })
    }

    /// Is it still this file that is at `path`?
    pub(super) fn is_at(&self, path: &Path) -> bool {
        self.file == Identity::of(path)
    }
}

/// The log beside the file that is written to: changes are in it before they are in the
/// file. Beside another file it would pass for that one's, and overwrite what is there.
#[derive(Debug)]
pub(super) struct Log(Mutex<Logged>);

#[derive(Clone, Copy, Debug)]
struct Logged {
    file: Identity,
    log: Identity,
}

impl Logged {
    fn of(opened: &Opened, path: &Path) -> Self {
        Self {
            file: opened.file,
            log: log_at(path),
        }
    }
}

impl Log {
    /// Of what was opened at `path` for writing, and is kept open.
    pub(super) fn of(opened: &Opened, path: &Path) -> Self {
        Self(Mutex::new(Logged::of(opened, path)))
    }

    /// Now it is the one of this.
    pub(super) fn set(&self, opened: &Opened, path: &Path) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Logged::of(opened, path);
    }

    /// Sees to it that it is not beside another file.
    ///
    /// # Errors
    ///
    /// `ToolFailed` if it is, until somebody removes it.
    pub(super) fn check(&self, path: &Path) -> Result<(), Error> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, log) = (Identity::of(path), log_at(path));
        if file == known.file || file.0.is_none() || log != known.log || log.0.is_none() {
            return Ok(());
        }
        let message = format!(
            "another file is at `{}`, and beside it still the log of the one before, which \
             would spoil it: remove the files ending in -wal and -shm",
            path.display()
        );
        Err(Error::new(ErrorKind::ToolFailed, message))
    }
}

/// The log beside what is at `path`, which may be a link to it.
fn log_at(path: &Path) -> Identity {
    let Ok(path) = path.canonicalize() else {
        return Identity(None);
    };
    let mut log = OsString::from(path);
    log.push("-wal");
    Identity::of(Path::new(&log))
}

/// A file that could be opened before cannot be any more: that is no fault of who asked.
pub(super) fn gone(error: &Error) -> Error {
    Error::new(ErrorKind::ToolFailed, error.to_string())
}
