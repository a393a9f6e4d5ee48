//! `cargo xtask conformance`: the official conformance suite against our client and our server.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    Failure, cargo, say,
    third_party::{self, Installed},
};

pub(crate) const HELP: &str = "\
Runs the official conformance suite against our client or our server, for every set
of requirements that is frozen: 2025-11-25 and 2026-07-28.

Usage: cargo xtask conformance client|server [ARGUMENTS]

The suite and the Node it runs on are installed into target/third-party. What is known
to fail stands in xtask/conformance, with a reason each: all else must pass, and
what stands there must fail. Details of each run are left in target/conformance.

With arguments, they are the suite's own, and nothing may fail:

  cargo xtask conformance client --scenario sse-retry
  cargo xtask conformance client --suite auth --verbose
";

/// The frozen sets of requirements.
const REQUIREMENTS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// Which side of ours is tested.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// Runs what the arguments ask for.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let (side, args) = match args.split_first() {
        Some((side, args)) if side == "client" => (Side::Client, args),
        Some((side, args)) if side == "server" => (Side::Server, args),
        _ => {
            let message = "say which side to test: `conformance client` or `conformance server`";
            return Err(Failure::Usage(message.to_owned()));
        }
    };
    let installed = third_party::conformance()?;
    installed.complete()?;
    Ok(test(side, &installed, args)?)
}

/// Tests one side with the suite that was installed.
pub(crate) fn test(side: Side, installed: &Installed, args: &[String]) -> Result<(), String> {
    let subject = Subject::start(side)?;
    if !args.is_empty() {
        return cargo::run(subject.suite(installed).args(args));
    }
    let mut result = Ok(());
    for requirements in REQUIREMENTS {
        say(&format!("\n--- {} {requirements}", side.name()));
        let name = format!("{}-{requirements}", side.name());
        let mut suite = subject.suite(installed);
        suite.args(["--requirements", requirements]);
        suite.arg("--expected-failures").arg(baseline(&name));
        suite.arg("--output-dir").arg(fresh_folder(&name)?);
        let ended = cargo::run(&mut suite);
        result = result.and(ended);
    }
    result
}

/// What is known to fail, with the reasons.
fn baseline(name: &str) -> PathBuf {
    let folder = cargo::root().join("xtask").join("conformance");
    folder.join(format!("{name}.yml"))
}

/// An empty folder for the details of a run.
fn fresh_folder(name: &str) -> Result<PathBuf, String> {
    let folder = cargo::target_directory()?.join("conformance").join(name);
    // It may be the first run.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    Ok(folder)
}

/// What is tested.
enum Subject {
    /// A program that the suite starts once per scenario.
    Client(PathBuf),
    /// A server that runs until this is dropped.
    Server { url: String, process: Child },
}

impl Subject {
    fn start(side: Side) -> Result<Self, String> {
        let target = cargo::target_directory()?.join("debug");
        match side {
            Side::Client => {
                let what = ["--package", "mcp-transport", "--example", "conformance"];
                build(&[&what[..], &["--features", "oauth"]].concat())?;
                Ok(Self::Client(target.join("examples").join("conformance")))
            }
            Side::Server => {
                build(&["--package", "mcp-plugin-db", "--bin", "mcp-db"])?;
                Self::serve(&target.join("mcp-db"))
            }
        }
    }

    fn serve(program: &Path) -> Result<Self, String> {
        let cannot = |why: &str| format!("cannot run `mcp-db serve`: {why}");
        let mut serve = Command::new(program);
        serve.args(["serve", "--http", "127.0.0.1:0"]);
        serve.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = serve.spawn().map_err(|error| cannot(&error.to_string()))?;
        let mut url = String::new();
        // The first thing it says is where it is.
        let said = match process.stdout.take() {
            Some(output) => BufReader::new(output).read_line(&mut url),
            None => Ok(0),
        };
        let subject = Self::Server {
            url: url.trim().to_owned(),
            process,
        };
        match said {
            Ok(0) => Err(cannot("it ended without saying where it serves")),
            Ok(_) => Ok(subject),
            Err(error) => Err(cannot(&error.to_string())),
        }
    }

    /// The suite, told what to test.
    fn suite(&self, installed: &Installed) -> Command {
        let mut suite = Command::new(installed.program("conformance"));
        match self {
            Self::Client(program) => suite.arg("client").arg("--command").arg(program),
            Self::Server { url, .. } => suite.args(["server", "--url", url]),
        };
        suite
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if let Self::Server { process, .. } = self {
            // Fails only if it has ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn build(what: &[&str]) -> Result<(), String> {
    cargo::run(cargo::command().args(["build", "--locked"]).args(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_has_its_baseline() {
        for side in [Side::Client, Side::Server] {
            for requirements in REQUIREMENTS {
                let baseline = baseline(&format!("{}-{requirements}", side.name()));
                let text = fs::read_to_string(&baseline);
                let text = text.unwrap_or_else(|error| panic!("{}: {error}", baseline.display()));
                assert!(text.contains(&format!("{}:", side.name())), "{text}");
            }
        }
    }

    #[test]
    fn each_known_failure_has_its_reason() {
        for file in fs::read_dir(cargo::root().join("xtask/conformance")).unwrap() {
            let file = file.unwrap().path();
            let text = fs::read_to_string(&file).unwrap();
            for line in text.lines().map(str::trim_start) {
                let known = line.starts_with("- ");
                assert!(!known || line.contains(" # "), "{}: {line}", file.display());
            }
        }
    }
}
