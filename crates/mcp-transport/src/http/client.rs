//! The HTTP client of a connection, under the SDK's transport and beside it; and what the
//! SDK's own does not see to.
//!
//! - An answer by HTTP belongs to the request it came for, whatever id it bears. The SDK
//!   goes by the id alone: a refusal without one (the official TypeScript server reports
//!   a lost session like that) would leave its call waiting for ever.
//! - A server that accepts a request and gives no answer is no reason to wait for one.
//! - A refusal for want of credentials is one, with a challenge or without. Where
//!   somebody knows other credentials, the request is made once more with those.
//! - What is told of a failure holds no credentials: the SDK logs it.
//! - A stream that ends because one of its events is too long says so.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use futures::stream::StreamExt as _;
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::{
    model::{ClientJsonRpcMessage, ClientRequest, RequestId, ServerJsonRpcMessage},
    transport::streamable_http_client::{
        AuthRequiredError, InsufficientScopeError, SseError, StreamableHttpClient,
        StreamableHttpError, StreamableHttpPostResponse,
    },
};
use sse_stream::Sse;

use super::{ear::Ear, events::Events, wallet::Wallet};
use crate::{bounded::Limit, secrets::Secrets};

/// An HTTP client that serves one connection.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient {
    http: reqwest::Client,
    limit: Limit,
    wallet: Option<Arc<Wallet>>,
    secrets: Secrets,
    ear: Ear,
    /// What the server calls the session, where there is one.
    session: Arc<OnceLock<Arc<str>>>,
}

pub(super) type Failure = StreamableHttpError<reqwest::Error>;
pub(super) type Headers = HashMap<HeaderName, HeaderValue>;

impl HttpClient {
    pub(crate) fn new(
        http: reqwest::Client,
        limit: Limit,
        wallet: Option<Wallet>,
        secrets: Secrets,
        ear: Ear,
    ) -> Self {
        Self {
            http,
            limit,
            wallet: wallet.map(Arc::new),
            secrets,
            ear,
            session: Arc::default(),
        }
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    pub(super) fn limit(&self) -> &Limit {
        &self.limit
    }

    pub(super) fn session(&self) -> Option<Arc<str>> {
        self.session.get().cloned()
    }

    pub(super) fn wallet(&self) -> Option<&Wallet> {
        self.wallet.as_deref()
    }

    /// The failure, told apart and without credentials.
    pub(super) fn told(&self, failure: Failure) -> Failure {
        match told_apart(failure) {
            StreamableHttpError::Client(error) => StreamableHttpError::Client(error.without_url()),
            StreamableHttpError::UnexpectedServerResponse(answer) => {
                let told = self.secrets.hide_in_quote(&answer);
                StreamableHttpError::UnexpectedServerResponse(told.into())
            }
            StreamableHttpError::UnexpectedContentType(Some(kind)) => {
                StreamableHttpError::UnexpectedContentType(Some(self.secrets.hide(&kind)))
            }
            StreamableHttpError::AuthRequired(error) => {
                let challenge = self.secrets.hide(&error.www_authenticate_header);
                StreamableHttpError::AuthRequired(AuthRequiredError::new(challenge))
            }
            StreamableHttpError::InsufficientScope(error) => {
                let challenge = self.secrets.hide(&error.www_authenticate_header);
                let scope = error.required_scope;
                let error = InsufficientScopeError::new(challenge, scope);
                StreamableHttpError::InsufficientScope(error)
            }
            failure => failure,
        }
    }

    /// Makes a request that bears the connection's identity, and makes it once more if
    /// that is refused and there is another one.
    pub(super) async fn identified<T, F>(
        &self,
        wallet: &Wallet,
        headers: Headers,
        request: impl Fn(Headers) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let shown = wallet.show().await.map_err(unknown)?;
        let mut first = headers.clone();
        shown.add_to(&mut first);
        let failure = match request(first).await.map_err(|failure| self.told(failure)) {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        let challenge = match &failure {
            StreamableHttpError::AuthRequired(error) => &error.www_authenticate_header,
            StreamableHttpError::InsufficientScope(error) => &error.www_authenticate_header,
            _ => return Err(failure),
        };
        match wallet.replace(&shown, challenge.clone()).await {
            Ok(Some(other)) => {
                let mut again = headers;
                other.add_to(&mut again);
                request(again).await.map_err(|failure| self.told(failure))
            }
            Ok(None) => Err(failure),
            Err(error) => Err(unknown(error)),
        }
    }

    /// Notes when a stream ends because of an event that is too long.
    fn watched(&self, events: Events) -> Events {
        let limit = self.limit.clone();
        let watch = move |event: &Result<Sse, SseError>| {
            // The SDK keeps the type of this error to itself.
            if let Err(SseError::Body(error)) = event
                && error.to_string().contains("exceeded the maximum size")
            {
                limit.note_overrun();
            }
        };
        events.inspect(watch).boxed()
    }
}

impl StreamableHttpClient for HttpClient {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let most_bytes = self.limit.bytes();
        self.post_message_with_max_sse_event_size(uri, message, session, token, headers, most_bytes)
            .await
    }

    async fn post_message_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
        most_bytes: usize,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let (asked, begins) = match &message {
            ClientJsonRpcMessage::Request(request) => (
                Some(request.id.clone()),
                matches!(request.request, ClientRequest::InitializeRequest(_)),
            ),
            _ => (None, false),
        };
        let answer = match &self.wallet {
            None => {
                let post = self.http.post_message_with_max_sse_event_size(
                    uri, message, session, token, headers, most_bytes,
                );
                post.await.map_err(|failure| self.told(failure))
            }
            Some(wallet) => {
                let post = |headers| {
                    self.http.post_message_with_max_sse_event_size(
                        Arc::clone(&uri),
                        message.clone(),
                        session.clone(),
                        token.clone(),
                        headers,
                        most_bytes,
                    )
                };
                self.identified(wallet, headers, post).await
            }
        };
        let answer = answer?;
        if let StreamableHttpPostResponse::Json(_, Some(session))
        | StreamableHttpPostResponse::Sse(_, Some(session)) = &answer
        {
            self.ear.note_session();
            if begins {
                let _ = self.session.set(session.as_str().into());
            }
        }
        match (answer, asked) {
            (StreamableHttpPostResponse::Json(answer, session), Some(asked)) => {
                let answer = correlated(answer, asked)?;
                Ok(StreamableHttpPostResponse::Json(answer, session))
            }
            (StreamableHttpPostResponse::Sse(events, session), _) => Ok(
                StreamableHttpPostResponse::Sse(self.watched(events), session),
            ),
            (StreamableHttpPostResponse::Accepted, Some(_)) => {
                let what = "the request was accepted, but not answered";
                Err(StreamableHttpError::UnexpectedServerResponse(what.into()))
            }
            (answer, _) => Ok(answer),
        }
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        token: Option<String>,
        headers: Headers,
    ) -> Result<(), Failure> {
        let delete = |headers| {
            let (uri, session) = (Arc::clone(&uri), Arc::clone(&session));
            self.http
                .delete_session(uri, session, token.clone(), headers)
        };
        match &self.wallet {
            None => delete(headers).await.map_err(|failure| self.told(failure)),
            Some(wallet) => self.identified(wallet, headers, delete).await,
        }
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        token: Option<String>,
        headers: Headers,
    ) -> Result<Events, Failure> {
        let most_bytes = self.limit.bytes();
        self.get_stream_with_max_sse_event_size(
            uri, session, last_event, token, headers, most_bytes,
        )
        .await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        token: Option<String>,
        headers: Headers,
        most_bytes: usize,
    ) -> Result<Events, Failure> {
        let get = |headers| {
            self.http.get_stream_with_max_sse_event_size(
                Arc::clone(&uri),
                session.clone(),
                last_event.clone(),
                token.clone(),
                headers,
                most_bytes,
            )
        };
        let events = match &self.wallet {
            None => get(headers).await.map_err(|failure| self.told(failure)),
            Some(wallet) => self.identified(wallet, headers, get).await,
        };
        self.ear.note_stream();
        Ok(self.watched(events?))
    }
}

/// The answer to the request with this id.
fn correlated(
    answer: ServerJsonRpcMessage,
    asked: RequestId,
) -> Result<ServerJsonRpcMessage, Failure> {
    match answer {
        ServerJsonRpcMessage::Error(refusal) => {
            Ok(ServerJsonRpcMessage::error(refusal.error, Some(asked)))
        }
        ServerJsonRpcMessage::Response(response) if response.id != asked => {
            let what = "the answer has the id of another request";
            Err(StreamableHttpError::UnexpectedServerResponse(what.into()))
        }
        answer => Ok(answer),
    }
}

/// Tells a refusal for want of credentials apart, which comes without a type where the
/// server names no scheme.
fn told_apart(failure: Failure) -> Failure {
    match failure {
        StreamableHttpError::UnexpectedServerResponse(answer)
            if answer.starts_with("HTTP 401") || answer.starts_with("HTTP 403") =>
        {
            StreamableHttpError::AuthRequired(AuthRequiredError::new(String::new()))
        }
        failure => failure,
    }
}

/// Nobody knows whom this connection speaks for.
fn unknown(error: mcp_domain::Error) -> Failure {
    StreamableHttpError::Io(std::io::Error::other(error))
}
