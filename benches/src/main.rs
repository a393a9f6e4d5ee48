//! Measures what the pool saves, on real sessions with real servers.
//!
//! Every figure is measured in this run: nothing is assumed, and every call is
//! checked for having done its work. What is compared runs by turns, so that
//! whatever else the machine does hits all alike.

mod agent;
mod bench;
mod burst;
mod connection;
mod crowd;
mod growth;
mod machine;
mod operations;
mod process;
mod progress;
mod report;
mod sample;
mod section;
mod servers;
mod startup;
mod words;
mod work;
mod workers;

use std::{path::PathBuf, process::ExitCode};

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

    /// Also write the figures to this file.
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
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.process {
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
    };
    let sections = measure(&bench, &args.only).await;
    bench.progress.end();
    // Before anything is reported: a server that could not be ended is no success.
    bench.servers.stop().await?;
    let report = Report::new(machine, sections?);
    report.print();
    match &args.json {
        Some(file) => report.write_json(file),
        None => Ok(()),
    }
}

async fn measure(bench: &Bench, only: &[Part]) -> Result<Vec<Section>, Error> {
    let mut sections = Vec::new();
    for part in Part::value_variants() {
        if only.is_empty() || only.contains(part) {
            sections.extend(Box::pin(part.measure(bench)).await?);
        }
    }
    Ok(sections)
}
