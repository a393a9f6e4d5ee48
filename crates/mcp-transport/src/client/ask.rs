//! Sends a request and waits for its answer: patiently, and in as many rounds as it takes.

use std::{pin::pin, sync::Arc, task, time::Duration};

use mcp_domain::{Error, ErrorKind};
use rmcp::{
    Peer, RoleClient,
    model::{
        CancelledNotification, CancelledNotificationParam, ClientRequest, InputRequiredResult,
        InputResponses, RequestId, ServerResult,
    },
    service::{PeerRequestOptions, ServiceError},
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};

use super::{Client, call::How};
use crate::failure;

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
    pub(super) async fn ask(
        &self,
        mut request: ClientRequest,
        how: &How,
    ) -> Result<ServerResult, Error> {
        let until = how.within.map(|limit| Instant::now() + limit);
        for _ in 0..MOST_ROUNDS {
            let again = self.to_ask_again(&request);
            match self.ask_once(request, how, until).await? {
                ServerResult::InputRequiredResult(wanted) => {
                    let Some(again) = again else {
                        return Err(unexpected("further input"));
                    };
                    let provided = self.provide(wanted);
                    request = next_round(again, in_time(provided, until, how).await??);
                }
                ServerResult::CreateTaskResult(created) => {
                    return self.finish_task(created.task, how, until).await;
                }
                answer => return Ok(answer),
            }
        }
        let message = format!("the server asked for further input {MOST_ROUNDS} times");
        Err(Error::new(ErrorKind::BadResponse, message))
    }

    /// The request, if it may have to be sent again: copied only where the protocol
    /// knows rounds.
    fn to_ask_again(&self, request: &ClientRequest) -> Option<ClientRequest> {
        let in_rounds = matches!(
            request,
            ClientRequest::CallToolRequest(_)
                | ClientRequest::GetPromptRequest(_)
                | ClientRequest::ReadResourceRequest(_)
        );
        (in_rounds && !self.revision.has_initialize()).then(|| request.clone())
    }

    /// Asks once.
    pub(super) async fn ask_once(
        &self,
        request: ClientRequest,
        how: &How,
        until: Option<Instant>,
    ) -> Result<ServerResult, Error> {
        let peer = self.peer()?;
        let beat = Arc::new(Notify::new());
        let heard = how.hear.is_some() || how.reset_on_progress;
        let sent = async {
            let expected = heard.then(|| self.host.progress.expect());
            let mut options = PeerRequestOptions::no_options();
            options.meta = self.meta(how);
            let handle = peer.send_request_with_option(request, options).await?;
            let mut abandoned = Abandoned {
                peer,
                id: Some(handle.id.clone()),
            };
            let _heard = expected.map(|expected| {
                let token = handle.progress_token.clone();
                expected.listen(token, how.hear.clone(), Arc::clone(&beat))
            });
            let answer = handle.await_response().await;
            abandoned.id = None;
            answer
        };
        let answer: Result<_, ServiceError> = wait(sent, how, until, &beat).await?;
        match answer {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.explain(failure::of_call(error)).await),
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

/// The same request, with what the server wanted.
fn next_round(
    mut request: ClientRequest,
    (responses, state): (Option<InputResponses>, Option<String>),
) -> ClientRequest {
    let (input_responses, request_state) = match &mut request {
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
        _ => return request,
    };
    *input_responses = responses;
    *request_state = state;
    request
}

fn unexpected(what: &str) -> Error {
    let message = format!("the server asks for {what}, which the protocol does not provide for");
    Error::new(ErrorKind::BadResponse, message)
}

/// Waits for an answer, as long as it should.
async fn wait<F: Future>(
    sent: F,
    how: &How,
    until: Option<Instant>,
    beat: &Notify,
) -> Result<F::Output, Error> {
    let mut sent = pin!(sent);
    let mut patience = how.timeout.map(|limit| Instant::now() + limit);
    loop {
        let (deadline, limit) = match (patience, until) {
            (None, None) => return Ok(sent.await),
            (Some(patience), Some(until)) if until < patience => (until, how.within),
            (Some(patience), _) => (patience, how.timeout),
            (None, Some(until)) => (until, how.within),
        };
        tokio::select! {
            biased;
            answer = &mut sent => return Ok(answer),
            () = beat.notified(), if how.reset_on_progress => {
                patience = how.timeout.map(|limit| Instant::now() + limit);
            }
            () = sleep_until(deadline) => return Err(too_late(limit)),
        }
    }
}

/// Does something as long as the call may take in all.
pub(super) async fn in_time<F: Future>(
    act: F,
    until: Option<Instant>,
    how: &How,
) -> Result<F::Output, Error> {
    match until {
        None => Ok(act.await),
        Some(until) => tokio::time::timeout_at(until, act)
            .await
            .map_err(|_| too_late(how.within)),
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
