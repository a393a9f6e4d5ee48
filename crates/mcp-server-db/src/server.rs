//! The server as its users see it: opened once, served in any of three ways.

use std::{path::Path, sync::Arc};

use mcp_domain::{Error, ErrorKind};
use rmcp::{ServiceExt as _, transport::stdio_pipes};
use tokio::io::{AsyncRead, AsyncWrite};

#[cfg(feature = "postgres")]
use crate::postgres::Postgres;
use crate::{
    engine::Engine, handler::Handler, hangup::Hangup, limits::Limits, options::Options,
    sqlite::Sqlite,
};

/// A database behind MCP. Cheap to clone; all clones serve the same database.
#[derive(Clone, Debug)]
pub struct DatabaseServer {
    pub(crate) handler: Handler,
}

impl DatabaseServer {
    /// Opens a database: `postgres://…`, `sqlite:PATH`, or the path of an SQLite file.
    ///
    /// An SQLite file is looked at. PostgreSQL is connected to when it is first asked
    /// for something, so that the server starts, and goes on, whether it is there or not.
    /// A password may also come from the environment: `PGPASSWORD`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the address is none, or there is no such file; `Unsupported`
    /// for PostgreSQL if this crate was built without the feature `postgres`.
    pub fn open(address: &str, options: &Options) -> Result<Self, Error> {
        let engine = if is_postgres(address) {
            postgres(address, options)?
        } else {
            Engine::Sqlite(Sqlite::open(file(address)?.as_ref(), options)?)
        };
        let handler = Handler::new(Arc::new(engine));
        Ok(Self { handler })
    }

    /// Opens an SQLite database, for reading.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is no such file, or it is no database.
    pub fn open_sqlite(path: &Path, limits: Limits) -> Result<Self, Error> {
        let options = Options {
            limits,
            ..Options::default()
        };
        let database = Engine::Sqlite(Sqlite::open(path, &options)?);
        let handler = Handler::new(Arc::new(database));
        Ok(Self { handler })
    }

    /// Serves one client over standard input and output, until it closes them.
    ///
    /// # Errors
    ///
    /// If the client did not begin as MCP wants it, or the channel broke.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the service and interrupts its statements.
    pub async fn serve_stdio(self) -> Result<(), Error> {
        // Where they are pipes, none of the two needs a thread.
        let (input, output) = stdio_pipes();
        self.serve(input, output).await
    }

    /// Serves one client over a stream of bytes, until it closes it.
    ///
    /// Trouble with the client is logged: there is nobody else to tell.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the service and interrupts its statements.
    pub async fn serve_stream(self, stream: impl AsyncRead + AsyncWrite + Send + 'static) {
        let (input, output) = tokio::io::split(stream);
        if let Err(error) = self.serve(input, output).await {
            tracing::debug!(error = %error.chain(), "a client was not served to the end");
        }
    }

    async fn serve<R, W>(self, input: R, output: W) -> Result<(), Error>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let hangup = Hangup::default();
        let input = hangup.watch(input);
        let handler = self.handler.until(hangup);
        let running = handler
            .clone()
            .serve((input, output))
            .await
            .map_err(|error| {
                Error::new(
                    ErrorKind::BadResponse,
                    "the client did not begin as MCP wants it",
                )
                .with_source(error)
            })?;
        let served = running.waiting().await;
        handler.settle().await;
        served.map(drop).map_err(|error| {
            Error::new(ErrorKind::Disconnected, "the service broke off").with_source(error)
        })
    }
}

fn is_postgres(address: &str) -> bool {
    ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| address.starts_with(scheme))
}

/// The path of an SQLite file. The address of another database is none, and may hold a
/// password, which is not told.
fn file(address: &str) -> Result<&str, Error> {
    let wrong = |what: &str| {
        let message = format!("{what}; there are postgres://…, sqlite:PATH and the path of a file");
        Err(Error::new(ErrorKind::InvalidInput, message))
    };
    match address.strip_prefix("sqlite:").unwrap_or(address) {
        "" => wrong("no database is named"),
        path => match path.split_once("://") {
            Some((scheme, _)) if !scheme.contains('/') => {
                wrong(&format!("databases at `{scheme}://` cannot be served"))
            }
            _ => Ok(path),
        },
    }
}

#[cfg(feature = "postgres")]
fn postgres(address: &str, options: &Options) -> Result<Engine, Error> {
    Postgres::new(address, options).map(Engine::Postgres)
}

#[cfg(not(feature = "postgres"))]
fn postgres(_: &str, _: &Options) -> Result<Engine, Error> {
    let message = "this server was built without PostgreSQL: the feature `postgres` is off";
    Err(Error::new(ErrorKind::Unsupported, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_other_databases_are_no_paths_and_keep_their_secrets() {
        for address in [
            "mysql://me:kept-secret@host/shop",
            "POSTGRES://me:kept-secret@host/shop",
            "sqlite:mysql://me:kept-secret@host/shop",
        ] {
            let error = DatabaseServer::open(address, &Options::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let text = error.chain();
            assert!(text.contains("cannot be served"), "{text}");
            assert!(!text.contains("kept-secret"), "{text}");
        }
        for address in ["", "sqlite:"] {
            let error = DatabaseServer::open(address, &Options::default()).unwrap_err();
            assert!(error.to_string().contains("no database is named"));
        }
        assert_eq!(file("sqlite:/a/b://c").unwrap(), "/a/b://c");
    }
}
