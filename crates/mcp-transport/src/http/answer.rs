//! What the answer to a request of ours is, by HTTP.

use reqwest::{
    Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use rmcp::{
    RoleClient,
    model::JsonRpcMessage,
    service::RxJsonRpcMessage,
    transport::streamable_http_client::{AuthRequiredError, HttpStatusError, StreamableHttpError},
};

use super::{
    client::Failure,
    events::{Events, events},
};
use crate::{bounded::Limit, failure, reading::understand};

/// What a document may weigh. It is the SDK's limit, which has no setting.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What a refusal may weigh.
const MOST_OF_A_REFUSAL: usize = 64 * 1024;

/// So much is quoted of a document that is no answer.
const QUOTED: usize = 256;

/// An answer.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every answer is the large one"
)]
pub(super) enum Answer {
    Events(Events),
    Message(RxJsonRpcMessage<RoleClient>),
}

/// Reads the answer to a request, which may have been made in a session.
pub(super) async fn read(
    answer: Response,
    in_session: bool,
    limit: &Limit,
) -> Result<Answer, Failure> {
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::ACCEPTED | StatusCode::NO_CONTENT => {
            return Err(unexpected("the request was accepted, but not answered"));
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let challenge = text_of(&answer, WWW_AUTHENTICATE.as_str()).unwrap_or_default();
            let refusal = AuthRequiredError::new(challenge.to_owned());
            return Err(StreamableHttpError::AuthRequired(refusal));
        }
        StatusCode::NOT_FOUND if in_session => return Err(StreamableHttpError::SessionExpired),
        status if !status.is_success() => return refusal(answer, in_session).await,
        _ => {}
    }
    if is_of(&answer, "application/json") {
        let body = whole(answer, MOST_BYTES).await?;
        return match understand(&body) {
            Some(message) => Ok(Answer::Message(message)),
            None => Err(unexpected(&quote(&body))),
        };
    }
    if is_of(&answer, "text/event-stream") {
        return Ok(Answer::Events(events(answer, limit.clone())));
    }
    let kind = text_of(&answer, CONTENT_TYPE.as_str()).map(str::to_owned);
    Err(StreamableHttpError::UnexpectedContentType(kind))
}

/// A refusal says why by the protocol, or by its status, or by what it says.
async fn refusal(answer: Response, in_session: bool) -> Result<Answer, Failure> {
    let status = answer.status();
    let is_json = is_of(&answer, "application/json");
    let is_rushed = status == StatusCode::TOO_MANY_REQUESTS;
    let later = text_of(&answer, RETRY_AFTER.as_str()).map(str::to_owned);
    let by_status = || HttpStatusError::new(status.as_u16(), later).into();
    if is_rushed || (status.is_server_error() && !is_json) {
        return Err(by_status());
    }
    let body = match whole(answer, MOST_OF_A_REFUSAL).await {
        Ok(body) => body,
        Err(_) if status.is_server_error() => return Err(by_status()),
        Err(failure) => return Err(failure),
    };
    match serde_json::from_slice(&body) {
        // It was refused as a request, so the call has not run.
        Ok(JsonRpcMessage::Error(refusal))
            if is_json
                && in_session
                && status.is_client_error()
                && failure::is_of_lost_session(&refusal.error) =>
        {
            Err(StreamableHttpError::SessionExpired)
        }
        Ok(message @ JsonRpcMessage::Error(_)) if is_json => Ok(Answer::Message(message)),
        _ if status.is_server_error() => Err(by_status()),
        _ => Err(unexpected(&format!("HTTP {status}: {}", quote(&body)))),
    }
}

/// The body, which is hardly ever in more than one piece.
async fn whole(mut answer: Response, most: usize) -> Result<Vec<u8>, Failure> {
    let too_large = || StreamableHttpError::ResponseBodyTooLarge { max_size: most };
    if answer
        .content_length()
        .is_some_and(|length| length > most as u64)
    {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(StreamableHttpError::Client)? {
        if piece.len() > most - body.len() {
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// What kind of body it has.
fn is_of(answer: &Response, kind: &str) -> bool {
    let found = answer.headers().get(CONTENT_TYPE);
    found.is_some_and(|found| found.as_bytes().starts_with(kind.as_bytes()))
}

fn text_of<'a>(answer: &'a Response, header: &str) -> Option<&'a str> {
    answer.headers().get(header)?.to_str().ok()
}

fn quote(body: &[u8]) -> String {
    if body.is_empty() {
        return "(empty)".to_owned();
    }
    let body = String::from_utf8_lossy(body);
    body.chars().take(QUOTED).collect()
}

fn unexpected(what: &str) -> Failure {
    StreamableHttpError::UnexpectedServerResponse(what.to_owned().into())
}
