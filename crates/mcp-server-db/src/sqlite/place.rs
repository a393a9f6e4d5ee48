//! Which file is at a path: another one may have taken its place.
//!
//! A connection stays with the file that it has opened. Where that was deleted, or another
//! one was moved there, it would read what nobody else sees, and write what is lost.

use std::path::Path;

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

/// A file that could be opened before cannot be any more: that is no fault of who asked.
pub(super) fn gone(error: &Error) -> Error {
    Error::new(ErrorKind::ToolFailed, error.to_string())
}
