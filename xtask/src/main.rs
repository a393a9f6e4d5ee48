//! The project's own tasks: `cargo xtask help`.

mod bench;
mod cargo;
mod ci;
mod conformance;
mod dependencies;
mod soak;
mod test;
mod third_party;
mod tidy;
mod workspace;

use std::{
    env,
    io::{self, Write as _},
    process::ExitCode,
};

use self::workspace::Workspace;

const HELP: &str = "\
The project's own tasks.

Usage: cargo xtask <TASK> [ARGUMENTS]

Tasks:
  bench [ARGUMENTS]  measure what the pool saves, on real sessions
  test [ARGUMENTS]   run all tests, or those that the arguments pick
  conformance SIDE   run the official conformance suite against our client or server
  soak [ARGUMENTS]   storm on real servers, and look for what is left behind
  tidy               check the rules of the house: layers, docs, lints, places
  ci                 check all that a change must pass

`cargo xtask <TASK> --help` says more.
";

const TIDY_HELP: &str = "\
Checks the rules of the house: who may know whom (ARCHITECTURE.md), what every crate,
source and page has, and that no text names a place on somebody's machine.

Usage: cargo xtask tidy

Files of more than 700 lines are named, and nothing more.
";

/// Why a task did not succeed.
#[derive(Debug, PartialEq)]
enum Failure {
    /// What was asked for makes no sense.
    Usage(String),
    /// It was done, and is not good.
    Failed(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args_os()
        .skip(1)
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(message)) => {
            say(&format!("xtask: {message}"));
            ExitCode::from(1)
        }
        Err(Failure::Usage(message)) => {
            say(&format!("xtask: {message}"));
            ExitCode::from(2)
        }
    }
}

fn run(args: &[String]) -> Result<(), Failure> {
    let Some((task, args)) = args.split_first() else {
        let message =
            "say which task: bench, ci, conformance, soak, test or tidy (`cargo xtask help`)";
        return Err(Failure::Usage(message.to_owned()));
    };
    let help = args
        .first()
        .is_some_and(|arg| arg == "--help" || arg == "-h");
    match task.as_str() {
        "help" | "--help" | "-h" => print(HELP),
        "ci" if help => print(ci::HELP),
        "conformance" if help => print(conformance::HELP),
        "soak" if help => print(soak::HELP),
        "test" if help => print(test::HELP),
        "tidy" if help => print(TIDY_HELP),
        "bench" => cargo::exec(&mut bench::command(args)?)?,
        "ci" => {
            no_arguments(task, args)?;
            ci::run()?;
        }
        "conformance" => conformance::run(args)?,
        "soak" => cargo::exec(&mut soak::command(args)?)?,
        "test" => test::run(args)?,
        "tidy" => {
            no_arguments(task, args)?;
            tidy::run(&Workspace::load()?)?;
        }
        other => {
            let message = format!("there is no task `{other}`; `cargo xtask help` lists them");
            return Err(Failure::Usage(message));
        }
    }
    Ok(())
}

fn no_arguments(task: &str, args: &[String]) -> Result<(), Failure> {
    match args.first() {
        None => Ok(()),
        Some(extra) => Err(Failure::Usage(format!(
            "`{task}` takes no argument, but was given `{extra}`"
        ))),
    }
}

/// Speaks to the user, on standard error: standard output is for what was asked for.
#[expect(clippy::print_stderr, reason = "a program speaks to its user")]
fn say(text: &str) {
    eprintln!("{}", text.trim_end());
}

/// Prints what was asked for. Whoever closes the pipe has seen enough.
fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(args: &[&str], expected: &str) {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        assert_eq!(run(&args), Err(Failure::Usage(expected.to_owned())));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        refused(
            &[],
            "say which task: bench, ci, conformance, soak, test or tidy (`cargo xtask help`)",
        );
        refused(
            &["tset"],
            "there is no task `tset`; `cargo xtask help` lists them",
        );
        refused(
            &["ci", "--fast"],
            "`ci` takes no argument, but was given `--fast`",
        );
        refused(
            &["tidy", "up"],
            "`tidy` takes no argument, but was given `up`",
        );
    }
}
