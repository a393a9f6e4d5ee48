//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use crate::serve::Serve;

/// Ask a database over MCP, or serve one.
///
/// Without --server, an embedded server is started as a child process, with the
/// database of --database or else a sample shop.
#[derive(Debug, Parser)]
#[command(name = "mcp-db", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) server: ServerArgs,

    /// How to print answers.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "Examples:
  mcp-db tables
  mcp-db query \"select name, price from products where name like ?\" 'Oak%'
  mcp-db search \"copper kettle\" --limit 5
  mcp-db --database my.sqlite describe orders
  mcp-db --server http://127.0.0.1:8000/mcp resources
  mcp-db --server \"uvx some-mcp-server --flag\" tables
  mcp-db serve my.sqlite --http 127.0.0.1:8000
  mcp-db serve postgres://reader@localhost/shop

Environment:
  USE_MCP_POOL   true: sessions come from a pool (default: false)
  MCP_DB_TOKEN   the token that an HTTP server of ours asks for
  PGPASSWORD     the password for a PostgreSQL that is served, if its address has none
  MCP_POOL_*     the pool's settings, but for the time of a call, which is --timeout;
                 MCP_POOL_FILE names a file with more
  MCP_DB_LOG     error, warn, info, debug or trace (default: warn)";

/// Which server to ask.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerArgs {
    /// The server: an http(s) URL, or a command line to start it with.
    #[arg(
        long,
        global = true,
        value_name = "URL|COMMAND",
        env = "MCP_DB_SERVER",
        hide_env_values = true
    )]
    pub(crate) server: Option<String>,

    /// The database for the embedded server: an SQLite file, or postgres://….
    #[arg(
        long,
        global = true,
        value_name = "DATABASE",
        conflicts_with = "server"
    )]
    pub(crate) database: Option<PathBuf>,

    /// How long an operation may take, connecting included, in seconds.
    #[arg(long, global = true, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
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
    /// Serve a database over MCP: standard input and output, or HTTP.
    Serve(Serve),
}

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
        /// The statement, with a `?` for each parameter.
        sql: String,
        /// Values for the parameters: JSON, or else text.
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
        #[arg(long, default_value_t = 20)]
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
    Table,
}
