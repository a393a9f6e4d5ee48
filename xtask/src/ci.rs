//! `cargo xtask ci`: all that a change must pass, with a summary at the end.

mod summary;
mod toolchain;

use std::time::Instant;

use self::{
    summary::{Outcome, Summary},
    toolchain::Toolchain,
};
use crate::{
    cargo,
    conformance::{self, Side},
    dependencies, say, soak, test,
    third_party::{self, Installed},
    tidy,
    workspace::Workspace,
};

pub(crate) const HELP: &str = "\
Checks all that a change must pass: format, the rules of the house, dependencies and
licences, clippy, each crate alone, tests, documentation, a minute of storm, servers
that others wrote, conformance, the promised Rust version, bans and advisories.

Usage: cargo xtask ci

Every step runs, also after one has failed. A step that cannot run on this machine is
skipped, and the summary says why.
";

type Step = (&'static str, fn(&Workspace) -> Outcome);

/// The quick ones first.
const STEPS: [Step; 14] = [
    ("format", |_| cargo_step(&["fmt", "--all", "--check"])),
    ("tidy", |workspace| tidy::run(workspace).into()),
    ("dependencies", |workspace| {
        dependencies::run(workspace).into()
    }),
    ("clippy", |_| clippy()),
    ("each crate alone", each_crate_alone),
    ("test", |_| test::run(&[]).into()),
    ("docs", |_| docs()),
    ("soak", |_| storm().into()),
    ("third party", |_| {
        with(third_party::servers(), |servers| {
            test::run_third_party(servers, &[])
        })
    }),
    ("client conforms", |_| conforms(Side::Client)),
    ("server conforms", |_| conforms(Side::Server)),
    ("rust version", rust_version),
    ("bans", |_| bans()),
    ("advisories", |_| advisories()),
];

pub(crate) fn run() -> Result<(), String> {
    let workspace = Workspace::load()?;
    let mut summary = Summary::default();
    for (name, step) in STEPS {
        say(&format!("\n=== {name}"));
        let start = now();
        let outcome = step(&workspace);
        if let Outcome::Failed(why) | Outcome::Skipped(why) = &outcome {
            say(&format!("{name}: {why}"));
        }
        summary.add(name, outcome, start.elapsed());
    }
    say(&format!("\n=== summary\n{summary}"));
    summary.verdict()
}

#[expect(clippy::disallowed_methods, reason = "a program that waits for others")]
fn now() -> Instant {
    Instant::now()
}

fn cargo_step(args: &[&str]) -> Outcome {
    cargo::run(cargo::command().args(args)).into()
}

fn storm() -> Result<(), String> {
    cargo::run(&mut soak::command(&[])?)
}

fn clippy() -> Outcome {
    let what = ["clippy", "--locked", "--workspace", "--all-targets"];
    cargo_step(&[&what[..], &["--", "--deny", "warnings"]].concat())
}

/// Each library with nothing but what it asks for itself, and with each of its
/// features alone: in the workspace, what one crate asks for would hide what
/// another one lacks.
fn each_crate_alone(workspace: &Workspace) -> Outcome {
    let mut result = Ok(());
    for library in workspace.libraries() {
        for features in feature_sets(&library.features) {
            let mut clippy = cargo::command();
            clippy.args(["clippy", "--locked", "--package", &library.name]);
            clippy.args(features).args(["--", "--deny", "warnings"]);
            let ended = cargo::run(&mut clippy);
            result = result.and(ended);
        }
    }
    result.into()
}

/// The arguments for the default, for no feature, and for each alone.
fn feature_sets(features: &[String]) -> Vec<Vec<&str>> {
    let mut sets = vec![vec![]];
    if !features.is_empty() {
        sets.push(vec!["--no-default-features"]);
    }
    for feature in features.iter().filter(|feature| *feature != "default") {
        sets.push(vec!["--no-default-features", "--features", feature]);
    }
    sets
}

/// What those see who change a crate, and then what those see who use it.
fn docs() -> Outcome {
    let doc = |args: &[&str], flags| {
        let mut doc = cargo::command();
        doc.args(["doc", "--locked", "--workspace", "--no-deps"]);
        cargo::run(doc.args(args).env("RUSTDOCFLAGS", flags))
    };
    let inside = "--deny warnings --allow rustdoc::private_intra_doc_links";
    let inside = doc(&["--document-private-items"], inside);
    let outside = doc(&[], "--deny warnings");
    inside.and(outside).into()
}

fn conforms(side: Side) -> Outcome {
    with(third_party::conformance(), |suite| {
        suite.complete()?;
        conformance::test(side, suite, &[])
    })
}

/// Does this with what could be installed. Where that is nothing, npm and PyPI are
/// out of reach, or there is no Python to begin with.
fn with(
    installed: Result<Installed, String>,
    act: impl FnOnce(&Installed) -> Result<(), String>,
) -> Outcome {
    match installed {
        Ok(installed) if installed.is_empty() => {
            let why = installed.complete().err().unwrap_or_default();
            Outcome::Skipped(why)
        }
        Ok(installed) => act(&installed).into(),
        Err(why) => Outcome::Failed(why),
    }
}

/// With the oldest Rust that we promise to work with.
fn rust_version(workspace: &Workspace) -> Outcome {
    let promised = match workspace.rust_version() {
        Ok(promised) => promised,
        Err(error) => return Outcome::Failed(error),
    };
    match toolchain::find(promised) {
        Toolchain::Current => Outcome::Passed,
        Toolchain::Installed(name) => {
            let mut check = cargo::at_root("rustup");
            check.args(["run", &name, "cargo", "check", "--locked", "--workspace"]);
            // Apart: two compilers would throw out each other's work.
            check.args(["--target-dir", "target/rust-version"]);
            cargo::run(check.env_remove("RUSTC").env_remove("RUSTDOC")).into()
        }
        Toolchain::Missing(why) => Outcome::Skipped(why),
    }
}

/// What deny.toml says of everything but advisories: this needs no network.
fn bans() -> Outcome {
    if !cargo::has("deny") {
        return Outcome::Skipped(format!("{NO_DENY}; licences, sources: see dependencies"));
    }
    let deny = ["deny", "--offline", "check", "--hide-inclusion-graph"];
    cargo_step(&[&deny[..], &["bans", "licenses", "sources"]].concat())
}

/// Known vulnerabilities. The database is fetched, which not every machine can do.
fn advisories() -> Outcome {
    if !cargo::has("deny") {
        return Outcome::Skipped(NO_DENY.to_owned());
    }
    if let Err(error) = cargo::run(cargo::command().args(["deny", "fetch", "db"])) {
        return Outcome::Skipped(format!("the RustSec database is out of reach: {error}"));
    }
    let deny = ["deny", "check", "--disable-fetch", "--hide-inclusion-graph"];
    cargo_step(&[&deny[..], &["advisories"]].concat())
}

const NO_DENY: &str = "cargo-deny is not installed";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_checked_by_default_bare_and_with_each_feature() {
        assert_eq!(feature_sets(&[]), [vec![""; 0]]);
        let features = ["a", "default", "b"].map(str::to_owned);
        let sets: Vec<_> = feature_sets(&features)
            .iter()
            .map(|set| set.join(" "))
            .collect();
        let with = |feature: &str| format!("--no-default-features --features {feature}");
        let expected = [
            String::new(),
            "--no-default-features".to_owned(),
            with("a"),
            with("b"),
        ];
        assert_eq!(sets, expected);
    }
}
