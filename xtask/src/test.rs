//! `cargo xtask test`: all tests.

use crate::{cargo, say};

pub(crate) fn run(filter: &[String]) -> Result<(), String> {
    let mut tests = cargo::command();
    let nextest = cargo::has("nextest");
    if nextest {
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
    tests.args(filter);
    if !nextest {
        // Some tests count the processes and sockets of their own process, which
        // they have to themselves only one after another.
        tests.args(["--", "--test-threads=1"]);
    }
    let tests = cargo::run(&mut tests);
    let mut doctests = cargo::command();
    doctests.args(["test", "--doc", "--workspace", "--locked"]);
    let doctests = match filter {
        [] => cargo::run(&mut doctests),
        _ => Ok(()),
    };
    tests.and(doctests)
}
