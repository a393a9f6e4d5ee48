//! The real servers that are measured, one for each transport.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use mcp_domain::{Error, ErrorKind, Target};
use mcp_server_db::{DatabaseServer, Limits, sample};
use mcp_transport::ClientConnector;
use serde::Serialize;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// How a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Transport {
    Stdio,
    Http,
    InProcess,
}

impl Transport {
    pub(crate) const ALL: [Self; 3] = [Self::Stdio, Self::Http, Self::InProcess];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stdio => "stdio",
            Self::Http => "http",
            Self::InProcess => "in-process",
        }
    }
}

/// The embedded server with the sample database, reachable in three ways.
#[derive(Debug)]
pub(crate) struct Servers {
    program: PathBuf,
    database: PathBuf,
    in_process: DatabaseServer,
    http: Child,
    url: String,
    _folder: TempDir,
}

impl Servers {
    pub(crate) async fn start(program: &Path) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(failed("cannot make a temporary folder"))?;
        let database = sample::ensure(folder.path())?;
        let in_process = DatabaseServer::open_sqlite(&database, Limits::default())?;
        let mut http = Command::new(program)
            .arg("serve")
            .args(["--http", "127.0.0.1:0", "--"])
            .arg(&database)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed(&format!("cannot start `{}`", program.display())))?;
        // It tells its address when it listens.
        let output = http.stdout.take().map(BufReader::new);
        let url = match output {
            Some(output) => output.lines().next_line().await.ok().flatten(),
            None => None,
        };
        let Some(url) = url else {
            let message = format!("`{} serve` did not tell its address", program.display());
            return Err(Error::new(ErrorKind::ConnectFailed, message));
        };
        Ok(Self {
            program: program.to_owned(),
            database,
            in_process,
            http,
            url,
            _folder: folder,
        })
    }

    /// A connector of its own for each measurement: it has nothing remembered.
    pub(crate) fn connector(&self, transport: Transport) -> Result<ClientConnector, Error> {
        match transport {
            Transport::Stdio => {
                let database = self.database.display().to_string();
                let args = ["serve".to_owned(), "--".to_owned(), database];
                ClientConnector::new(Target::command(&self.program, args))
            }
            Transport::Http => ClientConnector::new(Target::http(&self.url)),
            Transport::InProcess => {
                let server = self.in_process.clone();
                Ok(ClientConnector::in_process(move |stream| {
                    server.clone().serve_stream(stream)
                }))
            }
        }
    }

    /// Ends the HTTP server, which is the only one that outlives its clients.
    pub(crate) async fn stop(mut self) -> Result<(), Error> {
        self.http
            .kill()
            .await
            .map_err(failed("cannot end the HTTP server"))
    }
}

fn failed(what: &str) -> impl FnOnce(std::io::Error) -> Error {
    let what = what.to_owned();
    move |error| Error::new(ErrorKind::ConnectFailed, what).with_source(error)
}
