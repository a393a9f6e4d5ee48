//! Ends in good order when it is told to: servers and temporary files go first.

use mcp_domain::{Error, ErrorKind};

/// Does the work, unless it is told to end: then the work is dropped, with the servers
/// that it has started.
pub(crate) async fn or(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let told = told().map_err(|error| {
        let message = "cannot listen for signals";
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    })?;
    tokio::select! {
        done = Box::pin(work) => done,
        () = told => Err(Error::new(ErrorKind::Disconnected, "interrupted; nothing is reported")),
    }
}

/// Ends when this program is told to end.
#[cfg(unix)]
fn told() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ends when this program is told to end.
#[cfg(not(unix))]
fn told() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
