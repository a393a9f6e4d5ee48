//! OAuth as the MCP specification asks for it: discovery, registration, the two grants,
//! renewal, and more scopes when a server wants them.
//!
//! The SDK speaks the protocol; this decides when.

use std::{
    collections::HashMap,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mcp_domain::{Error, ErrorKind, Scope};
use rmcp::transport::auth::{
    AuthError, AuthorizationManager, AuthorizationRequest, AuthorizationSession,
    ClientCredentialsConfig, WWWAuthenticateParams,
};
use tokio::sync::Semaphore;

use crate::{Identity, IdentityProvider, IdentityRequest, Refusal, http};

/// How long a token is shown before it is looked at again. The SDK renews those that
/// have less than 30 s left, so that none expires in between.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Gets the tokens of each scope by OAuth.
///
/// It does nothing until a server refuses a connection; then it finds the authorization
/// server by what the refusal says, and gets a token by one of two grants:
/// [for a program](Self::for_program) of its own right, or
/// [for a user](Self::for_user) who is asked to log in. It renews tokens that expire or
/// are refused, and asks for more scopes when the server wants more.
///
/// Tokens are kept in memory, for as long as the `OAuth` or a clone of it lives. Each
/// scope has tokens of its own; connections of one scope share them.
///
/// ```
/// use mcp_domain::Target;
/// use mcp_transport::{ClientConnector, OAuth};
///
/// # async fn show(url: String) -> Result<String, mcp_domain::Error> { Ok(url) }
/// let url = "https://host/mcp";
/// let oauth = OAuth::for_user(url, "http://127.0.0.1:7777/callback", |login: String| async move {
///     // Open a browser there, and return the whole URL that it is sent back to.
///     show(login).await
/// });
/// let connector = ClientConnector::new(Target::http(url))?.with_identity(oauth);
/// # Ok::<(), mcp_domain::Error>(())
/// ```
#[derive(Clone)]
pub struct OAuth {
    url: Arc<str>,
    grant: Grant,
    client: Client,
    sessions: Arc<Mutex<HashMap<Scope, Arc<Session>>>>,
}

/// How a token is got.
#[derive(Clone)]
enum Grant {
    ClientCredentials,
    Login { redirect: Arc<str>, login: Login },
}

type Login = Arc<dyn Fn(String) -> LoginFuture + Send + Sync>;
type LoginFuture = Pin<Box<dyn Future<Output = Result<String, Error>> + Send>>;

/// Who we are to the authorization server.
#[derive(Clone, Default)]
struct Client {
    id: Option<String>,
    secret: Option<String>,
    name: Option<String>,
    metadata_url: Option<String>,
    scopes: Vec<String>,
}

/// The tokens of a scope.
struct Session {
    /// Its owner for the moment is whoever has come through the turnstile.
    manager: Mutex<Option<AuthorizationManager>>,
    turnstile: Semaphore,
}

impl OAuth {
    /// For a program that acts in its own right: the grant `client_credentials`, with a secret.
    ///
    /// Programs that prove themselves by a signed JWT (`private_key_jwt`) are not served: what
    /// the SDK has for them is tied to aws-lc, a second C cryptography library beside the
    /// one of TLS.
    pub fn for_program(
        url: impl Into<Arc<str>>,
        client_id: impl Into<String>,
        client_secret: impl Into<String>,
    ) -> Self {
        Self::new(url.into(), Grant::ClientCredentials).with_client(client_id, client_secret)
    }

    /// For users who log in: the grant `authorization_code`, with PKCE.
    ///
    /// `login` is called with the URL where the user logs in, and returns the URL at
    /// `redirect` that the authorization server sends the user back to, with its query.
    /// It may take as long as connect and call deadlines allow.
    pub fn for_user<F, Fut>(
        url: impl Into<Arc<str>>,
        redirect: impl Into<Arc<str>>,
        login: F,
    ) -> Self
    where
        F: Fn(String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, Error>> + Send + 'static,
    {
        let login: Login = Arc::new(move |url| Box::pin(login(url)));
        let redirect = redirect.into();
        Self::new(url.into(), Grant::Login { redirect, login })
    }

    fn new(url: Arc<str>, grant: Grant) -> Self {
        Self {
            url,
            grant,
            client: Client::default(),
            sessions: Arc::default(),
        }
    }

    /// A client that is registered already. Default: it is registered on the spot, or
    /// described by [its metadata](Self::with_client_metadata_url).
    #[must_use]
    pub fn with_client(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        let secret = secret.into();
        self.client.id = Some(id.into());
        self.client.secret = (!secret.is_empty()).then_some(secret);
        self
    }

    /// What users read when they are asked for their consent. Default: `MCP Client`.
    #[must_use]
    pub fn with_client_name(mut self, name: impl Into<String>) -> Self {
        self.client.name = Some(name.into());
        self
    }

    /// Where the description of the client is published, for authorization servers that
    /// read it instead of registering clients. Default: nowhere.
    #[must_use]
    pub fn with_client_metadata_url(mut self, url: impl Into<String>) -> Self {
        self.client.metadata_url = Some(url.into());
        self
    }

    /// The OAuth scopes to ask for. Default: those that the server names.
    #[must_use]
    pub fn with_scopes<I>(mut self, scopes: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.client.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    fn session(&self, scope: &Scope) -> Arc<Session> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sessions.entry(scope.clone()).or_default())
    }

    /// Renews, extends or begins a session that the server has refused.
    async fn renew(
        &self,
        manager: Option<AuthorizationManager>,
        refusal: &Refusal,
    ) -> Result<AuthorizationManager, AuthError> {
        let Some(mut manager) = manager else {
            return self.begin(refusal).await;
        };
        match (self.missing_scope(refusal), &self.grant) {
            (Some(scope), Grant::Login { redirect, login }) => {
                let url = manager.request_scope_upgrade(&scope).await?;
                let session = AuthorizationSession::for_scope_upgrade(manager, url, redirect);
                log_in(session, login).await
            }
            (None, _) if manager.refresh_token().await.is_ok() => Ok(manager),
            // It knows the way already.
            (None, Grant::ClientCredentials) if self.exchange(&mut manager).await.is_ok() => {
                Ok(manager)
            }
            _ => self.begin(refusal).await,
        }
    }

    /// The scope that the token lacks, if that is what is wrong with it.
    fn missing_scope(&self, refusal: &Refusal) -> Option<String> {
        let base = reqwest::Url::parse(&self.url).ok()?;
        let challenge = WWWAuthenticateParams::parse(&refusal.challenge, &base);
        challenge
            .scope
            .filter(|_| challenge.error.as_deref() == Some("insufficient_scope"))
    }

    /// Finds the authorization server and gets a first token there.
    async fn begin(&self, refusal: &Refusal) -> Result<AuthorizationManager, AuthError> {
        let mut manager = AuthorizationManager::new(&*self.url).await?;
        let challenge = Some(refusal.challenge.as_str()).filter(|text| !text.is_empty());
        let found = manager.resolve_metadata_from_challenge(challenge).await?;
        manager.set_metadata(found.metadata);
        match &self.grant {
            Grant::ClientCredentials => {
                self.exchange(&mut manager).await?;
                Ok(manager)
            }
            Grant::Login { redirect, login } => {
                let mut request =
                    AuthorizationRequest::new(&**redirect).with_initial_scope_selection();
                request.scopes.clone_from(&self.client.scopes);
                request.client_name.clone_from(&self.client.name);
                request.client_id.clone_from(&self.client.id);
                request.client_secret.clone_from(&self.client.secret);
                request
                    .client_metadata_url
                    .clone_from(&self.client.metadata_url);
                let session = AuthorizationSession::new(manager, request).await;
                log_in(session.map_err(|(_, error)| error)?, login).await
            }
        }
    }

    /// Gets a token in the program's own right.
    async fn exchange(&self, manager: &mut AuthorizationManager) -> Result<(), AuthError> {
        let mut scopes = self.client.scopes.clone();
        if scopes.is_empty() {
            scopes = manager.select_initial_scopes(&[]).await;
        }
        let config = ClientCredentialsConfig::ClientSecret {
            client_id: self.client.id.clone().unwrap_or_default(),
            client_secret: self.client.secret.clone().unwrap_or_default(),
            scopes,
            resource: Some(self.url.to_string()),
        };
        manager.validate_client_credentials_metadata(&config)?;
        manager.configure_client_credentials(&config)?;
        manager.exchange_client_credentials(&config).await?;
        Ok(())
    }
}

async fn log_in(
    session: AuthorizationSession,
    login: &Login,
) -> Result<AuthorizationManager, AuthError> {
    let back = login(session.get_authorization_url().to_owned()).await;
    let back = back.map_err(|error| AuthError::AuthorizationFailed(error.chain()))?;
    session.handle_callback_url(&back).await?;
    Ok(session.auth_manager)
}

impl IdentityProvider for OAuth {
    async fn identity(&self, request: IdentityRequest) -> Result<Identity, Error> {
        // The SDK's own HTTP client needs a TLS provider.
        http::provide_tls();
        let session = self.session(&request.scope);
        let _turn = session.turnstile.acquire().await;
        let mut held = Held::of(&session);
        if let Some(refusal) = &request.refused {
            let renewed = self.renew(held.manager.take(), refusal).await;
            held.manager = Some(renewed.map_err(not_authorized)?);
        }
        let Some(manager) = &held.manager else {
            return Ok(Identity::anonymous());
        };
        match manager.get_access_token().await {
            Ok(token) => Ok(Identity::bearer(token).valid_for(LOOK_AGAIN)),
            // The server will refuse, and say where to begin.
            Err(AuthError::AuthorizationRequired) => Ok(Identity::anonymous()),
            Err(error) => Err(not_authorized(error)),
        }
    }
}

/// The manager of a session, which goes back there whatever happens.
struct Held<'a> {
    session: &'a Session,
    manager: Option<AuthorizationManager>,
}

impl<'a> Held<'a> {
    fn of(session: &'a Session) -> Self {
        let manager = session.lock().take();
        Self { session, manager }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self.session.lock() = self.manager.take();
    }
}

impl Session {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<AuthorizationManager>> {
        self.manager.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Session {
    fn default() -> Self {
        Self {
            manager: Mutex::default(),
            turnstile: Semaphore::new(1),
        }
    }
}

/// No token could be got. The text is the authorization server's, which knows no token
/// of ours but those it sends itself.
fn not_authorized(error: AuthError) -> Error {
    let kind = match &error {
        AuthError::HttpError(_) | AuthError::DiscoveryRequestFailed { .. } => {
            ErrorKind::ConnectFailed
        }
        _ => ErrorKind::Unauthorized,
    };
    let cause = error.to_string();
    let cause: String = cause
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect();
    Error::new(kind, "no token could be got").with_source(cause)
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grant = match self.grant {
            Grant::ClientCredentials => "client_credentials",
            Grant::Login { .. } => "authorization_code",
        };
        f.debug_struct("OAuth")
            .field("grant", &grant)
            .field("client_id", &self.client.id)
            .finish_non_exhaustive()
    }
}
