//! The HTTP client under the SDK's transport, and what the SDK's own does not see to.
//!
//! - An answer by HTTP belongs to the request it came for, whatever id it bears. The SDK
//!   goes by the id alone: a refusal without one (the official TypeScript server reports
//!   a lost session like that) would leave its call waiting for ever.
//! - A refusal for want of credentials is one, with a challenge or without.
//! - A stream that ends because one of its events is too long says so.

use std::{collections::HashMap, sync::Arc};

use futures::stream::{BoxStream, StreamExt as _};
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::{
    model::{ClientJsonRpcMessage, RequestId, ServerJsonRpcMessage},
    transport::streamable_http_client::{
        AuthRequiredError, SseError, StreamableHttpClient, StreamableHttpError,
        StreamableHttpPostResponse,
    },
};
use sse_stream::Sse;

use crate::bounded::Limit;

/// An HTTP client that serves one connection.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient {
    http: reqwest::Client,
    limit: Limit,
}

type Failure = StreamableHttpError<reqwest::Error>;
type Headers = HashMap<HeaderName, HeaderValue>;
type Events = BoxStream<'static, Result<Sse, SseError>>;

impl HttpClient {
    pub(crate) fn new(http: reqwest::Client, limit: Limit) -> Self {
        Self { http, limit }
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
        let asked = match &message {
            ClientJsonRpcMessage::Request(request) => Some(request.id.clone()),
            _ => None,
        };
        let post = self.http.post_message_with_max_sse_event_size(
            uri, message, session, token, headers, most_bytes,
        );
        match (post.await.map_err(told_apart)?, asked) {
            (StreamableHttpPostResponse::Json(answer, session), Some(asked)) => {
                let answer = correlated(answer, asked)?;
                Ok(StreamableHttpPostResponse::Json(answer, session))
            }
            (StreamableHttpPostResponse::Sse(events, session), _) => Ok(
                StreamableHttpPostResponse::Sse(self.watched(events), session),
            ),
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
        let delete = self.http.delete_session(uri, session, token, headers);
        delete.await.map_err(told_apart)
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
        let get = self.http.get_stream_with_max_sse_event_size(
            uri, session, last_event, token, headers, most_bytes,
        );
        let events = get.await.map_err(told_apart)?;
        Ok(self.watched(events))
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
