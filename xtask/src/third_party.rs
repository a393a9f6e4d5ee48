//! What others wrote, installed below `target/third-party` to test ours against.
//!
//! What comes from npm and PyPI stands in `xtask/third-party`, with every version pinned;
//! a crate has its lock with it. Each part is installed once, and again only when what it
//! is made from has changed.

mod launcher;
mod part;

use std::{fs, path::PathBuf};

use self::part::Part;
use crate::{cargo, say};

/// Names the folder of [`Installed`] to the tests that need it.
pub(crate) const VARIABLE: &str = "MCP_THIRD_PARTY";

/// What came of installing.
#[derive(Debug)]
pub(crate) struct Installed {
    /// Has `bin/`, with a launcher for each program.
    pub(crate) folder: PathBuf,
    /// What could not be installed, and why.
    pub(crate) missing: Vec<String>,
    something: bool,
}

impl Installed {
    /// A program that was installed.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    /// Nothing at all could be installed, as without a network.
    pub(crate) fn is_empty(&self) -> bool {
        !self.something
    }

    /// Is all there?
    pub(crate) fn complete(&self) -> Result<(), String> {
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(format!("not installed: {}", self.missing.join("; ")))
    }
}

/// The servers that others wrote.
pub(crate) fn servers() -> Result<Installed, String> {
    install(&part::SERVERS)
}

/// The official conformance suite.
pub(crate) fn conformance() -> Result<Installed, String> {
    install(&part::CONFORMANCE)
}

fn install(parts: &[Part]) -> Result<Installed, String> {
    let folder = cargo::target_directory()?.join("third-party");
    fs::create_dir_all(folder.join("bin"))
        .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    let mut installed = Installed {
        folder,
        missing: Vec::new(),
        something: false,
    };
    for part in parts {
        let result = if part.is_built() && installed.is_empty() {
            // Whoever has none of the others wants the news, not in five minutes.
            Err("not built, as none of the others could be installed".to_owned())
        } else {
            part.install(&installed.folder)
        };
        match result {
            Ok(()) => installed.something |= part.has_programs(),
            Err(why) => {
                let why = format!("{} ({why})", part.name());
                say(&format!("cannot install {why}"));
                installed.missing.push(why);
            }
        }
    }
    Ok(installed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_with_its_reason() {
        let mut installed = Installed {
            folder: PathBuf::from("there"),
            missing: Vec::new(),
            something: true,
        };
        assert_eq!(installed.complete(), Ok(()));
        installed.missing = vec!["a (no net)".to_owned(), "b (no Python)".to_owned()];
        let all = "not installed: a (no net); b (no Python)".to_owned();
        assert_eq!(installed.complete(), Err(all));
        assert_eq!(installed.program("c"), PathBuf::from("there/bin/c"));
    }
}
