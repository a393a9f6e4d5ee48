//! The real servers that are measured, one for each transport.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
};

use mcp_domain::{Error, ErrorKind, Target};
use mcp_server_db::{DatabaseServer, Limits, sample};
use mcp_transport::ClientConnector;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, DuplexStream},
    process::{Child, Command},
};

/// How a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
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
    folder: Arc<TempDir>,
}

impl Servers {
    pub(crate) async fn start(program: &Path) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(failed("cannot make a temporary folder"))?;
        Self::start_in(program, Arc::new(folder)).await
    }

    /// The same servers anew, on the same database.
    pub(crate) async fn others(&self) -> Result<Self, Error> {
        Self::start_in(&self.program, Arc::clone(&self.folder)).await
    }

    async fn start_in(program: &Path, folder: Arc<TempDir>) -> Result<Self, Error> {
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
            folder,
        })
    }

    /// The process that serves HTTP.
    pub(crate) fn http_pid(&self) -> Result<u32, Error> {
        self.http.id().ok_or_else(|| {
            let message = "the HTTP server has ended before its time";
            Error::new(ErrorKind::Disconnected, message)
        })
    }

    /// A connector of its own for each measurement: it has nothing remembered.
    pub(crate) fn connector(&self, transport: Transport) -> Result<ClientConnector, Error> {
        match transport {
            Transport::InProcess => {
                let server = self.in_process.clone();
                Ok(ClientConnector::in_process(move |stream| {
                    server.clone().serve_stream(stream)
                }))
            }
            Transport::Http => self.http().connector(),
            Transport::Stdio => self.stdio().connector(),
        }
    }

    /// Where the HTTP server is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where the HTTP server listens.
    pub(crate) fn http_address(&self) -> Result<SocketAddr, Error> {
        let rest = self.url.strip_prefix("http://");
        let address = rest.and_then(|rest| rest.split('/').next()?.parse().ok());
        address.ok_or_else(|| {
            let message = format!("the HTTP server told `{}`, which is no address", self.url);
            Error::new(ErrorKind::BadResponse, message)
        })
    }

    /// A channel to a server in this process.
    pub(crate) fn in_process(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        // Ends when our end is dropped.
        tokio::spawn(self.in_process.clone().serve_stream(theirs));
        ours
    }

    /// Where another process finds the HTTP server.
    pub(crate) fn http(&self) -> Place {
        Place::Http(self.url.clone())
    }

    /// How another process starts the server.
    pub(crate) fn stdio(&self) -> Place {
        Place::Stdio {
            program: self.program.clone(),
            database: self.database.clone(),
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

/// Where a server is found, in words that another process understands.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Http(String),
    Stdio { program: PathBuf, database: PathBuf },
}

impl Place {
    pub(crate) fn connector(&self) -> Result<ClientConnector, Error> {
        ClientConnector::new(match self {
            Self::Http(url) => Target::http(url),
            Self::Stdio { program, database } => {
                let database = database.display().to_string();
                let args = ["serve".to_owned(), "--".to_owned(), database];
                Target::command(program, args)
            }
        })
    }

    /// As arguments of a command line: see [`PlaceArgs`].
    pub(crate) fn arguments(&self) -> Vec<String> {
        let path = |path: &Path| path.display().to_string();
        match self {
            Self::Http(url) => vec!["--url".to_owned(), url.clone()],
            Self::Stdio { program, database } => {
                let (program, database) = (path(program), path(database));
                let words = ["--program", &program, "--database", &database];
                words.map(str::to_owned).to_vec()
            }
        }
    }
}

/// A [`Place`] as arguments of a command line.
#[derive(Debug, clap::Args)]
pub(crate) struct PlaceArgs {
    #[arg(long)]
    url: Option<String>,
    #[arg(long, required_unless_present = "url")]
    program: Option<PathBuf>,
    #[arg(long, required_unless_present = "url")]
    database: Option<PathBuf>,
}

impl PlaceArgs {
    /// The place, if the arguments name one.
    pub(crate) fn place(self) -> Option<Place> {
        match (self.url, self.program, self.database) {
            (Some(url), _, _) => Some(Place::Http(url)),
            (None, Some(program), Some(database)) => Some(Place::Stdio { program, database }),
            _ => None,
        }
    }
}

fn failed(what: &str) -> impl FnOnce(std::io::Error) -> Error {
    let what = what.to_owned();
    move |error| Error::new(ErrorKind::ConnectFailed, what).with_source(error)
}
