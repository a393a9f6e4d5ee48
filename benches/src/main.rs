//! Measures what the pool saves, on real sessions with real servers.
//!
//! Every figure is measured in this run: nothing is assumed, and every call is
//! checked for having done its work. What is compared runs by turns, so that
//! whatever else the machine does hits all alike.

mod agent;
mod bare;
mod bench;
mod burst;
mod connection;
mod crowd;
mod echo;
mod growth;
mod limit;
mod load;
mod machine;
mod operations;
mod peers;
mod plot;
mod process;
mod progress;
mod regimes;
mod relay;
mod report;
mod sample;
mod section;
mod servers;
mod startup;
mod words;
mod work;
mod workers;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};
use mcp_domain::Error;

use self::{
    bench::{Bench, Effort},
    machine::Machine,
    progress::Progress,
    report::Report,
    section::Section,
    servers::Servers,
};

/// Measures what the pool saves, on real sessions with real servers.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", subcommand_negates_reqs = true)]
struct Args {
    /// Fewer samples: ends within 30 seconds.
    #[arg(long)]
    quick: bool,

    /// Measure only these.
    #[arg(long, value_enum, value_name = "TABLE", value_delimiter = ',')]
    only: Vec<Part>,

    /// Measure clients of others beside ours, and nothing else. Installs them from PyPI.
    #[arg(long, conflicts_with = "only")]
    peers: bool,

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

    /// The program that serves the database; `cargo xtask bench` fills it in.
    #[arg(long, value_name = "PROGRAM", required = true)]
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
}

/// What can be measured, in the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Connection,
    Operations,
    Workers,
    Growth,
    Startup,
    Burst,
    Agent,
    Load,
    Regimes,
    Limit,
    /// Only on request: they have to be installed.
    Peers,
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
            Self::Regimes => regimes::measure(bench).await,
            Self::Limit => limit::measure(bench).await,
            Self::Peers => peers::measure(bench).await,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.process {
        Some(OtherProcess::Client(args)) => peers::ours::serve(args).await,
        Some(OtherProcess::Echo(args)) => echo::serve(&args),
        Some(OtherProcess::Growth(args)) => growth::grow(args).await,
        None => run(&args).await,
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
    let machine = Machine::this();
    // Without it, the arguments would have been refused.
    let program = args.mcp_db.clone().unwrap_or_default();
    let bench = Bench {
        servers: Servers::start(&program).await?,
        effort: Effort { quick: args.quick },
        progress: Progress::new(),
        rtt: args.rtt,
    };
    let sections = measure(&bench, &args.parts()).await;
    bench.progress.end();
    // Before anything is reported: a server that could not be ended is no success.
    bench.servers.stop().await?;
    let report = Report::new(machine, sections?);
    report.print();
    if let Some(file) = &args.json {
        report.write_json(file)?;
    }
    if let Some(file) = &args.html {
        report.write_html(file)?;
    }
    if let Some(folder) = &args.markdown {
        report.write_markdown(folder)?;
    }
    Ok(())
}

impl Args {
    /// What is measured, in the order of the report.
    fn parts(&self) -> Vec<Part> {
        if self.peers {
            return vec![Part::Peers];
        }
        let wanted = |part: &&Part| match self.only.as_slice() {
            [] => **part != Part::Peers,
            only => only.contains(*part),
        };
        Part::value_variants()
            .iter()
            .filter(wanted)
            .copied()
            .collect()
    }
}

async fn measure(bench: &Bench, parts: &[Part]) -> Result<Vec<Section>, Error> {
    let mut sections = Vec::new();
    for part in parts {
        sections.extend(Box::pin(part.measure(bench)).await?);
    }
    Ok(sections)
}

/// A time with its unit.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time such as 25ms or 0.5s");
    let (figure, unit) = match text.strip_suffix("ms") {
        Some(figure) => (figure, 1e-3),
        None => (text.strip_suffix('s').ok_or_else(wrong)?, 1.0),
    };
    let seconds: f64 = figure.trim().parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(seconds * unit).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(time("25ms"), Ok(Duration::from_millis(25)));
        assert_eq!(time("0.5s"), Ok(Duration::from_millis(500)));
        for wrong in ["25", "ms", "-1s", "1e300s"] {
            assert!(time(wrong).unwrap_err().contains(wrong));
        }
    }

    #[test]
    fn peers_are_measured_on_request_only() {
        let parts = |args: &[&str]| {
            let args = [&["bench", "--mcp-db", "mcp-db"], args].concat();
            Args::parse_from(args).parts()
        };
        assert!(!parts(&[]).contains(&Part::Peers));
        assert_eq!(parts(&["--peers"]), [Part::Peers]);
        assert_eq!(parts(&["--only", "agent,load"]), [Part::Agent, Part::Load]);
    }
}
