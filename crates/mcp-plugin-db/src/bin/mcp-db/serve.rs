//! `mcp-db serve`.

use std::{env, io::Write as _, net::SocketAddr, path::PathBuf, time::Duration};

use futures::FutureExt as _;
use mcp_domain::{Error, ErrorKind};
use mcp_server_db::{DatabaseServer, HttpOptions, Limits, Options, sample};
use tokio::net::TcpListener;

use crate::{args::seconds, signal::asked_to_stop};

/// Serve a database.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    #[arg(
        id = "served",
        value_name = "DATABASE",
        env = "MCP_DB_DATABASE",
        hide_env_values = true,
        help = "An SQLite file, or postgres://USER@HOST/NAME; without it, the sample shop"
    )]
    database: Option<String>,

    /// Serve Streamable HTTP at this address, such as 127.0.0.1:8000 (port 0: a free one).
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) http: Option<SocketAddr>,

    /// The most rows in one answer.
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().rows)]
    max_rows: usize,

    /// The most bytes of values in one answer, and in one value.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().bytes)]
    max_bytes: usize,

    /// How long one statement may run, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    statement_timeout: Duration,

    /// How many statements may run at the same time.
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().statements)]
    max_statements: usize,

    /// Offer a tool that writes.
    #[arg(long)]
    allow_writes: bool,

    /// HTTP: the token that every request must bear.
    #[arg(
        long,
        env = "MCP_DB_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    token: Option<String>,

    /// HTTP: a name or address, beside those of this machine, that the server is called by.
    #[arg(long = "allow-host", value_name = "HOST", requires = "http")]
    hosts: Vec<String>,

    /// PostgreSQL: let statements call this function, though it can do more than read.
    #[arg(long = "allow-function", value_name = "NAME")]
    allow_functions: Vec<String>,

    /// PostgreSQL: serve even with a role that can reach beyond the database, such as a
    /// superuser; with --allow-writes, statements can then write files and run programs.
    #[arg(long)]
    any_role: bool,
}

impl Serve {
    fn options(&self) -> Options {
        Options {
            limits: Limits {
                rows: self.max_rows,
                bytes: self.max_bytes,
                time: self.statement_timeout,
                statements: self.max_statements,
            },
            allow_writes: self.allow_writes,
            allow_functions: self.allow_functions.clone(),
            any_role: self.any_role,
        }
    }
}

/// Serves what the arguments name, or else what `--database` does.
pub(crate) async fn run(serve: Serve, database: Option<PathBuf>) -> Result<(), Error> {
    let options = serve.options();
    let database = database.map(|path| path.to_string_lossy().into_owned());
    let server = match serve.database.or(database) {
        Some(database) => DatabaseServer::open(&database, &options)?,
        None if options.allow_writes => {
            let message = "the sample shop is for reading only: name a database to write to";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        None => DatabaseServer::open_sqlite(&sample::ensure(&sample_folder())?, options.limits)?,
    };
    let http = HttpOptions {
        token: serve.token,
        hosts: serve.hosts,
    };
    match serve.http {
        Some(address) => over_http(server, address, http).await,
        None => server.serve_stdio().await,
    }
}

async fn over_http(
    server: DatabaseServer,
    address: SocketAddr,
    options: HttpOptions,
) -> Result<(), Error> {
    let cannot = |error| {
        let message = format!("cannot listen at {address}");
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    };
    if !address.ip().is_loopback() && options.token.is_none() {
        let message = format!(
            "{address} can be reached from other machines, and this server asks for no \
             credentials; use a loopback address such as 127.0.0.1, or ask for a token \
             (MCP_DB_TOKEN)"
        );
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    // Listened for before anybody is told that we are here.
    let stop = asked_to_stop()?;
    // Whoever started us on port 0 reads this line.
    let mut output = std::io::stdout();
    let _ = writeln!(output, "http://{address}/mcp").and_then(|()| output.flush());
    server.serve_http(listener, options, stop.map(drop)).await
}

/// Where the sample database is kept: the user's cache folder.
fn sample_folder() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache
        .filter(|folder| folder.is_absolute())
        .or_else(home)
        .unwrap_or_else(env::temp_dir)
        .join("mcp-db")
}
