//! `mcp-db serve`.

use std::{env, io::Write as _, net::SocketAddr, path::PathBuf};

use futures::FutureExt as _;
use mcp_domain::{Error, ErrorKind};
use mcp_server_db::{DatabaseServer, Limits, sample};
use tokio::net::TcpListener;

use crate::{args::Serve, signal::asked_to_stop};

pub(crate) async fn run(serve: Serve) -> Result<(), Error> {
    let path = match serve.database {
        Some(path) => path,
        None => sample::ensure(&sample_folder())?,
    };
    let server = DatabaseServer::open_sqlite(&path, Limits::default())?;
    match serve.http {
        Some(address) => over_http(server, address).await,
        None => server.serve_stdio().await,
    }
}

async fn over_http(server: DatabaseServer, address: SocketAddr) -> Result<(), Error> {
    let cannot = |error| {
        let message = format!("cannot listen at {address}");
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    };
    if !address.ip().is_loopback() {
        let message = format!(
            "{address} can be reached from other machines, and this server asks for no \
             credentials; use a loopback address such as 127.0.0.1"
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
    server.serve_http(listener, stop.map(drop)).await
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
