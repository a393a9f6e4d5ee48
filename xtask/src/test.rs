//! `cargo xtask test`: all tests.

use crate::{cargo, say};

pub(crate) fn run(filter: &[String]) -> Result<(), String> {
    let mut tests = cargo::command();
    if cargo::has("nextest") {
        tests.args([
            "nextest",
            "run",
            "--workspace",
            "--locked",
            "--no-fail-fast",
        ]);
    } else {
        say("nextest is not installed: running the tests with cargo test");
        tests.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
        // Doctests follow below, in both cases.
        tests.args(["--lib", "--bins", "--tests", "--examples"]);
    }
    let tests = cargo::run(tests.args(filter));
    let mut doctests = cargo::command();
    doctests.args(["test", "--doc", "--workspace", "--locked"]);
    let doctests = match filter {
        [] => cargo::run(&mut doctests),
        _ => Ok(()),
    };
    tests.and(doctests)
}
