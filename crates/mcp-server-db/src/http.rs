//! Streamable HTTP: who may reach the database, and how.

mod connections;
mod form;
mod shortcut;

use std::{convert::Infallible, fmt, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited, combinators::BoxBody};
use hyper::{
    Request, StatusCode,
    body::{Body as _, Bytes, Incoming},
    header::{self, HeaderMap, HeaderValue},
};
use mcp_domain::{Error, ErrorKind};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

use self::{form::Form, shortcut::Shortcut};
use crate::{
    DatabaseServer,
    handler::Handler,
    sessions::{FULL, Place, Turned},
};

type Response = hyper::Response<BoxBody<Bytes, Infallible>>;

/// How a database is served over HTTP. By default to this machine alone.
#[derive(Clone, Default)]
pub struct HttpOptions {
    /// What every request must bear: `Authorization: Bearer …`. Default: nothing.
    pub token: Option<String>,
    /// Names and addresses, beside the loopback ones, by which the server may be called.
    /// Default: none.
    pub hosts: Vec<String>,
}

/// The token is left out.
impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("hosts", &self.hosts)
            .finish()
    }
}

/// The most bytes that a request may have: parameters can be large, but not without end.
const LONGEST_REQUEST: usize = 4 * 1024 * 1024;

/// How long a client may take to send a request once it has sent its head.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most sessions at a time. One that nobody uses ends after five minutes.
const SESSIONS: usize = 1000;

/// When to ask again for a session, in seconds.
const RETRY_AFTER: &str = "10";

impl DatabaseServer {
    /// Serves any number of clients over Streamable HTTP at `/mcp`, until `shutdown` completes.
    ///
    /// Requests must be for a host that is expected, by default a loopback one, and
    /// none that a browser sends for another site is answered, so that a web page
    /// cannot reach the database. A request may have 4 MiB, and has to come within 30 s.
    /// There is room for 1,000 sessions (which revision 2026-07-28 does without) and as many
    /// connections; who wants one session more is told so (503), another connection waits.
    /// There is no TLS: beyond this machine, put it behind something that has.
    ///
    /// # Errors
    ///
    /// If the listener fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the listener and every session.
    pub async fn serve_http(
        self,
        listener: TcpListener,
        options: HttpOptions,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Error> {
        let failed = |error| {
            Error::new(ErrorKind::Disconnected, "the HTTP server failed").with_source(error)
        };
        let ending = CancellationToken::new();
        let end_sessions = ending.clone().drop_guard();
        let port = listener.local_addr().map_err(failed)?.port();
        let door = Arc::new(Door::new(&self.handler, &options, port, ending));
        let answer = move |request| {
            let door = Arc::clone(&door);
            async move { door.answer(request).await }
        };
        let ended = async move {
            shutdown.await;
            // Open streams would hold the shutdown up.
            drop(end_sessions);
        };
        let served = connections::serve(listener, answer, connections::MOST, ended).await;
        self.handler.settle().await;
        served.map_err(failed)
    }
}

fn config(
    options: &HttpOptions,
    port: u16,
    ending: CancellationToken,
) -> StreamableHttpServerConfig {
    let mut config = StreamableHttpServerConfig::default()
        .with_cancellation_token(ending)
        // Nobody reads an open stream through a proxy here.
        .with_sse_keep_alive(Some(Duration::from_secs(15)))
        .enforce_origin_validation();
    // One answer to one request is one document, in one piece. Streams remain where the
    // older revisions have them.
    config.json_response = true;
    config.max_request_body_bytes = LONGEST_REQUEST;
    config.allowed_hosts.extend(options.hosts.iter().cloned());
    // A page of this very server is no other site.
    config.allowed_origins = ["127.0.0.1", "[::1]", "localhost"]
        .map(|host| format!("http://{host}:{port}"))
        .to_vec();
    config
}

/// What a request comes through, from the outside in.
struct Door {
    /// What it must bear, if anything.
    expected: Option<String>,
    shortcut: Shortcut,
    sdk: StreamableHttpService<Handler, LocalSessionManager>,
}

impl Door {
    fn new(handler: &Handler, options: &HttpOptions, port: u16, ending: CancellationToken) -> Self {
        let expected = options.token.as_ref();
        let shortcut = Shortcut {
            handler: handler.clone(),
            form: Form::new(&options.hosts, port),
            ending: ending.clone(),
        };
        let handler = handler.clone();
        let places = Place::among(SESSIONS);
        Self {
            expected: expected.map(|token| format!("Bearer {token}")),
            shortcut,
            sdk: StreamableHttpService::new(
                move || Ok(handler.at(places.next())),
                Arc::new(LocalSessionManager::default()),
                config(options, port, ending),
            ),
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response {
        let (mut head, body) = request.into_parts();
        if let Some(expected) = &self.expected
            && !bears(&head.headers, expected)
        {
            let mut answer = told(StatusCode::UNAUTHORIZED, "");
            let challenge = HeaderValue::from_static("Bearer");
            answer
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
            return answer;
        }
        let body = match whole(body).await {
            Ok(body) => body,
            Err(status) => return told(status, ""),
        };
        let path = head.uri.path().strip_prefix("/mcp");
        if path.is_none_or(|rest| !rest.is_empty() && !rest.starts_with('/')) {
            return told(StatusCode::NOT_FOUND, "");
        }
        if let Some(call) = self.shortcut.takes(&head, &body) {
            return self.shortcut.answer(call).await;
        }
        let turned = Turned::default();
        head.extensions.insert(turned.clone());
        let request = Request::from_parts(head, Full::new(body));
        let answer = Box::pin(self.sdk.handle(request)).await;
        if turned.away() {
            let mut answer = told(StatusCode::SERVICE_UNAVAILABLE, FULL);
            let later = HeaderValue::from_static(RETRY_AFTER);
            answer.headers_mut().insert(header::RETRY_AFTER, later);
            return answer;
        }
        answer
    }
}

/// Takes a request as a whole: what comes drop by drop, or never ends, keeps nobody but
/// itself.
async fn whole(body: Incoming) -> Result<Bytes, StatusCode> {
    // Who says so beforehand need not send it all.
    if body.size_hint().lower() > LONGEST_REQUEST as u64 {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    match timeout(PATIENCE, Limited::new(body, LONGEST_REQUEST).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// An answer that is a status and a text, which can be empty.
fn told(status: StatusCode, text: impl Into<Bytes>) -> Response {
    let mut answer = Response::new(Full::new(text.into()).boxed());
    *answer.status_mut() = status;
    answer
}

/// Does a request bear the token?
fn bears(headers: &HeaderMap, expected: &str) -> bool {
    let given = headers.get(header::AUTHORIZATION);
    let given = given.map_or(&[][..], HeaderValue::as_bytes);
    same(given, expected.as_bytes())
}

/// Takes as long wherever the difference is.
fn same(one: &[u8], other: &[u8]) -> bool {
    let difference = one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_is_the_same() {
        assert!(same(b"Bearer x", b"Bearer x"));
        for other in [&b"Bearer y"[..], b"Bearer ", b"Bearer xx", b"", b"bearer x"] {
            assert!(!same(other, b"Bearer x"));
        }
    }

    #[test]
    fn the_token_is_not_told() {
        let options = HttpOptions {
            token: Some("kept-secret".to_owned()),
            ..HttpOptions::default()
        };
        assert!(!format!("{options:?}").contains("kept-secret"));
    }
}
