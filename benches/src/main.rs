//! Measures what the pool saves, on real sessions with the embedded server.
//!
//! Every figure is measured in this run: nothing is assumed, and every call is
//! checked for having done its work.

mod connection;
mod machine;
mod operations;
mod progress;
mod report;
mod sample;
mod servers;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use mcp_domain::Error;

use self::{progress::Progress, report::Report, servers::Servers};

/// Measures what the pool saves, on real sessions with the embedded server.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Args {
    /// Fewer samples: ends within 30 seconds.
    #[arg(long)]
    quick: bool,

    /// Also write the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// The program that serves the database; `cargo xtask bench` fills it in.
    #[arg(long, value_name = "PROGRAM")]
    mcp_db: PathBuf,
}

/// How many samples are taken of what.
#[derive(Clone, Copy, Debug)]
struct Effort {
    /// Connects, each of them a process or a handshake.
    connects: usize,
    /// Checkouts of a pooled connection.
    checkouts: usize,
    /// Operations, in each mode.
    operations: usize,
}

impl Effort {
    fn new(quick: bool) -> Self {
        if quick {
            Self {
                connects: 100,
                checkouts: 5_000,
                operations: 100,
            }
        } else {
            Self {
                connects: 1_000,
                checkouts: 100_000,
                operations: 1_000,
            }
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
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
    let effort = Effort::new(args.quick);
    let servers = Servers::start(&args.mcp_db).await?;
    let progress = Progress::new();
    let connection = connection::measure(&servers, effort, &progress).await;
    let operations = operations::measure(&servers, effort, &progress).await;
    progress.end();
    // Before anything is reported: a server that could not be ended is no success.
    servers.stop().await?;
    let (connection, stats) = connection?;
    let report = Report::new(connection, operations?, stats);
    report.print();
    match &args.json {
        Some(file) => report.write(file),
        None => Ok(()),
    }
}
