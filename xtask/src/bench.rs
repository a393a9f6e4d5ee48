//! `cargo xtask bench`: builds what is measured, and measures it.

use std::{env, path::PathBuf, process::Command};

use crate::{cargo, third_party};

/// All arguments are the measuring program's.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let mut build = cargo::command();
    build.args(["build", "--release", "--locked"]);
    build.args(["--package", "mcp-plugin-db", "--bin", "mcp-db"]);
    build.args(["--package", "mcp-bench", "--bin", "mcp-bench"]);
    cargo::run(&mut build)?;
    let release = cargo::target_directory()?.join("release");
    let built =
        |name: &str| -> PathBuf { release.join(format!("{name}{}", env::consts::EXE_SUFFIX)) };
    // From where the user stands, so that a relative file is found there.
    let mut measure = Command::new(built("mcp-bench"));
    measure.arg("--mcp-db").arg(built("mcp-db")).args(args);
    if args
        .iter()
        .any(|arg| arg == "--third-party" || arg == "--all")
    {
        // What could not be installed, it says itself, and the report too.
        measure.env(third_party::VARIABLE, third_party::servers()?.folder);
    }
    cargo::run(&mut measure)
}
