//! The way to the database: sockets, TLS on them, and the cancelling of what runs there.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use deadpool_postgres::Connect;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_postgres::{
    CancelToken, Client, Config, Error, NoTls,
    config::{Host, SslMode},
};

use super::{
    bounded::Bounded,
    tls::{Asked, Tls},
};

/// How long one attempt to reach the database may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How to reach a database, and how much it may send in one piece.
#[derive(Clone)]
pub(super) struct Link {
    hosts: Vec<(Host, u16)>,
    tls: Tls,
    longest: usize,
}

/// Hosts and ports alone.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Link").field(&self.hosts).finish()
    }
}

impl Link {
    /// To where the configuration leads; a message may have `longest` bytes.
    pub(super) fn new(config: &Config, tls: Tls, longest: usize) -> Self {
        let ports = config.get_ports();
        let port = |place: usize| ports.get(place).or_else(|| ports.first()).copied();
        let hosts = config.get_hosts().iter().enumerate();
        Self {
            hosts: hosts
                .map(|(place, host)| (host.clone(), port(place).unwrap_or(5432)))
                .collect(),
            tls,
            longest,
        }
    }

    /// The first host that answers.
    async fn socket(&self) -> io::Result<Box<dyn Socket>> {
        let mut failure = io::Error::new(io::ErrorKind::InvalidInput, "no host is given");
        for (host, port) in &self.hosts {
            match timeout(PATIENCE, self.open(host, *port)).await {
                Ok(Ok(socket)) => return Ok(socket),
                Ok(Err(error)) => failure = error,
                Err(_) => failure = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(failure)
    }

    async fn open(&self, host: &Host, port: u16) -> io::Result<Box<dyn Socket>> {
        match host {
            Host::Tcp(name) => {
                let socket = connect(name, port).await?;
                match self.tls.ask(socket, name).await? {
                    Asked::Protected(stream) => Ok(stream),
                    Asked::InClear(socket) => Ok(Box::new(socket)),
                    Asked::Failed(error) => {
                        tracing::debug!(%error, "the database is spoken to in clear");
                        Ok(Box::new(connect(name, port).await?))
                    }
                }
            }
            // It leaves this machine in no case.
            Host::Unix(folder) => {
                let path = folder.join(format!(".s.PGSQL.{port}"));
                Ok(Box::new(UnixStream::connect(path).await?))
            }
        }
    }

    /// Stops what runs on a connection of this link.
    ///
    /// Nobody is told whether that came in time, nor if it failed: whoever needs to
    /// know sees the statement end. It has a time limit in the database, too.
    pub(super) async fn cancel(&self, token: CancelToken) {
        let cancelled = match self.socket().await {
            Ok(socket) => token.cancel_query_raw(socket, NoTls).await,
            Err(error) => {
                tracing::debug!(%error, "a statement could not be cancelled");
                return;
            }
        };
        if let Err(error) = cancelled {
            tracing::debug!(%error, "a statement could not be cancelled");
        }
    }
}

async fn connect(name: &str, port: u16) -> io::Result<TcpStream> {
    let socket = TcpStream::connect((name, port)).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

impl Connect for Link {
    fn connect(
        &self,
        config: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + '_>> {
        let mut config = config.clone();
        // That is settled before the driver is given the stream.
        config.ssl_mode(SslMode::Disable);
        Box::pin(async move {
            let socket = match self.socket().await {
                Ok(socket) => socket,
                Err(error) => Box::new(Unreachable(error.kind(), error.to_string())),
            };
            let stream = Bounded::new(socket, self.longest);
            let (client, connection) = config.connect_raw(stream, NoTls).await?;
            let task = tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection to the database ended");
                }
            });
            Ok((client, task))
        })
    }
}

/// A stream of bytes, of whatever kind.
trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// Where no socket could be opened: only the driver can make an error of its own,
/// and does so of the first write.
struct Unreachable(io::ErrorKind, String);

impl Unreachable {
    fn error(&self) -> io::Error {
        io::Error::new(self.0, self.1.clone())
    }
}

impl AsyncRead for Unreachable {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Err(self.error()))
    }
}

impl AsyncWrite for Unreachable {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(self.error()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(self.error()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
