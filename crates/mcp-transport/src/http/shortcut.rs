//! The short way of a request: it is made, and its answer read, where it is awaited.
//!
//! The SDK hands a request on four times until it is at its socket, and the answer three times
//! until it is with its caller: each is a task that has to be woken, and a message that is
//! moved, copied and looked through. A request that needs nothing but its answer needs one
//! of each.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _};
use mcp_domain::Error;
use reqwest::{
    Request, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use rmcp::{
    RoleClient,
    model::{
        ClientConfig, ClientJsonRpcMessage, ClientRequest, GetMeta as _, JsonRpcMessage,
        NumberOrString, ProgressToken, ProtocolVersion, RequestId, RequestMetaObject, ServerResult,
    },
    service::{RxJsonRpcMessage, ServiceError},
    transport::streamable_http_client::{StreamableHttpClient as _, StreamableHttpError},
};
use tokio::{
    runtime::{self, Handle},
    sync::mpsc,
    task::coop::consume_budget,
    time::{sleep, timeout},
};

use super::{
    answer::{self, Answer},
    aside::Promoted,
    client::{Failure, Headers, HttpClient},
    events::Events,
};
use crate::{failure, reading::understand};

/// The first number of a request of ours; the SDK begins with 0, and will not come that far.
const FIRST: u32 = 1 << 30;

/// How long to wait before a stream that has ended is asked for again, unless its server says.
const BEFORE_RESUMING: Duration = Duration::from_secs(1);

/// How often that is doubled at most, while the server does not give it.
const MOST_DOUBLINGS: u32 = 6;

/// How long the rest of a stream is read whose answer is there, so that its socket can be
/// used again.
const REST: Duration = Duration::from_millis(50);

/// The way to a server, which is to be opened yet.
pub(crate) struct Approach {
    pub(super) client: HttpClient,
    pub(super) uri: Arc<str>,
    pub(super) headers: Headers,
    pub(super) aside: mpsc::Sender<RxJsonRpcMessage<RoleClient>>,
    pub(super) promoted: Arc<Promoted>,
}

/// The short way to a server.
pub(crate) struct Shortcut {
    client: HttpClient,
    /// All that is the same for every request.
    blank: Request,
    uri: Arc<str>,
    session: Option<Arc<str>>,
    headers: Headers,
    /// What every request says of us, where there is no session to remember it.
    meta: Option<RequestMetaObject>,
    next: AtomicU32,
    home: runtime::Id,
    aside: mpsc::Sender<RxJsonRpcMessage<RoleClient>>,
    promoted: Arc<Promoted>,
}

impl Approach {
    /// The short way, once it is known how server and client speak with each other.
    pub(crate) fn shortcut(self, revision: &ProtocolVersion, us: ClientConfig) -> Option<Shortcut> {
        let session = self.client.session();
        let mut headers = self.headers;
        let version = HeaderValue::from_str(revision.as_str()).ok()?;
        headers.insert(HeaderName::from_static("mcp-protocol-version"), version);
        // Makes a header of credentials in the URL.
        let mut blank = self.client.http().post(&*self.uri).build().ok()?;
        let constant = blank.headers_mut();
        constant.extend(headers.clone());
        let both = HeaderValue::from_static("text/event-stream, application/json");
        constant.insert(ACCEPT, both);
        constant.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(session) = &session {
            constant.insert("mcp-session-id", HeaderValue::from_str(session).ok()?);
        }
        let meta = (!revision.has_initialize()).then(|| {
            let mut meta = RequestMetaObject::new();
            meta.set_protocol_version(revision.clone());
            meta.set_client_info(us.client_info);
            meta.set_client_capabilities(us.capabilities);
            meta
        });
        Some(Shortcut {
            client: self.client,
            blank,
            uri: self.uri,
            session,
            headers,
            meta,
            next: AtomicU32::new(0),
            home: Handle::current().id(),
            aside: self.aside,
            promoted: self.promoted,
        })
    }
}

impl Shortcut {
    /// May this request go the short way?
    ///
    /// Not if others need to know of it or of its answer: for those there is the long one.
    /// Nor from another runtime than the connection's: the sockets would be kept by that one.
    pub(crate) fn takes(&self, request: &ClientRequest) -> bool {
        let is_fit = match request {
            ClientRequest::CallToolRequest(call) => {
                is_plain(&call.params.name) && !self.promoted.has(&call.params.name)
            }
            ClientRequest::GetPromptRequest(get) => is_plain(&get.params.name),
            ClientRequest::ReadResourceRequest(read) => is_plain(&read.params.uri),
            ClientRequest::PingRequest(_) => true,
            _ => false,
        };
        is_fit && Handle::try_current().is_ok_and(|here| here.id() == self.home)
    }

    /// The number of the next request.
    pub(crate) fn number(&self) -> RequestId {
        numbered(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes this request, and reads its answer.
    pub(crate) async fn ask(
        &self,
        mut request: ClientRequest,
        number: RequestId,
        more: Option<RequestMetaObject>,
    ) -> Result<ServerResult, Error> {
        let meta = request.get_meta_mut();
        if let Some(ours) = &self.meta {
            meta.extend(ours.clone());
        }
        if let Some(more) = more {
            meta.extend(more);
        }
        meta.set_progress_token(ProgressToken(number.clone()));
        let told = |failure| failure::of_http_call(&self.client.told(failure));
        let http = self.http(request, &number).map_err(told)?;
        let answer = match self.client.wallet() {
            None => self.post(http).await,
            Some(wallet) => {
                let post = |headers: Headers| {
                    // A body in memory can be sent twice.
                    let again = http.try_clone();
                    async {
                        let mut http = again.ok_or(StreamableHttpError::UnexpectedEndOfStream)?;
                        http.headers_mut().extend(headers);
                        self.post(http).await
                    }
                };
                let identified = self.client.identified(wallet, Headers::new(), post);
                Box::pin(identified).await
            }
        };
        match answer.map_err(told)? {
            Answer::Events(events) => Box::pin(self.follow(events, &number)).await,
            Answer::Message(JsonRpcMessage::Response(answer)) if answer.id == number => {
                Ok(answer.result)
            }
            // A refusal belongs to the request it came for, whatever it says.
            Answer::Message(JsonRpcMessage::Error(refusal)) => {
                Err(failure::of_answer(&refusal.error))
            }
            Answer::Message(_) => Err(told(StreamableHttpError::UnexpectedServerResponse(
                "the answer has the id of another request".into(),
            ))),
        }
    }

    fn http(&self, request: ClientRequest, number: &RequestId) -> Result<Request, Failure> {
        let mut http = self
            .blank
            .try_clone()
            .ok_or(StreamableHttpError::UnexpectedEndOfStream)?;
        if self.meta.is_some() {
            describe(&request, http.headers_mut());
        }
        let message = ClientJsonRpcMessage::request(request, number.clone());
        *http.body_mut() = Some(serde_json::to_vec(&message)?.into());
        Ok(http)
    }

    async fn post(&self, http: Request) -> Result<Answer, Failure> {
        let answer = self.client.http().execute(http).await;
        let answer = answer.map_err(StreamableHttpError::Client)?;
        answer::read(answer, self.session.is_some(), self.client.limit()).await
    }

    /// Reads a stream until it has the answer to this request. What else it says is for all
    /// to hear; where it ends too early it is resumed.
    async fn follow(&self, mut events: Events, number: &RequestId) -> Result<ServerResult, Error> {
        let mut last = None;
        let mut pause = BEFORE_RESUMING;
        loop {
            while let Some(Ok(event)) = events.next().await {
                // There may always be one more, and others have something to do, too.
                consume_budget().await;
                if let Some(milliseconds) = event.retry {
                    pause = Duration::from_millis(milliseconds);
                }
                last = event.id.or(last);
                let is_message = event
                    .event
                    .is_none_or(|kind| kind == "message" || kind.is_empty());
                let data = event.data.filter(|_| is_message);
                let message = data.and_then(|data| understand(data.as_bytes()));
                match message {
                    Some(JsonRpcMessage::Response(answer)) if is_for(&answer.id, number) => {
                        finish(events);
                        return Ok(answer.result);
                    }
                    Some(JsonRpcMessage::Error(refusal))
                        if refusal.id.as_ref().is_none_or(|id| is_for(id, number)) =>
                    {
                        finish(events);
                        return Err(failure::of_answer(&refusal.error));
                    }
                    Some(other) => {
                        // Where nobody listens any more, the connection has ended.
                        let _ = self.aside.send(other).await;
                    }
                    None => {}
                }
            }
            let is_over = self.client.limit().is_broken();
            let Some(last) = last.clone().filter(|_| !is_over) else {
                return Err(failure::of_call(ServiceError::TransportClosed));
            };
            events = self.resume(last, pause).await?;
        }
    }

    /// The stream from behind this event on.
    async fn resume(&self, last: String, pause: Duration) -> Result<Events, Error> {
        let mut doublings = 0;
        loop {
            sleep(pause * 2_u32.pow(doublings)).await;
            let (uri, session) = (Arc::clone(&self.uri), self.session.clone());
            let headers = self.headers.clone();
            let get = self
                .client
                .get_stream(uri, session, Some(last.clone()), None, headers);
            match get.await {
                Ok(events) => return Ok(events),
                Err(
                    failure @ (StreamableHttpError::ServerDoesNotSupportSse
                    | StreamableHttpError::AuthRequired(_)
                    | StreamableHttpError::InsufficientScope(_)),
                ) => return Err(failure::of_http_call(&failure)),
                // The call has begun in a session that is gone.
                Err(StreamableHttpError::Client(error))
                    if error.status() == Some(StatusCode::NOT_FOUND) =>
                {
                    return Err(failure::of_call(ServiceError::TransportClosed));
                }
                Err(error) => tracing::debug!(%error, "a stream cannot be resumed yet"),
            }
            doublings = (doublings + 1).min(MOST_DOUBLINGS);
        }
    }
}

/// Nothing that could hold a credential.
impl fmt::Debug for Shortcut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shortcut").finish_non_exhaustive()
    }
}

/// After so many that the number would need more than 31 bits, the first are long answered.
fn numbered(before: u32) -> RequestId {
    RequestId::Number(i64::from(FIRST + before % FIRST))
}

/// Says what is asked for where the way between us may go by it (revision 2026-07-28).
fn describe(request: &ClientRequest, headers: &mut HeaderMap) {
    let name = match request {
        ClientRequest::CallToolRequest(call) => Some(&*call.params.name),
        ClientRequest::GetPromptRequest(get) => Some(&*get.params.name),
        ClientRequest::ReadResourceRequest(read) => Some(&*read.params.uri),
        _ => None,
    };
    if let Ok(method) = HeaderValue::from_str(request.method()) {
        headers.insert("mcp-method", method);
    }
    if let Some(Ok(name)) = name.map(HeaderValue::from_str) {
        headers.insert("mcp-name", name);
    }
}

/// Can it stand in a header as it is?
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.trim_ascii() == name
        && name.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !name.starts_with("=?")
}

/// Some servers make texts of numbers.
fn is_for(id: &RequestId, number: &RequestId) -> bool {
    match (id, number) {
        (NumberOrString::String(id), NumberOrString::Number(number)) => {
            id.parse().is_ok_and(|id: i64| id == *number)
        }
        _ => id == number,
    }
}

/// Reads the rest of a stream, which nobody waits for.
fn finish(mut events: Events) {
    if let Some(None) = events.next().now_or_never() {
        return;
    }
    let rest = async move { while events.next().await.is_some() {} };
    tokio::spawn(timeout(REST, rest));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_anew_before_they_are_too_large() {
        for (before, number) in [(0, FIRST), (FIRST - 1, 2 * FIRST - 1), (FIRST, FIRST)] {
            assert_eq!(numbered(before), RequestId::Number(number.into()));
        }
    }
}
