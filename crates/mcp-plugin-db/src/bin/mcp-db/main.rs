//! `mcp-db`: ask a database over MCP, or serve one.

mod args;
mod ask;
mod print;
mod serve;
mod signal;

use std::process::ExitCode;

use clap::Parser as _;
use mcp_domain::Error;
use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use self::args::{Args, Command};

fn main() -> ExitCode {
    let args = Args::parse();
    log_to_stderr();
    match run(args) {
        Ok(code) => code,
        Err(error) => {
            // One line, and nothing that a terminal would obey, whatever the causes hold.
            let line = error.chain().replace(char::is_control, " ");
            #[expect(clippy::print_stderr, reason = "a program speaks to its user")]
            {
                eprintln!("mcp-db: {line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<ExitCode, Error> {
    let one_thread = !matches!(&args.command, Command::Serve(serve) if serve.http.is_some());
    let mut builder = if one_thread {
        // One client, or one server process per client: the lightest start.
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    let runtime = builder.enable_all().build().map_err(|error| {
        Error::new(mcp_domain::ErrorKind::Unsupported, "cannot start").with_source(error)
    })?;
    let result = runtime.block_on(async {
        match args.command {
            Command::Serve(serve) => {
                let served = serve::run(serve, args.server.database).await;
                served.map(|()| ExitCode::SUCCESS)
            }
            Command::Ask(ask) => {
                let stop = signal::asked_to_stop()?;
                tokio::select! {
                    done = ask::run(&args.server, args.format, ask) => done.map(|()| ExitCode::SUCCESS),
                    // What is dropped with the runtime takes its server along, which
                    // is in a process group of its own and sees no Ctrl-C.
                    code = stop => Ok(code),
                }
            }
        }
    });
    // A read of standard input that never ends must not hold the exit up.
    runtime.shutdown_background();
    result
}

/// Warnings of ours, or what `MCP_DB_LOG` says (`error` to `trace`), on standard error.
///
/// Of what the libraries below log, the errors that matter come back as errors.
fn log_to_stderr() {
    let level = std::env::var("MCP_DB_LOG").ok();
    let level = level.and_then(|level| level.parse().ok());
    let ours = Targets::new().with_target("mcp_", level.unwrap_or(LevelFilter::WARN));
    let to_stderr = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .without_time();
    tracing_subscriber::registry()
        .with(to_stderr.with_filter(ours))
        .init();
}
