//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell as CompletedShell;

pub(crate) use crate::serve::Serve;
use crate::{colour::When, report::CODES};

/// Ask a database over MCP, or serve one.
///
/// Without --server, an embedded server is started as a child process, with the
/// database of --database or else a sample shop.
#[derive(Debug, Parser)]
#[command(name = "mcp-db", version, after_help = after_help())]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) server: ServerArgs,

    /// How to print answers.
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,

    /// When to use colours; `auto` is on a terminal, unless `NO_COLOR` is set.
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = When::Auto)]
    pub(crate) color: When,

    #[command(subcommand)]
    pub(crate) command: Command,
}

fn after_help() -> String {
    format!("{EXAMPLES}\n\n{CODES}")
}

const EXAMPLES: &str = "Examples:
  mcp-db tables
  mcp-db query \"select name, price from products where name like ?\" 'Oak%'
  mcp-db search \"copper kettle\" --limit 5
  mcp-db shell
  mcp-db --database my.sqlite describe orders
  mcp-db --server http://127.0.0.1:8000/mcp resources
  mcp-db --config ~/.cursor/mcp.json --server shop tables
  mcp-db --server \"uvx mcp-server-sqlite --db-path my.sqlite\" --format csv query \"select 1\"
  mcp-db serve my.sqlite --http 127.0.0.1:8000
  mcp-db query --all --format csv \"select * from events order by id\" > events.csv
  mcp-db serve postgres://reader@localhost/shop
  mcp-db serve \"postgres://reader@db.example/shop?sslmode=verify-full\"
  mcp-db completions bash > ~/.local/share/bash-completion/completions/mcp-db

Environment:
  USE_MCP_POOL         true: sessions come from a pool (default: false; in the shell: true)
  MCP_DB_SERVER_TOKEN  the token for a --server that is a URL
  MCP_DB_TOKEN         the token that `mcp-db serve` asks for over HTTP
  PGPASSWORD           the password for a PostgreSQL that is served, if its address has none
  MCP_POOL_*           the pool's settings, but for the time of a call, which is --timeout;
                       MCP_POOL_FILE names a file with more
  MCP_DB_LOG           error, warn, info, debug or trace (default: warn)";

/// Which server to ask.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerArgs {
    /// The server: a URL, a command line to start it with, or its name in --config.
    #[arg(
        long,
        short,
        global = true,
        value_name = "URL|COMMAND|NAME",
        env = "MCP_DB_SERVER",
        hide_env_values = true
    )]
    pub(crate) server: Option<String>,

    /// An `mcpServers` file, as agents and editors keep it.
    #[arg(long, global = true, value_name = "FILE", env = "MCP_DB_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// The database for the embedded server: an SQLite file, or postgres://….
    #[arg(
        long,
        global = true,
        value_name = "DATABASE",
        conflicts_with_all = ["server", "config"]
    )]
    pub(crate) database: Option<PathBuf>,

    /// How the server is asked, where its name and tools do not tell: mcp-db, toolbox,
    /// dbhub and others; a wrong name tells them all.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) dialect: Option<String>,

    /// How long an operation may take, connecting included, in seconds.
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        default_value = "60",
        allow_negative_numbers = true,
        value_parser = seconds
    )]
    pub(crate) timeout: Duration,
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a number of seconds above 0");
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    let limit = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    if limit.is_zero() {
        return Err(wrong());
    }
    Ok(limit)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Ask(Ask),
    /// Type statements, with history and completion of names; or pipe them in.
    Shell,
    /// Tell which server it is, how long it takes to ask it, and the pool's figures.
    Stats,
    /// Serve a database over MCP: standard input and output, or HTTP.
    Serve(Serve),
    /// Print what completes this program's arguments in a shell.
    Completions {
        /// Which shell.
        shell: CompletedShell,
    },
}

/// How many rows a search finds at most, where nothing else is said.
pub(crate) const MOST_FOUND: usize = 20;

#[derive(Debug, Subcommand)]
pub(crate) enum Ask {
    /// List tables and views.
    Tables,
    /// Tell a table's columns, keys and indexes.
    Describe {
        /// The table.
        table: String,
    },
    /// Run one statement that reads.
    Query {
        /// The statement, with a `?` for each parameter (PostgreSQL: `$1`, `$2`, …).
        sql: String,
        /// Values for the parameters: JSON, or else text.
        #[arg(allow_negative_numbers = true)]
        parameters: Vec<String>,
        /// All rows, page by page, where the server cuts the answer at a limit of its own.
        /// The statement is run anew for each page: it should put its rows in order.
        #[arg(long)]
        all: bool,
    },
    /// Run one statement that writes, if the server allows it. It is never run twice.
    Execute {
        /// The statement, with a `?` for each parameter (PostgreSQL: `$1`, `$2`, …).
        sql: String,
        /// Values for the parameters: JSON, or else text.
        #[arg(allow_negative_numbers = true)]
        parameters: Vec<String>,
    },
    /// Tell how the database would run a statement.
    Explain {
        /// The statement, with a `?` for each parameter (PostgreSQL: `$1`, `$2`, …).
        sql: String,
        /// Values for the parameters: JSON, or else text.
        #[arg(allow_negative_numbers = true)]
        parameters: Vec<String>,
    },
    /// Find rows by words in their text.
    Search {
        /// Words that must all occur.
        words: String,
        /// Search in this table only.
        #[arg(long)]
        table: Option<String>,
        /// The most rows to find.
        #[arg(long, default_value_t = MOST_FOUND)]
        limit: usize,
    },
    /// List what the server offers to read.
    Resources,
    /// Read a resource.
    Read {
        /// Its address, as `mcp-db resources` tells it.
        uri: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Csv,
    Json,
    Markdown,
    Table,
}
