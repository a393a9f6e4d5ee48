//! A sample database: a small shop, the same to the byte wherever it is made.
//!
//! Twelve tables with foreign keys, one of them of 100,000 rows, text worth
//! searching, and the values that programs stumble over: NULL, bytes, integers
//! beyond 2^53, decimals, names in many scripts.

mod content;
mod random;
mod words;

use std::path::{Path, PathBuf};

use mcp_domain::{Error, ErrorKind};
use rusqlite::Connection;

/// Rises when the contents change, so that an old file is not taken for the new one.
const VERSION: u32 = 1;

/// The sample database in this folder; made if it is not there. Takes about a second.
///
/// Safe to call from several processes at once: the file appears whole or not at all.
///
/// # Errors
///
/// `InvalidInput` if the folder cannot be written to.
pub fn ensure(folder: &Path) -> Result<PathBuf, Error> {
    let path = folder.join(format!("shop-v{VERSION}.sqlite"));
    if path.exists() {
        return Ok(path);
    }
    let cannot = |error: &dyn std::fmt::Display| {
        let message = format!(
            "cannot make the sample database `{}`: {error}",
            path.display()
        );
        Error::new(ErrorKind::InvalidInput, message)
    };
    std::fs::create_dir_all(folder).map_err(|error| cannot(&error))?;
    // Made beside its place and then moved there, which is atomic.
    let draft = tempfile::NamedTempFile::new_in(folder).map_err(|error| cannot(&error))?;
    let mut database = Connection::open(draft.path()).map_err(|error| cannot(&error))?;
    content::fill(&mut database).map_err(|error| cannot(&error))?;
    database.close().map_err(|(_, error)| cannot(&error))?;
    draft.persist(&path).map_err(|error| cannot(&error))?;
    Ok(path)
}
