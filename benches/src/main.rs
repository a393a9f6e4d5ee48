//! Measures what the pool saves, on real sessions with real servers.
//!
//! Every figure is measured in this run: nothing is assumed, and every call is
//! checked for having done its work. What is compared runs by turns, so that
//! whatever else the machine does hits all alike.

mod agent;
mod bare;
mod bench;
mod burst;
mod compare;
mod connection;
mod crowd;
mod echo;
mod foreign;
mod growth;
mod interrupt;
mod limit;
mod load;
mod machine;
mod operations;
mod parts;
mod peers;
mod plot;
mod process;
mod progress;
mod regimes;
mod relay;
mod report;
mod sample;
mod section;
mod serial;
mod servers;
mod soak;
mod startup;
mod turns;
mod words;
mod work;
mod workers;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};
use mcp_domain::{Error, ErrorKind};
use serde_json::Value;
use tokio::time::Instant;

use self::{
    bench::{Bench, Effort},
    compare::Base,
    foreign::Call,
    machine::Machine,
    progress::Progress,
    report::Report,
    section::Section,
    servers::Servers,
};

/// Measures what the pool saves, on real sessions with real servers.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask bench",
    override_usage = "cargo xtask bench [OPTIONS]",
    disable_help_subcommand = true,
    subcommand_negates_reqs = true
)]
struct Args {
    /// A tenth of the samples at most: takes about 30 seconds instead of 5 minutes.
    #[arg(long)]
    quick: bool,

    /// Measure only these.
    #[arg(long, value_enum, value_name = "TABLE", value_delimiter = ',')]
    only: Vec<Part>,

    /// Measure everything: what is measured by default, the parts, the peers, and servers of others.
    #[arg(long, conflicts_with_all = ["only", "server"])]
    all: bool,

    /// Measure clients of others beside ours, and nothing else. Installs them from PyPI.
    #[arg(long)]
    peers: bool,

    /// Measure servers of others, and nothing else. Installs them from npm and PyPI,
    /// and builds one from crates.io, which takes some minutes.
    #[arg(long)]
    third_party: bool,

    /// Measure the parts, such as a checkout or the breaker, and nothing else.
    #[arg(long)]
    parts: bool,

    /// Measure this server, and nothing else: a URL, a command line, or an entry of an
    /// mcpServers file as FILE.json#NAME.
    #[arg(long, value_name = "URL|COMMAND|FILE#NAME")]
    server: Option<String>,

    /// The tool of that server to call. Without one, its tools are listed.
    #[arg(long, value_name = "TOOL", requires = "server")]
    call: Option<String>,

    /// The tool's arguments, as JSON.
    #[arg(
        long,
        value_name = "JSON",
        requires = "call",
        default_value = "{}",
        value_parser = json
    )]
    arguments: Value,

    /// What must be in the tool's answer.
    #[arg(long, value_name = "TEXT", requires = "call", default_value = "")]
    expect: String,

    /// The round trip of the longer way, such as 25ms or 0.5s, instead of those that
    /// bring a connect to what the case studies had.
    #[arg(long, value_name = "TIME", value_parser = time)]
    rtt: Option<Duration>,

    /// Also write one page with drawings, for a browser.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Also write README.md with drawings into this folder.
    #[arg(long, value_name = "FOLDER")]
    markdown: Option<PathBuf>,

    /// Also write the figures to this file, for programs.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Compare with the figures of earlier runs on the same machine, as written by --json.
    /// Several tell noise better than one.
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    compare: Vec<PathBuf>,

    /// Where servers of others are installed; `cargo xtask bench` fills it in.
    #[arg(long, value_name = "FOLDER", env = "MCP_THIRD_PARTY", hide = true)]
    installed: Option<PathBuf>,

    /// A benchmark of a part; `cargo xtask bench` fills it in.
    #[arg(long, value_name = "NAME=PROGRAM", hide = true)]
    part: Vec<parts::Part>,

    /// The program that serves the database; `cargo xtask bench` fills it in.
    #[arg(long, value_name = "PROGRAM", required = true, hide = true)]
    mcp_db: Option<PathBuf>,

    #[command(subcommand)]
    process: Option<OtherProcess>,
}

/// What this program does as a process of its own, for measurements that need one.
#[derive(Debug, Subcommand)]
enum OtherProcess {
    #[command(hide = true)]
    Client(peers::ours::Args),
    #[command(hide = true)]
    Echo(echo::Args),
    #[command(hide = true)]
    Growth(growth::Args),
    #[command(hide = true)]
    Serial,
    /// Storms on for minutes or hours, and looks for what is left behind: `cargo xtask soak`.
    #[command(hide = true)]
    Soak(soak::Args),
}

/// What can be measured, in the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Part {
    /// Until a usable connection is in hand.
    Connection,
    /// Whole operations of the database plugin.
    Operations,
    /// What 1 to 256 callers at once get.
    Workers,
    /// What many requests leave behind.
    Growth,
    /// Building, warming and closing a pool.
    Startup,
    /// Everybody at once, and nothing is open yet.
    Burst,
    /// An agent's session, alone and among ten.
    Agent,
    /// Calls that are due at a given rate.
    Load,
    /// Slow calls beside fast ones; not with --quick.
    Serial,
    /// The same on a longer way, and the case studies.
    Regimes,
    /// A bare echo, and the bare SDK.
    Limit,
    /// As --parts.
    Parts,
    /// As --peers.
    Peers,
    /// As --third-party.
    ThirdParty,
    #[value(skip)]
    Server,
}

impl Part {
    async fn measure(self, bench: &Bench) -> Result<Vec<Section>, Error> {
        match self {
            Self::Connection => connection::measure(bench).await,
            Self::Operations => operations::measure(bench).await,
            Self::Workers => workers::measure(bench).await,
            Self::Growth => growth::measure(bench).await,
            Self::Startup => startup::measure(bench).await,
            Self::Burst => burst::measure(bench).await,
            Self::Agent => agent::measure(bench).await,
            Self::Load => load::measure(bench).await,
            Self::Serial => serial::measure(bench).await,
            Self::Regimes => regimes::measure(bench).await,
            Self::Limit => limit::measure(bench).await,
            Self::Parts => parts::measure(bench).await,
            Self::Peers => peers::measure(bench).await,
            Self::ThirdParty => match &bench.third_party {
                Some(folder) => foreign::third_party(bench, folder).await,
                None => {
                    let message =
                        "servers of others are installed by `cargo xtask bench --third-party`";
                    Err(Error::new(ErrorKind::InvalidInput, message))
                }
            },
            Self::Server => match &bench.named {
                Some((target, call)) => foreign::named(bench, target, call.clone()).await,
                None => Ok(Vec::new()),
            },
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.process {
        Some(OtherProcess::Client(args)) => peers::ours::serve(args).await,
        Some(OtherProcess::Echo(args)) => echo::serve(&args),
        Some(OtherProcess::Growth(args)) => interrupt::quietly(growth::grow(args)).await,
        Some(OtherProcess::Serial) => serial::serve(),
        Some(OtherProcess::Soak(args)) => interrupt::or(soak::soak(args)).await,
        None => interrupt::or(run(&args)).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a program speaks to its user")]
            {
                eprintln!("bench: {}", error.chain());
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), Error> {
    let parts = args.parts();
    // Before minutes are spent.
    args.check(&parts)?;
    let machine = Machine::this();
    let base = Base::read(&args.compare, &machine)?;
    let start = Instant::now();
    // Without it, the arguments would have been refused.
    let program = args.mcp_db.clone().unwrap_or_default();
    let bench = Bench {
        servers: Servers::start(&program).await?,
        effort: Effort { quick: args.quick },
        progress: Progress::new(),
        rtt: args.rtt,
        parts: args.part.clone(),
        third_party: args.installed.clone(),
        named: args.server.clone().map(|server| (server, args.call())),
    };
    let sections = measure(&bench, &parts).await;
    let took = start.elapsed();
    bench.progress.end();
    // Before anything is reported: a server that could not be ended is no success.
    bench.servers.stop().await?;
    let mut sections = sections?;
    if let Some(base) = base {
        sections.insert(0, base.compare(&sections));
    }
    let report = Report::new(machine, args.quick, took, sections);
    report.print();
    args.write(&report)
}

impl Args {
    /// What is measured, in the order of the report.
    fn parts(&self) -> Vec<Part> {
        let mut parts = self.only.clone();
        let named = [
            (self.parts || self.all, Part::Parts),
            (self.peers || self.all, Part::Peers),
            (self.third_party || self.all, Part::ThirdParty),
            (self.server.is_some(), Part::Server),
        ];
        let named = named.into_iter().filter(|(named, _)| *named);
        parts.extend(named.map(|(_, part)| part));
        if parts.is_empty() || self.all {
            let by_default = |part: &&Part| *part < &Part::Parts;
            parts.extend(Part::value_variants().iter().filter(by_default));
        }
        parts.sort_unstable();
        parts.dedup();
        parts
    }

    /// Refuses what would be in vain.
    fn check(&self, parts: &[Part]) -> Result<(), Error> {
        if self.rtt.is_some() && !parts.contains(&Part::Regimes) {
            let message = "`--rtt` is for the table `regimes`, which is not among those that are to be measured";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let files = [&self.json, &self.html];
        files
            .into_iter()
            .flatten()
            .try_for_each(|file| report::can_write(file))?;
        self.markdown
            .iter()
            .try_for_each(|folder| report::can_write_into(folder))
    }

    /// Writes every report that is asked for; one that cannot be written keeps none of the
    /// others from it.
    fn write(&self, report: &Report) -> Result<(), Error> {
        let json = self.json.iter().map(|file| report.write_json(file));
        let html = self.html.iter().map(|file| report.write_html(file));
        let markdown = self.markdown.iter().map(|file| report.write_markdown(file));
        let written: Vec<_> = json.chain(html).chain(markdown).collect();
        written.into_iter().collect()
    }

    /// What the named server is asked.
    fn call(&self) -> Call {
        match &self.call {
            None => Call::ListTools,
            Some(name) => Call::Tool {
                name: name.clone(),
                arguments: self.arguments.clone(),
                expected: self.expect.clone(),
            },
        }
    }
}

/// Said of what was measured while something else was.
const BESIDE: &str = "`--quick`: measured while the other tables were, so that all of them took the machine from one another. Without it they are measured one after the other.";

async fn measure(bench: &Bench, parts: &[Part]) -> Result<Vec<Section>, Error> {
    // Whoever is in a hurry has the longer ways waited for while the rest is measured:
    // they hardly need the machine.
    let is_beside = |part: &Part| bench.effort.quick && *part == Part::Regimes;
    let (beside, others): (Vec<_>, Vec<_>) = parts.iter().copied().partition(is_beside);
    let (mut measured, others) = tokio::try_join!(
        Box::pin(one_by_one(bench, beside)),
        Box::pin(one_by_one(bench, others)),
    )?;
    if !others.is_empty() {
        let beside = measured.iter_mut().flat_map(|(_, sections)| sections);
        beside.for_each(|section| section.remarks.push(BESIDE.to_owned()));
    }
    measured.extend(others);
    measured.sort_by_key(|(part, _)| *part);
    Ok(measured
        .into_iter()
        .flat_map(|(_, sections)| sections)
        .collect())
}

async fn one_by_one(bench: &Bench, parts: Vec<Part>) -> Result<Vec<(Part, Vec<Section>)>, Error> {
    let mut measured = Vec::new();
    for part in parts {
        measured.push((part, Box::pin(part.measure(bench)).await?));
    }
    Ok(measured)
}

/// With more, a connect would take longer than it may.
const LONGEST_TRIP: Duration = Duration::from_secs(10);

/// A tool's arguments.
fn json(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text)
}

/// A time with its unit.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time such as 25ms or 0.5s");
    let (figure, unit) = match text.strip_suffix("ms") {
        Some(figure) => (figure, 1e-3),
        None => (text.strip_suffix('s').ok_or_else(wrong)?, 1.0),
    };
    let seconds: f64 = figure.trim().parse().map_err(|_| wrong())?;
    let time = Duration::try_from_secs_f64(seconds * unit).map_err(|_| wrong())?;
    if time > LONGEST_TRIP {
        return Err(format!(
            "`{text}` is too long: a connect takes several round trips, so that 10s is the most"
        ));
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(time("25ms"), Ok(Duration::from_millis(25)));
        assert_eq!(time("0.5s"), Ok(Duration::from_millis(500)));
        for wrong in ["25", "ms", "-1s", "1e300s", "nans", "11s"] {
            assert!(time(wrong).unwrap_err().contains(wrong));
        }
    }

    #[track_caller]
    fn check(args: &[&str]) -> Result<(), Error> {
        let args = Args::parse_from([&["bench", "--mcp-db", "mcp-db"], args].concat());
        args.check(&args.parts())
    }

    #[test]
    fn a_round_trip_that_nothing_would_have_is_refused() {
        assert!(check(&["--rtt", "25ms"]).is_ok());
        assert!(check(&["--rtt", "25ms", "--only", "regimes,load"]).is_ok());
        let refused = check(&["--rtt", "25ms", "--only", "load"]).unwrap_err();
        assert!(refused.to_string().contains("`regimes`"), "{refused}");
    }

    #[test]
    fn a_report_that_cannot_be_written_is_refused_before_anything_is_measured() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("taken");
        std::fs::write(&file, "kept").unwrap();
        let new = folder.path().join("new");
        let missing = folder.path().join("missing").join("report");
        for option in ["--json", "--html"] {
            let at = |path: &std::path::Path| check(&[option, path.to_str().unwrap()]);
            assert!(at(&file).is_ok() && at(&new).is_ok());
            let refused = at(&missing).unwrap_err();
            assert!(refused.to_string().contains("cannot write"), "{refused}");
        }
        assert!(check(&["--markdown", file.to_str().unwrap()]).is_err());
        // It was only asked.
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
        assert!(!new.exists());
    }

    #[test]
    fn a_report_that_cannot_be_written_keeps_no_other_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let html = path("report.html");
        let missing = path("gone/report.json");
        let args = ["--html", &html, "--json", &missing];
        let args = Args::parse_from([&["bench", "--mcp-db", "mcp-db"], &args[..]].concat());
        let report = Report::new(Machine::this(), true, Duration::ZERO, Vec::new());
        let failed = args.write(&report).unwrap_err();
        assert!(failed.to_string().contains("report.json"), "{failed}");
        assert!(std::fs::read_to_string(html).unwrap().contains("--quick"));
    }

    #[test]
    fn help_is_for_whoever_types_it() {
        let help = <Args as clap::CommandFactory>::command().render_long_help();
        let help = help.to_string();
        assert!(
            help.contains("Usage: cargo xtask bench [OPTIONS]\n"),
            "{help}"
        );
        for hidden in ["--mcp-db", "--part ", "--installed", "soak"] {
            assert!(!help.contains(hidden), "{hidden}: {help}");
        }
        // What each table tells, beside its name.
        for part in Part::value_variants() {
            let value = part.to_possible_value();
            assert!(
                value.is_none_or(|value| value.get_help().is_some()),
                "{part:?}"
            );
        }
    }

    #[test]
    fn what_must_be_installed_is_measured_on_request_only() {
        let parts = |args: &[&str]| {
            let args = [&["bench", "--mcp-db", "mcp-db"], args].concat();
            Args::parse_from(args).parts()
        };
        assert!(!parts(&[]).contains(&Part::Peers));
        assert_eq!(parts(&["--peers"]), [Part::Peers]);
        assert_eq!(parts(&["--parts"]), [Part::Parts]);
        let server = parts(&["--server", "http://127.0.0.1:1/mcp", "--third-party"]);
        assert_eq!(server, [Part::ThirdParty, Part::Server]);
        assert_eq!(parts(&["--all"]).len(), Part::value_variants().len());
        assert_eq!(parts(&["--only", "agent,load"]), [Part::Agent, Part::Load]);
    }
}
