//! `cargo xtask test`: all tests.

use crate::{
    cargo, say,
    third_party::{self, Installed},
    workspace::Workspace,
};

pub(crate) const HELP: &str = "\
Runs all tests of the workspace: with nextest if it is installed, else with
cargo test; then the benchmarks, once each, and the doctests.

Usage: cargo xtask test [ARGUMENTS]

Arguments go to nextest or cargo test, and narrow the run: doctests then run only
where whole packages are picked, benchmarks not at all.

  cargo xtask test -p mcp-pool        all tests and doctests of one package
  cargo xtask test half_open          tests whose name has these words
  cargo xtask test -- --nocapture     what the tests print

With --third-party as the first argument, the tests against servers that others wrote
run instead: those in a module `third_party`. The servers are installed into
target/third-party unless they are there, from PyPI and npm, with the versions of
xtask/third-party, and one is built from crates.io, which takes some minutes;
MCP_THIRD_PARTY names the folder to the tests. Needs Python 3 with venv. Where Debian's
postgresql or mariadb-server-core and mariadb-client-core are not installed, and CI is
not set, what is tested on them is left out.

  cargo xtask test --third-party                all of them
  cargo xtask test --third-party -p mcp-pool    those of one package
";

/// How the tests against servers of others are told apart: by their module.
const OTHERS: &str = "third_party::";

/// Runs all of them, also after a failure, and says what failed.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    if let Some((first, args)) = args.split_first()
        && first == "--third-party"
    {
        return run_third_party(&third_party::servers()?, args);
    }
    let nextest = cargo::has("nextest");
    if !nextest {
        say("nextest is not installed: running the tests with cargo test");
    }
    let workspace = Workspace::load()?;
    let has_library = |name: &str| {
        let mut members = workspace.members();
        members.any(|member| member.name == name && member.has_library)
    };
    let mut result = Ok(());
    for run in plan(args, nextest, has_library) {
        let mut command = cargo::command();
        let ended = cargo::run(command.args(&run));
        result = result.and(ended);
    }
    result
}

/// Runs the tests against these servers of others. What could not be installed fails
/// the run, and not before the rest has been tested.
pub(crate) fn run_third_party(installed: &Installed, args: &[String]) -> Result<(), String> {
    let mut tests = cargo::command();
    tests.args(plan_third_party(args, cargo::has("nextest")));
    tests.env(third_party::VARIABLE, &installed.folder);
    let tested = cargo::run(&mut tests);
    let complete = installed.complete();
    tested.and(complete)
}

/// The run of cargo for the tests against servers of others.
fn plan_third_party(args: &[String], nextest: bool) -> Vec<String> {
    let wanted = Wanted::new(args);
    let mut tests = words(if nextest { "nextest run" } else { "test" });
    tests.extend(words("--locked --no-fail-fast"));
    if wanted.packages.is_empty() {
        tests.push("--workspace".to_owned());
    }
    if nextest {
        // Else they are left out: see .config/nextest.toml.
        tests.extend(words("--ignore-default-filter --filterset"));
        tests.push(format!("test({OTHERS})"));
    } else {
        tests.push("--tests".to_owned());
    }
    tests.extend(wanted.before.iter().cloned());
    let mut after = wanted.after.to_vec();
    if !nextest {
        // Beside a name among the arguments: tests of either name run.
        after.extend([OTHERS, "--test-threads=1"].map(str::to_owned));
    }
    if !after.is_empty() {
        tests.push("--".to_owned());
        tests.extend(after);
    }
    tests
}

/// The runs of cargo that these arguments ask for.
fn plan(args: &[String], nextest: bool, has_library: impl Fn(&str) -> bool) -> Vec<Vec<String>> {
    let wanted = Wanted::new(args);
    let mut tests = words(if nextest { "nextest run" } else { "test" });
    tests.extend(words("--locked --no-fail-fast"));
    if wanted.packages.is_empty() {
        tests.push("--workspace".to_owned());
    }
    if !nextest {
        // Not the doctests: they have a run of their own.
        tests.extend(words("--lib --bins --tests --examples"));
    }
    tests.extend(wanted.before.iter().cloned());
    let mut after = wanted.after.to_vec();
    if !nextest {
        // Some tests count the processes and sockets of their own process, which
        // they have to themselves only one after another.
        after.push("--test-threads=1".to_owned());
    }
    if !after.is_empty() {
        tests.push("--".to_owned());
        tests.extend(after);
    }
    let mut runs = Vec::new();
    if !nextest {
        // `--examples` builds them as tests, not as the programs that some tests start.
        let mut examples = words("build --locked --examples");
        for name in &wanted.packages {
            examples.extend(["--package", *name].map(str::to_owned));
        }
        if wanted.packages.is_empty() {
            examples.push("--workspace".to_owned());
        }
        runs.push(examples);
    }
    runs.push(tests);
    let mut doctests = words("test --locked --no-fail-fast --doc");
    if args.is_empty() {
        // A benchmark that runs once is a test that it still does.
        runs.push(words("test --locked --package mcp-bench --benches"));
        doctests.push("--workspace".to_owned());
        runs.push(doctests);
    } else if wanted.only_packages {
        let documented = wanted.packages.into_iter().filter(|name| has_library(name));
        let documented: Vec<_> = documented.collect();
        if !documented.is_empty() {
            for name in documented {
                doctests.extend(["--package".to_owned(), name.to_owned()]);
            }
            runs.push(doctests);
        }
    }
    runs
}

/// What the arguments pick.
struct Wanted<'a> {
    packages: Vec<&'a str>,
    /// Nothing but packages is picked.
    only_packages: bool,
    /// The arguments before `--`.
    before: &'a [String],
    /// Those after it.
    after: &'a [String],
}

impl<'a> Wanted<'a> {
    fn new(args: &'a [String]) -> Self {
        let dashes = args.iter().position(|arg| arg == "--");
        let (before, after) = match dashes {
            Some(at) => (&args[..at], &args[at + 1..]),
            None => (args, &[][..]),
        };
        let mut packages = Vec::new();
        let mut only_packages = dashes.is_none();
        let mut words = before.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let package = match word {
                "-p" | "--package" => words.next(),
                _ => word.strip_prefix("--package="),
            };
            match package {
                Some(package) => packages.push(package),
                None => only_packages = false,
            }
        }
        Self {
            packages,
            only_packages,
            before,
            after,
        }
    }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All packages but xtask have a library.
    #[track_caller]
    fn check(args: &str, nextest: bool, expected: &[&str]) {
        let runs = plan(&words(args), nextest, |name| name != "xtask");
        let runs: Vec<_> = runs.iter().map(|run| run.join(" ")).collect();
        assert_eq!(runs, expected);
    }

    #[test]
    fn without_arguments_everything_runs() {
        let all = [
            "nextest run --locked --no-fail-fast --workspace",
            "test --locked --package mcp-bench --benches",
            "test --locked --no-fail-fast --doc --workspace",
        ];
        check("", true, &all);
        let plain = "test --locked --no-fail-fast --workspace --lib --bins --tests --examples -- --test-threads=1";
        let examples = "build --locked --examples --workspace";
        check("", false, &[examples, plain, all[1], all[2]]);
    }

    #[test]
    fn tests_against_servers_of_others_are_picked_by_their_module() {
        let plan = |args: &str, nextest| plan_third_party(&words(args), nextest).join(" ");
        assert_eq!(
            plan("-p mcp-pool dbhub -- --nocapture", true),
            "nextest run --locked --no-fail-fast --ignore-default-filter --filterset \
             test(third_party::) -p mcp-pool dbhub -- --nocapture"
        );
        assert_eq!(
            plan("", false),
            "test --locked --no-fail-fast --workspace --tests -- third_party:: --test-threads=1"
        );
    }

    #[test]
    fn a_package_brings_its_doctests() {
        let runs = [
            "nextest run --locked --no-fail-fast -p mcp-pool --package=xtask",
            "test --locked --no-fail-fast --doc --package mcp-pool",
        ];
        check("-p mcp-pool --package=xtask", true, &runs);
        check(
            "-p xtask",
            true,
            &["nextest run --locked --no-fail-fast -p xtask"],
        );
    }

    #[test]
    fn a_filter_leaves_the_rest_out() {
        let run = "nextest run --locked --no-fail-fast --workspace half_open";
        check("half_open", true, &[run]);
        let run = "nextest run --locked --no-fail-fast -p mcp-pool half_open";
        check("-p mcp-pool half_open", true, &[run]);
    }

    #[test]
    fn what_stands_after_two_dashes_reaches_the_tests() {
        let run = "nextest run --locked --no-fail-fast --workspace -- --nocapture";
        check("-- --nocapture", true, &[run]);
        let run = "test --locked --no-fail-fast --lib --bins --tests --examples -p a half -- --nocapture --test-threads=1";
        let examples = "build --locked --examples --package a";
        check("-p a half -- --nocapture", false, &[examples, run]);
    }
}
