//! The project's own tasks: `cargo xtask --help`.

mod bench;
mod cargo;
mod ci;
mod licences;
mod test;
mod tidy;

use std::{env, process::ExitCode};

const HELP: &str = "\
The project's own tasks.

Usage: cargo xtask <TASK> [ARGUMENTS]

  bench [--quick] [--json FILE]  measure what the pool saves, on real sessions
  test [FILTER …]                run all tests: nextest if it is installed, and doctests
  tidy                           check the layers, module docs, licences and manners
  ci                             all that a change must pass: format, clippy, tidy, test, docs
";

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let task = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let done = match task.as_str() {
        "bench" => bench::run(&rest),
        "ci" => no_arguments("ci", &rest).and_then(|()| ci::run()),
        "test" => test::run(&rest),
        "tidy" => no_arguments("tidy", &rest).and_then(|()| tidy::run()),
        "" | "help" | "--help" | "-h" => {
            say(HELP);
            Ok(())
        }
        other => Err(format!(
            "there is no task `{other}`; `cargo xtask help` lists them"
        )),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say(&format!("xtask: {message}"));
            ExitCode::FAILURE
        }
    }
}

fn no_arguments(task: &str, rest: &[String]) -> Result<(), String> {
    match rest.first() {
        None => Ok(()),
        Some(extra) => Err(format!(
            "`{task}` takes no argument, but was given `{extra}`"
        )),
    }
}

/// Speaks to the user, on standard error: standard output is for what tasks produce.
#[expect(clippy::print_stderr, reason = "a program speaks to its user")]
fn say(text: &str) {
    eprintln!("{}", text.trim_end());
}
