//! Opens connections to one server.

use std::{fmt, path::Path, pin::Pin, sync::Arc, time::Duration};

use mcp_domain::{
    CommandTarget, Connector, Error, ErrorKind, Scope, Target, UnixSpeech, UnixTarget,
};
use rmcp::{
    service::{
        ClientCacheConfig, ClientInitializeError, ClientServiceExt as _, RoleClient, RunningService,
    },
    transport::IntoTransport,
};
use tokio::{
    io::DuplexStream,
    net::UnixStream,
    time::{Instant, timeout_at},
};

use crate::{
    Client, Handlers, Lifecycle,
    backing::{Backing, Peer, Task},
    bounded::Limit,
    failure,
    host::{Host, Watched},
    http::{Ear, Endpoint, Wallet},
    identity::{AnyProvider, IdentityProvider},
    lifecycle::{Failed, Memory, climb, rungs},
    process::Process,
    road::Road,
    secrets::Secrets,
};

/// How much may be on its way between this process and a server in it.
const DUPLEX_BUFFER: usize = 64 * 1024;

/// What one message may weigh, if nothing else is said.
const MESSAGE_SIZE: usize = 16 * 1024 * 1024;

/// As good as endless, and can be added to the time.
const ENDLESS: Duration = Duration::from_secs(u32::MAX as u64);

/// Opens connections to one server, and remembers which lifecycle it speaks.
///
/// Cheap to clone; clones share the memory.
#[derive(Clone)]
pub struct ClientConnector {
    reach: Reach,
    label: Arc<str>,
    road: Arc<Road>,
    lifecycle: Lifecycle,
    memory: Arc<Memory>,
    connect_timeout: Duration,
    message_size: usize,
    identity: Option<Arc<dyn AnyProvider>>,
    secrets: Secrets,
    call_timeout: Option<Duration>,
    handlers: Arc<Handlers>,
}

/// How a server is reached, checked.
#[derive(Clone)]
enum Reach {
    Command(Arc<CommandTarget>),
    Http(Box<Endpoint>),
    InProcess(Serve),
    /// A Unix socket that takes lines.
    Socket(Arc<Path>),
}

type Serve = Arc<dyn Fn(DuplexStream) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;
type Service = RunningService<RoleClient, Arc<Host>>;

impl ClientConnector {
    /// A connector for this target.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the target cannot be: an empty program, something that is
    /// not an HTTP URL, a header that HTTP does not allow.
    pub fn new(target: Target) -> Result<Self, Error> {
        let label = Arc::from(target.to_string());
        let secrets = Secrets::of(&target);
        let road = Road::to(&target);
        let reach = match target {
            Target::Command(command) if command.program.as_os_str().is_empty() => {
                let message = "the command of the server is empty; it must name a program";
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
            Target::Command(command) => Reach::Command(Arc::new(command)),
            Target::Http(http) => Reach::Http(Box::new(Endpoint::new(&http)?)),
            Target::Unix(UnixTarget { socket, .. }) if socket.as_os_str().is_empty() => {
                let message = "the path of the server's Unix socket is empty";
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
            Target::Unix(UnixTarget {
                socket,
                speech: UnixSpeech::Lines,
            }) => Reach::Socket(socket.into()),
            Target::Unix(UnixTarget {
                socket,
                speech: UnixSpeech::Http { endpoint, headers },
            }) => Reach::Http(Box::new(Endpoint::at_socket(&socket, &endpoint, &headers)?)),
            target => {
                let message = format!("cannot reach {target:?}");
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
        };
        Ok(Self::with_reach(reach, label, road, secrets))
    }

    /// A connector for a server in this process.
    ///
    /// `serve` is called for every connect with the server's end of the channel;
    /// its future serves until that is closed.
    pub fn in_process<F, Fut>(serve: F) -> Self
    where
        F: Fn(DuplexStream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let serve: Serve = Arc::new(move |stream| Box::pin(serve(stream)));
        let label = Arc::from("in-process server");
        let secrets = Secrets::default();
        Self::with_reach(Reach::InProcess(serve), label, Road::default(), secrets)
    }

    fn with_reach(reach: Reach, label: Arc<str>, road: Road, secrets: Secrets) -> Self {
        Self {
            reach,
            label,
            road: Arc::new(road),
            lifecycle: Lifecycle::Auto,
            memory: Arc::default(),
            connect_timeout: Duration::from_secs(35),
            message_size: MESSAGE_SIZE,
            identity: None,
            secrets,
            call_timeout: Some(Duration::from_secs(300)),
            handlers: Arc::default(),
        }
    }

    /// How connections begin. Default: [`Lifecycle::Auto`].
    #[must_use]
    pub fn with_lifecycle(mut self, lifecycle: Lifecycle) -> Self {
        self.lifecycle = lifecycle;
        self
    }

    /// How long one connect may take, starting the server included. Default: 35 s.
    #[must_use]
    pub fn with_connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// What a server may put into one message. Default: 16 MiB.
    ///
    /// A longer line (of a process, a Unix socket or a server in this process) ends the
    /// connection, and a longer event of an HTTP stream fails its call; both with an
    /// error that names the limit. An HTTP body that is no stream may have 16 MiB in any
    /// case.
    #[must_use]
    pub fn with_message_size(mut self, bytes: usize) -> Self {
        self.message_size = bytes;
        self
    }

    /// Whom connections speak for, by scope. Default: nobody but whom the headers of the
    /// target name.
    ///
    /// For HTTP only: a process learns by its environment whom it serves, and a connect
    /// over anything but HTTP fails with `InvalidInput`.
    #[must_use]
    pub fn with_identity(mut self, provider: impl IdentityProvider) -> Self {
        self.identity = Some(Arc::new(provider));
        self
    }

    /// What errors call this server, beside its target. Default: nothing.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        self.label = format!("`{name}` ({})", self.label).into();
        self
    }

    /// How long a call waits for its answer, where it says nothing else. Default: 300 s;
    /// `None`: as long as the connection lives.
    #[must_use]
    pub fn with_call_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.call_timeout = limit.into();
        self
    }

    /// What answers servers that ask. Default: everything is refused.
    #[must_use]
    pub fn with_handlers(mut self, handlers: Handlers) -> Self {
        self.handlers = Arc::new(handlers);
        self
    }

    /// Climbs the ladder: what is remembered; else discovery with the handshake as
    /// its fallback; else, on a fresh channel, the handshake alone.
    async fn negotiate(&self, scope: &Scope) -> Result<Client, Error> {
        if self.identity.is_some() && !matches!(self.reach, Reach::Http(_)) {
            let message = "an identity can only be shown by HTTP";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let deadline = Instant::now() + self.connect_timeout.min(ENDLESS);
        let attempt = |lifecycle| self.attempt(scope, lifecycle, deadline);
        if self.lifecycle != Lifecycle::Auto {
            return Ok(attempt(self.lifecycle).await?);
        }
        let (first, rest) = rungs(self.memory.recall(), self.connect_timeout);
        let client = climb(first, &rest, &attempt).await?;
        self.memory.keep(Lifecycle::of(client.revision()));
        Ok(client)
    }

    async fn attempt(
        &self,
        scope: &Scope,
        lifecycle: Lifecycle,
        deadline: Instant,
    ) -> Result<Client, Failed> {
        let limit = Limit::of(self.message_size);
        match &self.reach {
            Reach::Command(command) => {
                let (process, output, input) =
                    Process::start(command, &self.secrets).map_err(Failed::Unreachable)?;
                let transport = limit.transport(output, input, self.secrets.clone());
                let backing = Backing::new(Peer::Process(process), limit, self.secrets.clone());
                let handshake = self.shake_hands(transport, backing, lifecycle, deadline);
                handshake.await
            }
            Reach::Http(endpoint) => {
                let ear = Ear::new();
                let (transport, approach) = endpoint.transport(
                    limit.clone(),
                    self.wallet(scope),
                    self.secrets.clone(),
                    ear.clone(),
                );
                let backing = Backing::new(Peer::Elsewhere, limit, self.secrets.clone());
                let handshake = self.shake_hands(transport, backing, lifecycle, deadline);
                let client = handshake.await?.approached(approach);
                if self.handlers.answer() {
                    ear.opened().await;
                }
                Ok(client)
            }
            Reach::InProcess(serve) => {
                let (ours, theirs) = tokio::io::duplex(DUPLEX_BUFFER);
                let task = Task::new(tokio::spawn(serve(theirs)));
                let (output, input) = tokio::io::split(ours);
                let transport = limit.transport(output, input, self.secrets.clone());
                let backing = Backing::new(Peer::InProcess(task), limit, self.secrets.clone());
                let handshake = self.shake_hands(transport, backing, lifecycle, deadline);
                handshake.await
            }
            Reach::Socket(path) => {
                let connect = timeout_at(deadline, UnixStream::connect(path)).await;
                let connected = connect.map_err(|_| Failed::Unreachable(self.too_late()))?;
                let (output, input) = connected.map_err(not_connected)?.into_split();
                let transport = limit.transport(output, input, self.secrets.clone());
                let backing = Backing::new(Peer::Elsewhere, limit, self.secrets.clone());
                let handshake = self.shake_hands(transport, backing, lifecycle, deadline);
                handshake.await
            }
        }
    }

    fn wallet(&self, scope: &Scope) -> Option<Wallet> {
        let provider = Arc::clone(self.identity.as_ref()?);
        Some(Wallet::new(provider, scope.clone(), self.secrets.clone()))
    }

    async fn shake_hands<T, E, A>(
        &self,
        transport: T,
        backing: Backing,
        lifecycle: Lifecycle,
        deadline: Instant,
    ) -> Result<Client, Failed>
    where
        T: IntoTransport<RoleClient, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        let host = Arc::new(Host::new(Arc::clone(&self.handlers)));
        let transport = Watched::new(transport.into_transport(), Arc::clone(&host));
        // Dropped at the end: it closes the channel, by which the peer would end, and its
        // end would be taken for the cause.
        let mut serve = Box::pin(host.serve_with_lifecycle(transport, lifecycle.mode()));
        let service: Result<Service, ClientInitializeError> =
            match timeout_at(deadline, &mut serve).await {
                Ok(service) => service,
                Err(_) => {
                    let witness = backing.witness();
                    let error = witness.add_to(witness.quote(self.too_late()));
                    return Err(Failed::Unreachable(error));
                }
            };
        match service {
            Ok(service) => {
                // One cache per connection would give each caller another view.
                let no_cache = ClientCacheConfig::disabled();
                service.set_response_cache_config(no_cache).await;
                let label = Arc::clone(&self.label);
                let road = Arc::clone(&self.road);
                Ok(Client::new(
                    service,
                    backing,
                    label,
                    road,
                    self.call_timeout,
                ))
            }
            Err(error) => {
                let witness = backing.witness();
                let error = witness.quote(failure::of_connect(error));
                let error = witness.explain(error).await;
                Err(match error.kind() {
                    ErrorKind::NotSent => Failed::Unreachable(as_connect_failure(error)),
                    ErrorKind::Unauthorized | ErrorKind::InvalidInput => Failed::Unreachable(error),
                    ErrorKind::Disconnected => Failed::Handshake(as_connect_failure(error)),
                    _ => Failed::Handshake(error),
                })
            }
        }
    }

    fn too_late(&self) -> Error {
        let limit = self.connect_timeout.as_secs_f64();
        let message = format!("it did not complete the handshake within {limit} s");
        Error::new(ErrorKind::ConnectTimeout, message)
    }
}

fn not_connected(error: std::io::Error) -> Failed {
    let message = "nobody listens at the socket";
    let error = Error::new(ErrorKind::ConnectFailed, message).with_source(error);
    Failed::Unreachable(error)
}

/// What a lost message means while there is no connection yet.
fn as_connect_failure(error: Error) -> Error {
    let failure = failure::retold(&error, ErrorKind::ConnectFailed, error.to_string());
    match std::error::Error::source(&error) {
        Some(source) => failure.with_source(source.to_string()),
        None => failure,
    }
}

impl Connector for ClientConnector {
    type Connection = Client;

    async fn connect(&self, scope: &Scope) -> Result<Client, Error> {
        let result = Box::pin(self.negotiate(scope)).await;
        result.map_err(|error| {
            let message = format!("cannot connect to {}", self.label);
            let told = failure::retold(&error, error.kind(), message);
            self.secrets.scrub(told.with_source(error))
        })
    }
}

impl fmt::Debug for ClientConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConnector")
            .field("target", &self.label)
            .field("lifecycle", &self.lifecycle)
            .field("connect_timeout", &self.connect_timeout)
            .field("call_timeout", &self.call_timeout)
            .field("handlers", &self.handlers)
            .finish_non_exhaustive()
    }
}
