//! Turns the SDK's errors into ours: the one place where failures are classified.

use std::error::Error as StdError;

use mcp_domain::{Error, ErrorKind, Retry};
use rmcp::{
    model::{ErrorCode, ErrorData},
    service::{ClientInitializeError, ServiceError},
    transport::streamable_http_client::{HttpStatusError, StreamableHttpError},
};

/// An error told anew: what it says of coming back stays.
pub(crate) fn retold(error: &Error, kind: ErrorKind, message: impl Into<String>) -> Error {
    let retold = Error::new(kind, message);
    let retold = match error.retry_after() {
        Some(after) => retold.with_retry_after(after),
        None => retold,
    };
    // It was found to be hopeless; its kind alone would not say so.
    match error.retry() == Retry::Never && error.kind().retry() != Retry::Never {
        true => retold.persistent(),
        false => retold,
    }
}

const IS_IT_THE_ENDPOINT: &str = "is that the URL of its MCP endpoint?";
const NOT_SENT: &str = "the call was not sent";
const NOT_ANSWERED: &str = "the call was not answered";

/// A call failed.
pub(crate) fn of_call(error: ServiceError) -> Error {
    match error {
        ServiceError::McpError(data) => of_answer(&data),
        ServiceError::TransportSend(error) => of_transport(&*error.error, NOT_SENT),
        ServiceError::TransportClosed | ServiceError::Cancelled { .. } => Error::new(
            ErrorKind::Disconnected,
            "the server closed the connection during the call",
        ),
        ServiceError::Timeout { timeout } => Error::new(
            ErrorKind::CallTimeout,
            format!("no answer within {} s", timeout.as_secs_f64()),
        ),
        ServiceError::InputRequiredRoundsExceeded { max_rounds } => Error::new(
            ErrorKind::Unsupported,
            format!("the server asked for more input {max_rounds} times without an answer"),
        ),
        error => Error::new(
            ErrorKind::BadResponse,
            format!("the server's answer does not fit the call ({error})"),
        ),
    }
}

/// A connection could not be opened.
pub(crate) fn of_connect(error: ClientInitializeError) -> Error {
    match error {
        ClientInitializeError::JsonRpcError(data) => Error::new(
            ErrorKind::ConnectFailed,
            format!("the server refused the handshake: {}", describe(&data)),
        ),
        ClientInitializeError::TransportError { error, .. } => {
            of_transport(&*error.error, "the handshake failed")
        }
        ClientInitializeError::ConnectionClosed(_) => Error::new(
            ErrorKind::ConnectFailed,
            "the server closed the connection during the handshake",
        ),
        ClientInitializeError::NoCompatibleProtocolVersion {
            server_supported, ..
        } => {
            let theirs: Vec<_> = server_supported.iter().map(|v| v.as_str()).collect();
            let message = format!(
                "no common protocol revision: the server offers {}",
                theirs.join(", ")
            );
            Error::new(ErrorKind::ConnectFailed, message).persistent()
        }
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => of_connect(*fallback),
        ClientInitializeError::Cancelled => {
            Error::new(ErrorKind::Closed, "the connect was cancelled")
        }
        _ => Error::new(
            ErrorKind::BadResponse,
            "the server's answer to the handshake is not MCP",
        ),
    }
}

/// Stands for an answer that is none by the protocol; what was said of it is the message.
pub(crate) const UNFIT: ErrorCode = ErrorCode(i32::MIN);

/// The server answered with a JSON-RPC error.
pub(crate) fn of_answer(data: &ErrorData) -> Error {
    let kind = match data.code {
        UNFIT => ErrorKind::BadResponse,
        // Said with success, or over a pipe: it may be a session of the server's own that was
        // lost, with a database perhaps, in the middle of the call.
        _ if is_of_lost_session(data) => ErrorKind::Disconnected,
        ErrorCode(code) => ErrorKind::Rpc(code),
    };
    Error::new(kind, describe(data))
}

/// Does it say, as the official TypeScript server does, that a session is lost?
pub(crate) fn is_of_lost_session(data: &ErrorData) -> bool {
    matches!(data.code, ErrorCode(-32000 | -32001)) && speaks_of_session(&data.message)
}

fn describe(data: &ErrorData) -> String {
    match data.code {
        UNFIT => format!("the answer is not MCP: {}", one_line(&data.message)),
        ErrorCode(code) => format!("{} (code {code})", data.message),
    }
}

fn speaks_of_session(message: &str) -> bool {
    message.to_ascii_lowercase().contains("session")
}

type HttpError = StreamableHttpError<reqwest::Error>;

/// The transport failed. The causes are searched, because the SDK wraps them.
fn of_transport(error: &(dyn StdError + 'static), what: &str) -> Error {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(error) = current.downcast_ref::<HttpError>() {
            return of_http(error, what);
        }
        if let Some(error) = current.downcast_ref::<HttpStatusError>() {
            return of_status(error);
        }
        if let Some(error) = current.downcast_ref::<std::io::Error>() {
            // A pipe that cannot be written to has nobody at its other end.
            return Error::new(ErrorKind::NotSent, format!("{what}: {error}"));
        }
        cause = current.source();
    }
    Error::new(ErrorKind::Disconnected, format!("{what}: {error}"))
}

/// A call over HTTP failed.
pub(crate) fn of_http_call(error: &HttpError) -> Error {
    of_http(error, NOT_SENT)
}

fn of_http(error: &HttpError, what: &str) -> Error {
    // Where the identity of the connection is not known, that is told as it is.
    if let HttpError::Io(error) = error
        && let Some(inner) = error.get_ref()
        && let Some(unknown) = inner.downcast_ref::<Error>()
    {
        return unknown.clone();
    }
    match error {
        HttpError::SessionExpired => {
            Error::new(ErrorKind::SessionExpired, "the server forgot the session")
        }
        HttpError::AuthRequired(refusal) => unauthorized(&refusal.www_authenticate_header),
        HttpError::InsufficientScope(refusal) => unauthorized(&refusal.www_authenticate_header),
        HttpError::HttpStatus(status) => of_status(status),
        HttpError::Client(error) => of_reqwest(error, what),
        // A refusal: what came with success has run, whatever it speaks of.
        HttpError::UnexpectedServerResponse(answer)
            if answer.starts_with("HTTP 4") && speaks_of_session(answer) =>
        {
            Error::new(ErrorKind::SessionExpired, "the server forgot the session")
        }
        HttpError::UnexpectedServerResponse(answer)
            if answer.starts_with("HTTP 404") || answer.starts_with("HTTP 405") =>
        {
            let told = one_line(answer);
            let told = told.trim_end_matches([':', ' ']);
            let message = format!("the answer is not MCP: {told}; {IS_IT_THE_ENDPOINT}");
            Error::new(ErrorKind::BadResponse, message)
        }
        HttpError::UnexpectedServerResponse(_)
        | HttpError::UnexpectedContentType(_)
        | HttpError::Deserialize(_)
        | HttpError::ResponseBodyTooLarge { .. }
        | HttpError::ServerDoesNotSupportSse
        | HttpError::MissingSessionIdInResponse => Error::new(
            ErrorKind::BadResponse,
            format!("the answer is not MCP: {}", one_line(&error.to_string())),
        ),
        error => Error::new(ErrorKind::Disconnected, format!("{what}: {error}")),
    }
}

fn unauthorized(challenge: &str) -> Error {
    let message = match one_line(challenge).as_str() {
        "" => "the server wants other credentials".to_owned(),
        challenge => format!("the server wants other credentials: {challenge}"),
    };
    Error::new(ErrorKind::Unauthorized, message)
}

fn of_reqwest(error: &reqwest::Error, what: &str) -> Error {
    let (kind, what) = match (error.is_connect() || error.is_builder(), what) {
        (true, what) => (ErrorKind::NotSent, what),
        (false, NOT_SENT) => (ErrorKind::Disconnected, NOT_ANSWERED),
        (false, what) => (ErrorKind::Disconnected, what),
    };
    // The innermost cause says it best, and reqwest's own text holds the whole URL.
    let mut cause: &(dyn StdError + 'static) = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let hint = match is_not_tls(cause) {
        true => "; does the server speak http:// instead of https://?",
        false => "",
    };
    Error::new(kind, format!("{what}: {cause}{hint}"))
}

/// Did the peer answer a TLS handshake with something else, such as plain HTTP?
fn is_not_tls(cause: &(dyn StdError + 'static)) -> bool {
    // An I/O error does not tell what it wraps as its source, and may wrap another one.
    let mut error = cause;
    while let Some(inner) = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref)
    {
        error = inner;
    }
    matches!(
        error.downcast_ref(),
        Some(rustls::Error::InvalidMessage(
            rustls::InvalidMessage::InvalidContentType
        ))
    )
}

fn of_status(error: &HttpStatusError) -> Error {
    let mut message = format!("the server answered with HTTP status {}", error.status);
    if matches!(error.status, 404 | 405) {
        message.push_str("; ");
        message.push_str(IS_IT_THE_ENDPOINT);
    }
    let failure = Error::new(ErrorKind::Disconnected, message);
    let seconds = error.retry_after.as_deref().and_then(|s| s.parse().ok());
    match seconds.map(std::time::Duration::from_secs) {
        Some(after) => failure.with_retry_after(after),
        None => failure,
    }
}

/// The first line of a text, and not too much of it.
pub(crate) fn one_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    // What a terminal would obey is not for its reader.
    let shown = |char: char| match char.is_control() {
        true => char::REPLACEMENT_CHARACTER,
        false => char,
    };
    line.chars().take(200).map(shown).collect()
}

#[cfg(test)]
mod tests;
