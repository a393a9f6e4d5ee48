//! Which toolchains this machine has.

use std::{
    env,
    ffi::OsString,
    process::{Command, Stdio},
};

use crate::cargo;

/// Where a Rust version is to be had.
#[derive(Debug, PartialEq)]
pub(super) enum Toolchain {
    /// All else runs on it already.
    Current,
    /// Under this name in rustup.
    Installed(String),
    /// For this reason it cannot be used.
    Missing(String),
}

/// Looks for a Rust version, without installing anything.
pub(super) fn find(version: &str) -> Toolchain {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let current = printed(Command::new(rustc).arg("--version"));
    // Listed, not tried: rustup may install what is named to it.
    let installed = printed(Command::new("rustup").args(["toolchain", "list"]));
    choose(version, current.as_deref(), installed.as_deref())
}

fn choose(version: &str, current: Option<&str>, installed: Option<&str>) -> Toolchain {
    let current = current.and_then(|line| line.split(' ').nth(1));
    if current.is_some_and(|current| is(version, current)) {
        return Toolchain::Current;
    }
    let names = installed.unwrap_or_default().lines();
    let mut names = names.filter_map(|line| line.split(' ').next());
    let found = names.find(|name| name.split('-').next().is_some_and(|name| is(version, name)));
    found.map_or_else(
        || Toolchain::Missing(format!("Rust {version} is not installed here")),
        |name| Toolchain::Installed(name.to_owned()),
    )
}

/// `1.89.0` is a `1.89`, and `1.890` is not.
fn is(version: &str, candidate: &str) -> bool {
    let rest = candidate.strip_prefix(version);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What a command prints, if it exists and succeeds.
fn printed(command: &mut Command) -> Option<String> {
    let output = command
        .stderr(Stdio::null())
        .current_dir(cargo::root())
        .output();
    let output = output.ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "stable-x86_64-unknown-linux-gnu (active, default)\n\
                        1.890.0-x86_64-unknown-linux-gnu\n\
                        1.89.0-x86_64-unknown-linux-gnu\n";

    #[test]
    fn the_promised_version_is_found_by_its_number() {
        let found = choose("1.89", Some("rustc 1.95.0 (abc 2026-01-01)\n"), Some(LIST));
        let name = "1.89.0-x86_64-unknown-linux-gnu".to_owned();
        assert_eq!(found, Toolchain::Installed(name));
    }

    #[test]
    fn the_one_in_use_needs_no_other() {
        let found = choose("1.89", Some("rustc 1.89.1 (abc 2026-01-01)\n"), None);
        assert_eq!(found, Toolchain::Current);
    }

    #[test]
    fn one_that_is_not_there_is_said_to_be_missing() {
        let why = "Rust 1.90 is not installed here".to_owned();
        for list in [None, Some(LIST)] {
            let found = choose("1.90", Some("rustc 1.95.0"), list);
            assert_eq!(found, Toolchain::Missing(why.clone()));
        }
    }
}
