//! Sends a request and waits for its answer: patiently, and in as many rounds as it takes.

use std::{
    future::pending,
    pin::{Pin, pin},
    sync::Arc,
    task,
    time::Duration,
};

use futures::FutureExt as _;
use mcp_domain::{Error, ErrorKind, Retry};
use rmcp::{
    Peer, RoleClient,
    model::{
        CancelledNotification, CancelledNotificationParam, ClientRequest, InputRequiredResult,
        InputResponses, RequestId, ServerResult,
    },
    service::{PeerRequestOptions, RequestHandle, ServiceError},
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::{Client, call::How, span::RequestSpan};
use crate::{
    failure,
    host::{Deadlines, Over},
};

/// A server may ask for further input this many times before it has to answer.
const MOST_ROUNDS: usize = 10;

/// How long to wait when a server wants to be asked again, and nothing else.
const BEFORE_NEXT_ROUND: Duration = Duration::from_millis(50);

impl Client {
    /// How calls are made on this connection.
    pub(super) fn how(&self) -> How {
        How {
            timeout: self.call_timeout,
            ..How::default()
        }
    }

    /// Asks, and gives the server what further input it wants.
    ///
    /// Whatever is large and rare has a box of its own: the future of every call is moved
    /// into one, with all that it might need.
    pub(super) async fn ask(
        &self,
        request: Box<ClientRequest>,
        how: &How,
    ) -> Result<ServerResult, Error> {
        let until = from_now(how.within);
        let again = self.to_ask_again(&request);
        let done = match self.ask_once(request, how, until).await? {
            ServerResult::InputRequiredResult(wanted) => {
                Box::pin(self.ask_on(wanted, again, how, until)).await
            }
            ServerResult::CreateTaskResult(created) => {
                Box::pin(self.finish_task(created.task, how, until)).await
            }
            answer => return Ok(answer),
        };
        done.map_err(begun)
    }

    /// Gives the server what further input it wants, round by round.
    async fn ask_on(
        &self,
        mut wanted: InputRequiredResult,
        request: Option<Box<ClientRequest>>,
        how: &How,
        until: Option<Instant>,
    ) -> Result<ServerResult, Error> {
        let mut request = request.ok_or_else(|| unexpected("further input"))?;
        for _ in 1..MOST_ROUNDS {
            let provided = self.in_time(self.provide(wanted), until, how).await??;
            next_round(&mut request, provided);
            wanted = match self.ask_once(request.clone(), how, until).await? {
                ServerResult::InputRequiredResult(wanted) => wanted,
                ServerResult::CreateTaskResult(created) => {
                    return self.finish_task(created.task, how, until).await;
                }
                answer => return Ok(answer),
            };
        }
        let message = format!("the server asked for further input {MOST_ROUNDS} times");
        Err(Error::new(ErrorKind::BadResponse, message))
    }

    /// The request, if it may have to be sent again: copied only where the protocol
    /// knows rounds.
    fn to_ask_again(&self, request: &ClientRequest) -> Option<Box<ClientRequest>> {
        let in_rounds = matches!(
            request,
            ClientRequest::CallToolRequest(_)
                | ClientRequest::GetPromptRequest(_)
                | ClientRequest::ReadResourceRequest(_)
        );
        (in_rounds && !self.revision.has_initialize()).then(|| Box::new(request.clone()))
    }

    /// Asks once.
    pub(super) async fn ask_once(
        &self,
        request: Box<ClientRequest>,
        how: &How,
        until: Option<Instant>,
    ) -> Result<ServerResult, Error> {
        let span = RequestSpan::begin(self, &request);
        let answer = self.exchange(request, how, until, &span).await;
        span.end(&answer);
        answer
    }

    async fn exchange(
        &self,
        request: Box<ClientRequest>,
        how: &How,
        until: Option<Instant>,
        span: &RequestSpan,
    ) -> Result<ServerResult, Error> {
        let peer = self.peer()?;
        let heard = how.hear.is_some() || how.reset_on_progress;
        let beat = heard.then(Arc::<Notify>::default);
        let mut waiting = Waiting {
            how,
            patience: from_now(how.timeout),
            until,
            beat: beat.as_deref(),
            deadlines: &self.host.deadlines,
        };
        if let Some(shortcut) = &self.shortcut
            && !heard
            && shortcut.takes(&request)
        {
            let number = shortcut.number();
            span.sent(&number);
            let mut abandoned = Abandoned::new(peer, number.clone());
            let asking = pin!(shortcut.ask(*request, number, self.meta(how)));
            let answer = waiting.wait(asking).await?;
            abandoned.id = None;
            return match answer {
                Some(Ok(answer)) => Ok(answer),
                Some(Err(error)) => Err(Box::pin(self.explained(error)).await),
                None => Err(self.explain(ServiceError::TransportClosed).await),
            };
        }
        let expected = beat.clone().map(|beat| (self.host.progress.expect(), beat));
        let mut sent = match self.send(request, &mut waiting).await? {
            Some(Ok(sent)) => sent,
            Some(Err(error)) => return Err(self.explain(error).await),
            None => return Err(self.explain(ServiceError::TransportClosed).await),
        };
        span.sent(&sent.id);
        let mut abandoned = Abandoned::new(peer, sent.id.clone());
        let _heard = expected.map(|(expected, beat)| {
            let token = sent.progress_token.clone();
            expected.listen(token, how.hear.clone(), beat)
        });
        let answer = waiting.wait(Pin::new(&mut sent.rx)).await?;
        abandoned.id = None;
        match answer {
            Some(Ok(Ok(answer))) => Ok(answer),
            Some(Ok(Err(error))) => Err(self.explain(error).await),
            Some(Err(_)) | None => Err(self.explain(ServiceError::TransportClosed).await),
        }
    }

    /// Hands a request to the connection. Apart, so that the room it takes is free again
    /// while the answer is waited for.
    async fn send(
        &self,
        request: Box<ClientRequest>,
        waiting: &mut Waiting<'_>,
    ) -> Result<Option<Result<RequestHandle<RoleClient>, ServiceError>>, Error> {
        let mut options = PeerRequestOptions::no_options();
        options.meta = self.meta(waiting.how);
        let sending = pin!(self.peer.send_request_with_option(*request, options));
        waiting.wait(sending).await
    }

    /// What a call has failed of.
    #[cold]
    pub(super) fn explain(&self, error: ServiceError) -> Pin<Box<impl Future<Output = Error>>> {
        Box::pin(self.explained(failure::of_call(error)))
    }

    /// Does something as long as the call may take in all, and its connection lives.
    pub(super) async fn in_time<F: Future>(
        &self,
        act: F,
        until: Option<Instant>,
        how: &How,
    ) -> Result<F::Output, Error> {
        let over = tokio::select! {
            biased;
            done = act => return Ok(done),
            over = self.host.deadlines.wait_until(until) => over,
        };
        match over {
            Over::Gone => Err(self.explain(ServiceError::TransportClosed).await),
            Over::Late => Err(too_late(how.within)),
        }
    }

    /// What the server wants before it goes on.
    async fn provide(
        &self,
        wanted: InputRequiredResult,
    ) -> Result<(Option<InputResponses>, Option<String>), Error> {
        let requests = wanted.input_requests.unwrap_or_default();
        if requests.is_empty() {
            if wanted.request_state.is_none() {
                return Err(unexpected("input, and does not say which"));
            }
            sleep(BEFORE_NEXT_ROUND).await;
            return Ok((None, wanted.request_state));
        }
        let mut provided = InputResponses::new();
        for (key, request) in requests {
            provided.insert(key, self.provide_one(request).await?);
        }
        Ok((Some(provided), wanted.request_state))
    }

    /// One thing that the server wants.
    pub(super) async fn provide_one(
        &self,
        wanted: rmcp::model::InputRequest,
    ) -> Result<serde_json::Value, Error> {
        self.host.provide(wanted).await.map_err(|error| {
            let message = format!(
                "the server wants further input that it cannot have: {}",
                error.message
            );
            Error::new(ErrorKind::Unsupported, message)
        })
    }
}

/// Puts what the server wanted into the request.
fn next_round(
    request: &mut ClientRequest,
    (responses, state): (Option<InputResponses>, Option<String>),
) {
    let (input_responses, request_state) = match request {
        ClientRequest::CallToolRequest(request) => (
            &mut request.params.input_responses,
            &mut request.params.request_state,
        ),
        ClientRequest::GetPromptRequest(request) => (
            &mut request.params.input_responses,
            &mut request.params.request_state,
        ),
        ClientRequest::ReadResourceRequest(request) => (
            &mut request.params.input_responses,
            &mut request.params.request_state,
        ),
        _ => return,
    };
    *input_responses = responses;
    *request_state = state;
}

fn unexpected(what: &str) -> Error {
    let message = format!("the server asks for {what}, which the protocol does not provide for");
    Error::new(ErrorKind::BadResponse, message)
}

/// How long an answer is waited for.
struct Waiting<'w> {
    how: &'w How,
    /// When an answer, or a sign of life, has to be there.
    patience: Option<Instant>,
    /// When the whole call has to be done.
    until: Option<Instant>,
    /// Told whenever there is progress.
    beat: Option<&'w Notify>,
    deadlines: &'w Deadlines,
}

impl Waiting<'_> {
    /// Waits; `None` if the connection has ended.
    ///
    /// The SDK does not always say so: what it is asked just as it ends may stay in its
    /// queue, which lives as long as whoever may ask.
    async fn wait<F: Future>(&mut self, mut sent: Pin<&mut F>) -> Result<Option<F::Output>, Error> {
        let how = self.how;
        loop {
            let (deadline, limit) = match (self.patience, self.until) {
                (Some(patience), Some(until)) if until < patience => (self.until, how.within),
                (Some(_), _) => (self.patience, how.timeout),
                (None, _) => (self.until, how.within),
            };
            tokio::select! {
                biased;
                answer = &mut sent => return Ok(Some(answer)),
                () = self.progress(), if how.reset_on_progress => {
                    self.patience = from_now(how.timeout);
                }
                over = self.deadlines.wait_until(deadline) => return match over {
                    // The last words may just have come.
                    Over::Gone => Ok(sent.now_or_never()),
                    Over::Late => Err(too_late(limit)),
                },
            }
        }
    }

    async fn progress(&self) {
        match self.beat {
            Some(beat) => beat.notified().await,
            None => pending().await,
        }
    }
}

/// The end of a span of time that begins now; none if it is endless.
pub(super) fn from_now(limit: Option<Duration>) -> Option<Instant> {
    limit.and_then(|limit| Instant::now().checked_add(limit))
}

/// What a call has failed of that the server has begun: it may have run, also if what was
/// asked last was not sent.
fn begun(error: Error) -> Error {
    match error.kind().retry() {
        Retry::Safe => {
            let message = "the connection was lost after the call had begun";
            Error::new(ErrorKind::Disconnected, message).with_source(error)
        }
        Retry::IfRepeatable | Retry::Never => error,
    }
}

fn too_late(limit: Option<Duration>) -> Error {
    let limit = limit.unwrap_or_default().as_secs_f64();
    Error::new(
        ErrorKind::CallTimeout,
        format!("no answer within {limit} s"),
    )
}

/// A request whose answer is waited for. Dropped while it has an id, it is cancelled
/// at the server.
struct Abandoned<'p> {
    peer: &'p Peer<RoleClient>,
    id: Option<RequestId>,
}

impl<'p> Abandoned<'p> {
    fn new(peer: &'p Peer<RoleClient>, id: RequestId) -> Self {
        Self { peer, id: Some(id) }
    }
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            let params = CancelledNotificationParam::new(Some(id), Some("abandoned".to_owned()));
            let cancelled = CancelledNotification::new(params);
            let sending = self.peer.send_notification(cancelled.into());
            post(sending);
        }
    }
}

/// Hands a message to the connection, without waiting for what becomes of it.
pub(super) fn post(sending: impl Future) {
    // The first poll puts it into the queue of the connection, unless that is full: then the
    // server is far behind anyway.
    let mut context = task::Context::from_waker(task::Waker::noop());
    let _ = pin!(sending).poll(&mut context);
}

#[cfg(test)]
mod tests;
