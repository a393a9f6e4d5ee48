//! `mcp-db`: ask a database over MCP, or serve one.

mod args;
mod ask;
mod colour;
mod print;
mod progress;
mod reach;
mod report;
mod serve;
mod shell;
mod signal;
mod stats;

use std::{io::IsTerminal as _, process::ExitCode, time::Duration};

use clap::{CommandFactory as _, Parser as _};
use mcp_domain::Error;
use mcp_plugin_db::{Access, DatabasePlugin};
use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use self::{
    args::{Args, Command},
    colour::Colours,
    print::Style,
    shell::Shell,
    signal::{INTERRUPTED, Interrupts},
};

/// How long a server is given to hear that it is not wanted any more.
const GRACE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let args = Args::parse();
    let errors = Colours::for_errors(args.color);
    log_to_stderr();
    match run(args) {
        Ok(code) => code,
        Err(error) => {
            report::report(&error, errors);
            ExitCode::from(report::code(&error))
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
    let result = runtime.block_on(obey(args));
    // A read of standard input that never ends must not hold the exit up.
    runtime.shutdown_background();
    result
}

async fn obey(args: Args) -> Result<ExitCode, Error> {
    let style = Style {
        format: args.format,
        colours: Colours::for_answers(args.color),
        errors: Colours::for_errors(args.color),
        on_terminal: std::io::stdout().is_terminal(),
    };
    match args.command {
        Command::Serve(serve) => {
            let served = serve::run(serve, args.server.database).await;
            served.map(|()| ExitCode::SUCCESS)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "mcp-db", &mut script);
            print::out(String::from_utf8_lossy(&script).trim_end())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Shell => {
            let interrupts = Interrupts::listen()?;
            let plugin = reach::plugin(&args.server, reach::access(Access::Pooled)?)?;
            let shell = Shell {
                plugin: plugin.clone(),
                style,
                interrupts,
            };
            let end = signal::asked_to_end()?;
            let code = tokio::select! {
                code = shell.run() => code?,
                code = end => code,
            };
            plugin.close(ask::CLOSE).await;
            Ok(code)
        }
        Command::Ask(ask) => {
            let plugin = reach::plugin(&args.server, reach::access(Access::Direct)?)?;
            once(&plugin, Box::pin(ask::answer(&plugin, style, ask))).await
        }
        Command::Stats => {
            let plugin = reach::plugin(&args.server, reach::access(Access::Direct)?)?;
            once(&plugin, Box::pin(stats::show(&plugin, style))).await
        }
    }
}

/// Does one piece of work and prints what comes of it. Ctrl-C cancels it, twice at once.
async fn once(
    plugin: &DatabasePlugin,
    work: impl Future<Output = Result<String, Error>>,
) -> Result<ExitCode, Error> {
    let mut interrupts = Interrupts::listen()?;
    let end = signal::asked_to_end()?;
    let work = async {
        Box::pin(plugin.initialize()).await?;
        work.await
    };
    let done = tokio::select! {
        done = progress::shown(work) => done,
        // What is dropped takes its server along, which is in a process group of its
        // own and sees no Ctrl-C.
        () = interrupts.next() => {
            tokio::select! {
                () = plugin.close(GRACE) => {}
                () = interrupts.next() => {}
            }
            return Ok(ExitCode::from(INTERRUPTED));
        }
        code = end => return Ok(code),
    };
    plugin.close(ask::CLOSE).await;
    print::out(&done?)?;
    Ok(ExitCode::SUCCESS)
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
