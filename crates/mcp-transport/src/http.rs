//! Streamable HTTP: one HTTP client for the whole process, one transport per connection.

use std::{collections::HashMap, sync::OnceLock};

use mcp_domain::{Error, ErrorKind, HttpTarget};
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::transport::{
    StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
};

/// The transport's configuration; checks the target.
pub(crate) fn configure(target: &HttpTarget) -> Result<StreamableHttpClientTransportConfig, Error> {
    let url = reqwest::Url::parse(&target.url).map_err(|error| {
        let message = format!("`{}` is not a URL", target.url);
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        let message = format!("`{url}` must begin with http:// or https://");
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let mut headers = HashMap::new();
    for (name, value) in &target.headers {
        let bad = |_| {
            let message = format!("header `{name}` has a name or value that HTTP does not allow");
            Error::new(ErrorKind::InvalidInput, message)
        };
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad(()))?;
        let mut value = HeaderValue::from_str(value).map_err(|_| bad(()))?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    let mut config = StreamableHttpClientTransportConfig::with_uri(target.url.as_str());
    config.custom_headers = headers;
    // A pool replaces a connection whose session is lost; a session that is
    // silently begun anew would have lost its state without anybody's knowing.
    config.reinit_on_expired_session = false;
    Ok(config)
}

/// A transport of its own, over the HTTP client that all share.
pub(crate) fn transport(
    config: StreamableHttpClientTransportConfig,
) -> Result<StreamableHttpClientTransport<reqwest::Client>, Error> {
    Ok(StreamableHttpClientTransport::with_client(
        client()?.clone(),
        config,
    ))
}

/// One client for the process: its sockets and TLS sessions serve all connections
/// to an origin.
fn client() -> Result<&'static reqwest::Client, Error> {
    static CLIENT: OnceLock<Result<reqwest::Client, Error>> = OnceLock::new();
    let client = CLIENT.get_or_init(|| {
        // Fails if the program has chosen a provider already, which is then used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder().build().map_err(|error| {
            Error::new(ErrorKind::ConnectFailed, "cannot set up HTTP").with_source(error)
        })
    });
    client.as_ref().map_err(Clone::clone)
}
