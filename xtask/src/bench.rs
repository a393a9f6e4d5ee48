//! `cargo xtask bench`: builds what is measured, and measures it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::cargo;

pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let mut build = cargo::command();
    build.args(["build", "--release", "--locked"]);
    build.args(["--package", "mcp-plugin-db", "--bin", "mcp-db"]);
    build.args(["--package", "mcp-bench", "--bin", "mcp-bench"]);
    cargo::run(&mut build)?;
    let metadata = cargo::metadata()?;
    let target = metadata["target_directory"].as_str().unwrap_or("target");
    let built = |name: &str| -> PathBuf {
        let program = format!("{name}{}", env::consts::EXE_SUFFIX);
        Path::new(target).join("release").join(program)
    };
    // From where the user stands, so that a relative file is found there.
    let mut measure = Command::new(built("mcp-bench"));
    measure.arg("--mcp-db").arg(built("mcp-db")).args(args);
    cargo::run(&mut measure)
}
