//! `cargo xtask soak`: a long storm on real servers, which must leave nothing behind.

use std::{env, path::PathBuf, process::Command};

use crate::cargo;

pub(crate) const HELP: &str = "\
Storms on real servers: callers of many scopes call, give up and take leases, while
servers are killed and stopped at random. Ends with a failure if the process then has
more than after the first round: a descriptor, a thread, a child, or 8 MiB of memory.

Usage: cargo xtask soak [--minutes N]

  --minutes N  how long it lasts (default: 1)

Linux only.
";

/// The storming program with its arguments. Built as tests are, with all checks.
pub(crate) fn command(args: &[String]) -> Result<Command, String> {
    let mut build = cargo::command();
    build.args(["build", "--locked"]);
    build.args(["--package", "mcp-plugin-db", "--bin", "mcp-db"]);
    build.args(["--package", "mcp-bench", "--bin", "mcp-bench"]);
    cargo::run(&mut build)?;
    let debug = cargo::target_directory()?.join("debug");
    let built =
        |name: &str| -> PathBuf { debug.join(format!("{name}{}", env::consts::EXE_SUFFIX)) };
    let mut soak = Command::new(built("mcp-bench"));
    soak.args(["soak", "--program"]).arg(built("mcp-db"));
    soak.args(args);
    Ok(soak)
}
