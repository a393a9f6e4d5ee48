//! When the user or the operating system wants us to go.

use std::process::ExitCode;

use mcp_domain::{Error, ErrorKind};

/// Completes with the exit code that the signal stands for.
///
/// Listens from now on, not from the first poll.
#[cfg(unix)]
pub(crate) fn asked_to_stop() -> Result<impl Future<Output = ExitCode> + Send + 'static, Error> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(cannot);
    let mut hangup = listen(SignalKind::hangup())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    Ok(async move {
        // 128 and the signal's number, as shells have it.
        ExitCode::from(tokio::select! {
            _ = hangup.recv() => 129,
            _ = interrupt.recv() => 130,
            _ = terminate.recv() => 143,
        })
    })
}

/// Completes with the exit code that Ctrl-C stands for.
#[cfg(not(unix))]
pub(crate) fn asked_to_stop() -> Result<impl Future<Output = ExitCode> + Send + 'static, Error> {
    Ok(async {
        match tokio::signal::ctrl_c().await {
            Ok(()) => ExitCode::from(130),
            Err(_) => std::future::pending().await,
        }
    })
}

#[cfg(unix)]
fn cannot(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unsupported, "cannot listen to signals").with_source(error)
}
