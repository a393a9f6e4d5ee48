//! Every error of the SDK, and what it means to us.

use std::time::Duration;

use rmcp::transport::DynamicTransportError;

use super::*;

fn transport(error: impl StdError + Send + Sync + 'static) -> ServiceError {
    let error =
        DynamicTransportError::from_parts("test", std::any::TypeId::of::<()>(), error.into());
    ServiceError::TransportSend(error)
}

fn answer(code: i32, message: &'static str) -> ServiceError {
    ServiceError::McpError(ErrorData::new(ErrorCode(code), message, None))
}

#[test]
fn every_error_of_a_call_has_its_kind() {
    use ErrorKind::*;
    let timeout = Duration::from_secs(1);
    let status = |code| transport(HttpStatusError::new(code, Some("7".into())));
    let unexpected =
        |text: &'static str| transport(HttpError::UnexpectedServerResponse(text.into()));
    for (error, kind) in [
        (answer(-32602, "unknown tool"), Rpc(-32602)),
        (answer(-32603, "session pool exhausted"), Rpc(-32603)),
        (
            answer(-32000, "the session with the database is lost"),
            Disconnected,
        ),
        (answer(-32000, "out of paper"), Rpc(-32000)),
        (ServiceError::TransportClosed, Disconnected),
        (ServiceError::Cancelled { reason: None }, Disconnected),
        (ServiceError::UnexpectedResponse, BadResponse),
        (ServiceError::Timeout { timeout }, CallTimeout),
        (
            ServiceError::InputRequiredRoundsExceeded { max_rounds: 3 },
            Unsupported,
        ),
        (transport(std::io::Error::other("broken pipe")), NotSent),
        (transport(HttpError::SessionExpired), SessionExpired),
        (transport(HttpError::UnexpectedEndOfStream), Disconnected),
        (
            transport(HttpError::UnexpectedContentType(None)),
            BadResponse,
        ),
        (unexpected("HTTP 400: no such session"), SessionExpired),
        (unexpected("HTTP 307: a new session"), BadResponse),
        (unexpected("<html>"), BadResponse),
        (status(503), Disconnected),
    ] {
        let shown = format!("{error:?}");
        assert_eq!(of_call(error).kind(), kind, "{shown}");
    }
}

#[test]
fn the_servers_wish_when_to_come_back_is_kept() {
    let error = transport(HttpStatusError::new(503, Some("7".into())));
    assert_eq!(of_call(error).retry_after(), Some(Duration::from_secs(7)));
}

#[test]
fn every_error_of_a_connect_has_its_kind() {
    use ErrorKind::*;
    let refused = ErrorData::new(ErrorCode(-32600), "go away", None);
    for (error, kind) in [
        (ClientInitializeError::JsonRpcError(refused), ConnectFailed),
        (
            ClientInitializeError::ConnectionClosed("x".into()),
            ConnectFailed,
        ),
        (ClientInitializeError::ExpectedInitResult(None), BadResponse),
        (ClientInitializeError::Cancelled, Closed),
    ] {
        let shown = format!("{error:?}");
        assert_eq!(of_connect(error).kind(), kind, "{shown}");
    }
}
