//! `cargo xtask bench`: builds what is measured, and what measures it.

use std::{env, path::PathBuf, process::Command};

use serde_json::Value;

use crate::{cargo, third_party};

/// The measuring program, whose all arguments are.
pub(crate) fn command(args: &[String]) -> Result<Command, String> {
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
    let asked = |what: &str| args.iter().any(|arg| arg == what || arg == "--all");
    if asked("--parts") {
        for (name, program) in parts()? {
            measure.arg("--part").arg(format!("{name}={program}"));
        }
    }
    if asked("--third-party") {
        // What could not be installed, it says itself, and the report too.
        measure.env(third_party::VARIABLE, third_party::servers()?.folder);
    }
    Ok(measure)
}

/// Builds the benchmarks of the parts: their names and programs.
fn parts() -> Result<Vec<(String, String)>, String> {
    let mut build = cargo::command();
    build.args(["bench", "--no-run", "--locked", "--package", "mcp-bench"]);
    build.args(["--benches", "--message-format", "json-render-diagnostics"]);
    let told = cargo::output(&mut build)?;
    Ok(programs(&String::from_utf8_lossy(&told)))
}

/// The benchmarks among the artifacts that cargo tells of, a line each.
fn programs(told: &str) -> Vec<(String, String)> {
    let artifacts = told.lines().filter_map(|line| {
        let artifact: Value = serde_json::from_str(line).ok()?;
        let is_benchmark = artifact["target"]["kind"][0] == "bench";
        let name = artifact["target"]["name"].as_str()?;
        let program = artifact["executable"].as_str()?;
        is_benchmark.then(|| (name.to_owned(), program.to_owned()))
    });
    let mut programs: Vec<_> = artifacts.collect();
    // In the order of the page, whichever was built first.
    programs.sort();
    programs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benchmarks_are_told_from_all_else_that_is_built() {
        let told = r#"
            {"reason":"compiler-artifact","target":{"kind":["lib"],"name":"deadpool"},"executable":null}
            {"reason":"compiler-artifact","target":{"kind":["bench"],"name":"keys"},"executable":"/t/keys-1"}
            {"reason":"compiler-artifact","target":{"kind":["bin"],"name":"mcp-bench"},"executable":"/t/mcp-bench"}
            {"reason":"compiler-artifact","target":{"kind":["bench"],"name":"checkout"},"executable":"/t/checkout-1"}
            {"reason":"build-finished","success":true}"#;
        let pair = |name: &str, program: &str| (name.to_owned(), program.to_owned());
        let expected = [pair("checkout", "/t/checkout-1"), pair("keys", "/t/keys-1")];
        assert_eq!(programs(told), expected);
    }
}
