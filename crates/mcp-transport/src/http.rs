//! Streamable HTTP: one HTTP client for the whole process, one transport per connection.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Arc, OnceLock},
};

use mcp_domain::{Error, ErrorKind, HttpTarget};
use reqwest::{
    ClientBuilder,
    header::{HeaderName, HeaderValue},
    redirect::{Attempt, Policy},
};
use rmcp::transport::{
    StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
};
use tokio::sync::mpsc;

use self::client::HttpClient;
use crate::{
    bounded::{Limit, Owed},
    lifecycle::Lenient,
    secrets::Secrets,
};

pub(crate) use self::{
    aside::Aside,
    ear::Ear,
    shortcut::{Approach, Shortcut},
    wallet::Wallet,
};

mod answer;
mod aside;
mod client;
mod ear;
mod events;
mod shortcut;
mod wallet;

/// An endpoint, checked, and the HTTP client that leads to it.
#[derive(Clone)]
pub(crate) struct Endpoint {
    config: StreamableHttpClientTransportConfig,
    client: reqwest::Client,
}

impl Endpoint {
    /// An endpoint of the network.
    pub(crate) fn new(target: &HttpTarget) -> Result<Self, Error> {
        let wrong = |what| Error::new(ErrorKind::InvalidInput, format!("`{target}` {what}"));
        let begins = |scheme: &str| {
            let beginning = target.url.get(..scheme.len());
            beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(scheme))
        };
        if !(begins("http://") || begins("https://")) {
            return Err(wrong("must begin with http:// or https://"));
        }
        if let Err(error) = reqwest::Url::parse(&target.url) {
            return Err(wrong("is not a URL").with_source(error));
        }
        Ok(Self {
            config: configure(target.url.as_str(), &target.headers)?,
            client: shared_client()?.clone(),
        })
    }

    /// An endpoint behind a Unix socket. Its connector's connections share an HTTP client.
    pub(crate) fn at_socket(
        socket: &Path,
        endpoint: &str,
        headers: &BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let url = format!("http://localhost{endpoint}");
        if !endpoint.starts_with('/') || reqwest::Url::parse(&url).is_err() {
            let message = "the endpoint at a Unix socket must be a path such as `/mcp`";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(Self {
            config: configure(&url, headers)?,
            client: build(client_builder().unix_socket(socket))?,
        })
    }

    /// A transport of its own, and the approach to a short way beside it; no event of a
    /// stream may be longer than this.
    pub(crate) fn transport(
        &self,
        limit: Limit,
        wallet: Option<Wallet>,
        secrets: Secrets,
        ear: Ear,
    ) -> (Lenient<Owed<Aside<Long>>>, Approach) {
        let config = self.config.clone().max_sse_event_size(limit.bytes());
        let client = HttpClient::new(
            self.client.clone(),
            limit.clone(),
            wallet,
            secrets.clone(),
            ear,
        );
        let (aside, others) = mpsc::channel(MOST_ASIDE);
        let promoted = Arc::default();
        let approach = Approach {
            client: client.clone(),
            uri: Arc::clone(&config.uri),
            headers: config.custom_headers.clone(),
            aside,
            promoted: Arc::clone(&promoted),
        };
        let long = StreamableHttpClientTransport::with_client(client, config);
        let transport = limit.guard(Aside::new(long, others, promoted), secrets);
        (transport, approach)
    }
}

/// The SDK's way of a request.
type Long = StreamableHttpClientTransport<HttpClient>;

/// So many messages that came beside answers may wait to be heard.
const MOST_ASIDE: usize = 16;

/// Headers by which the protocol works.
const OURS: [&str; 4] = [
    "accept",
    "last-event-id",
    "mcp-protocol-version",
    "mcp-session-id",
];

fn configure(
    url: &str,
    given: &BTreeMap<String, String>,
) -> Result<StreamableHttpClientTransportConfig, Error> {
    let mut config = StreamableHttpClientTransportConfig::with_uri(url);
    config.custom_headers = header_map(given)?;
    // A pool replaces a connection whose session is lost; a session that is
    // silently begun anew would have lost its state without anybody's knowing.
    config.reinit_on_expired_session = false;
    Ok(config)
}

/// Checks headers; their values show in no log.
pub(crate) fn header_map(
    given: &BTreeMap<String, String>,
) -> Result<HashMap<HeaderName, HeaderValue>, Error> {
    let mut headers = HashMap::new();
    for (name, value) in given {
        let bad = |_| {
            let message = format!("header `{name}` has a name or value that HTTP does not allow");
            Error::new(ErrorKind::InvalidInput, message)
        };
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad(()))?;
        if OURS.contains(&header.as_str()) {
            let message = format!("header `{name}` is set by the client itself; leave it out");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| bad(()))?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    Ok(headers)
}

/// One client for the process: its sockets and TLS sessions serve all connections
/// to an origin.
fn shared_client() -> Result<&'static reqwest::Client, Error> {
    static CLIENT: OnceLock<Result<reqwest::Client, Error>> = OnceLock::new();
    let client = CLIENT.get_or_init(|| build(client_builder()));
    client.as_ref().map_err(Clone::clone)
}

/// Sees to it that there is a provider of TLS.
pub(crate) fn provide_tls() {
    // Fails if the program has chosen one already, which is then used.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn client_builder() -> ClientBuilder {
    provide_tls();
    reqwest::Client::builder().redirect(Policy::custom(redirect))
}

fn build(builder: ClientBuilder) -> Result<reqwest::Client, Error> {
    builder.build().map_err(|error| {
        Error::new(ErrorKind::ConnectFailed, "cannot set up HTTP").with_source(error)
    })
}

/// How many redirects one request may follow.
const MOST_REDIRECTS: usize = 10;

/// Follows a redirect only where the request stays what it is, and among those whom its
/// headers were meant for: another origin must not see a credential.
fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let keeps_the_body = matches!(attempt.status().as_u16(), 307 | 308);
    let origin = attempt.previous().first().map(reqwest::Url::origin);
    if !keeps_the_body || origin != Some(attempt.url().origin()) {
        attempt.stop()
    } else if attempt.previous().len() > MOST_REDIRECTS {
        attempt.error("too many redirects")
    } else {
        attempt.follow()
    }
}
