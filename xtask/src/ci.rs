//! `cargo xtask ci`: all that a change must pass, with a summary at the end.

use std::time::{Duration, Instant};

use crate::{cargo, licences, say, test, tidy};

/// How a step went.
enum Outcome {
    Failed(String),
    Passed,
    /// It could not be run here, for this reason.
    Skipped(String),
}

type Step = (&'static str, fn() -> Outcome);

const STEPS: [Step; 8] = [
    ("format", || cargo_step(&["fmt", "--all", "--check"])),
    ("tidy", || outcome(tidy::run())),
    ("licences", || outcome(licences::run())),
    ("clippy", || {
        cargo_step(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ])
    }),
    ("each crate alone", each_crate_alone),
    ("test", || outcome(test::run(&[]))),
    ("docs", docs),
    ("advisories", advisories),
];

pub(crate) fn run() -> Result<(), String> {
    let mut results = Vec::new();
    for (name, step) in STEPS {
        say(&format!("\n=== {name}"));
        let start = now();
        results.push((name, step(), start.elapsed()));
    }
    summarise(&results)
}

#[expect(clippy::disallowed_methods, reason = "a program that waits for others")]
fn now() -> Instant {
    Instant::now()
}

fn summarise(results: &[(&str, Outcome, Duration)]) -> Result<(), String> {
    say("\n=== summary");
    let mut failed = Vec::new();
    for (name, outcome, took) in results {
        let seconds = took.as_secs_f64();
        let line = match outcome {
            Outcome::Failed(why) => {
                failed.push(*name);
                format!("FAILED   {name:18} {seconds:6.1} s  {why}")
            }
            Outcome::Passed => format!("passed   {name:18} {seconds:6.1} s"),
            Outcome::Skipped(why) => format!("skipped  {name:18} {seconds:6.1} s  {why}"),
        };
        say(&line);
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("failed: {}", failed.join(", ")))
    }
}

fn outcome(result: Result<(), String>) -> Outcome {
    match result {
        Ok(()) => Outcome::Passed,
        Err(message) => {
            say(&message);
            Outcome::Failed(message.lines().next().unwrap_or_default().to_owned())
        }
    }
}

fn cargo_step(args: &[&str]) -> Outcome {
    outcome(cargo::run(cargo::command().args(args)))
}

/// Each library with nothing but what it asks for itself: in the workspace, one
/// crate's features would hide what another one lacks.
fn each_crate_alone() -> Outcome {
    let libraries = [
        "mcp-domain",
        "mcp-breaker",
        "mcp-pool",
        "mcp-transport",
        "mcp-server-db",
    ];
    let alone = libraries
        .iter()
        .map(|name| vec!["check", "--locked", "--package", name]);
    let plugin = vec![
        "check",
        "--locked",
        "--package",
        "mcp-plugin-db",
        "--no-default-features",
    ];
    for args in alone.chain([plugin]) {
        if let Err(message) = cargo::run(cargo::command().args(args)) {
            return Outcome::Failed(message);
        }
    }
    Outcome::Passed
}

fn docs() -> Outcome {
    let mut doc = cargo::command();
    doc.args([
        "doc",
        "--workspace",
        "--no-deps",
        "--locked",
        "--document-private-items",
    ]);
    doc.env(
        "RUSTDOCFLAGS",
        "-D warnings -A rustdoc::private_intra_doc_links",
    );
    outcome(cargo::run(&mut doc))
}

/// Known vulnerabilities. The database is fetched, which not every machine can do.
fn advisories() -> Outcome {
    if !cargo::has("deny") {
        let why = "cargo-deny is not installed (`cargo install --locked cargo-deny`)";
        return Outcome::Skipped(why.to_owned());
    }
    let fetched = cargo::run(cargo::command().args(["deny", "fetch", "db"]));
    if fetched.is_err() {
        return Outcome::Skipped("the RustSec database cannot be reached from here".to_owned());
    }
    cargo_step(&["deny", "check", "advisories", "bans", "licenses", "sources"])
}
