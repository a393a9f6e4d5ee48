//! Whom a connection speaks for: credentials by scope, asked for again when they expire
//! or are refused.

use std::{collections::BTreeMap, fmt, pin::Pin, time::Duration};

use mcp_domain::{Error, Scope};

/// What a connection shows to its server: HTTP headers, most often a bearer token.
///
/// ```
/// use std::time::Duration;
/// use mcp_transport::Identity;
///
/// let identity = Identity::bearer("hunter2").with_header("x-tenant", "7");
/// assert!(!format!("{identity:?}").contains("hunter2"));
/// # let _ =
/// identity.valid_for(Duration::from_secs(300));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identity {
    headers: BTreeMap<String, String>,
    lifetime: Option<Duration>,
}

impl Identity {
    /// No credentials at all.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// A token that is sent as `authorization: Bearer …`.
    pub fn bearer(token: impl fmt::Display) -> Self {
        Self::default().with_header("authorization", format!("Bearer {token}"))
    }

    /// Adds a header to every request; one of the same name is replaced.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_ascii_lowercase(), value.into());
        self
    }

    /// How long it is good for; after that the provider is asked for another one.
    /// Default: until the server refuses it.
    #[must_use]
    pub fn valid_for(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    pub(crate) fn headers(&self) -> &BTreeMap<String, String> {
        &self.headers
    }

    pub(crate) fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("headers", &self.headers.keys())
            .field("lifetime", &self.lifetime)
            .finish()
    }
}

/// For whom an identity is needed, and why.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IdentityRequest {
    /// Whom the connection belongs to.
    pub scope: Scope,
    /// What became of the one before, if the server has refused it.
    pub refused: Option<Refusal>,
}

impl IdentityRequest {
    pub(crate) fn new(scope: Scope, refused: Option<Refusal>) -> Self {
        Self { scope, refused }
    }
}

/// A server has refused an identity, with HTTP status 401 or 403.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// The server's `www-authenticate` header, which says what it wants instead; empty
    /// if it sent none.
    pub challenge: String,
}

impl Refusal {
    pub(crate) fn new(challenge: String) -> Self {
        Self { challenge }
    }
}

/// Knows the credentials of each scope.
///
/// A connection asks when it is opened, when what it has been given is no longer
/// [valid](Identity::valid_for), and when the server refuses it. The next request bears
/// the new one, so that a session outlives its tokens. A refused request is repeated
/// once if the provider gives another identity than the one that was refused; it has
/// not run.
///
/// A closure is a provider, too:
///
/// ```
/// use mcp_domain::Target;
/// use mcp_transport::{ClientConnector, Identity, IdentityRequest};
///
/// # async fn token_of(user: &str, afresh: bool) -> Result<String, mcp_domain::Error> { Ok(String::new()) }
/// let connector = ClientConnector::new(Target::http("https://host/mcp"))?
///     .with_identity(|request: IdentityRequest| async move {
///         let user = request.scope.name().unwrap_or("nobody");
///         let token = token_of(user, request.refused.is_some()).await?;
///         Ok(Identity::bearer(token))
///     });
/// # Ok::<(), mcp_domain::Error>(())
/// ```
pub trait IdentityProvider: Send + Sync + 'static {
    /// The identity for this scope.
    ///
    /// It is asked by one request of a connection at a time; the others wait for the
    /// answer.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from knowing; the request that asked fails with it. Of kind
    /// `Unauthorized` if there are no credentials for the scope.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped with the request that asked; the next one asks again.
    fn identity(
        &self,
        request: IdentityRequest,
    ) -> impl Future<Output = Result<Identity, Error>> + Send;
}

impl<F, Fut> IdentityProvider for F
where
    F: Fn(IdentityRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Identity, Error>> + Send,
{
    fn identity(
        &self,
        request: IdentityRequest,
    ) -> impl Future<Output = Result<Identity, Error>> + Send {
        self(request)
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Identity, Error>> + Send + 'a>>;

/// Any provider.
pub(crate) trait AnyProvider: Send + Sync {
    fn ask(&self, request: IdentityRequest) -> Answer<'_>;
}

impl<P: IdentityProvider> AnyProvider for P {
    fn ask(&self, request: IdentityRequest) -> Answer<'_> {
        Box::pin(self.identity(request))
    }
}
