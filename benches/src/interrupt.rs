//! Ends in good order when it is told to: servers and temporary files go first.

use std::time::Duration;

use mcp_domain::{Error, ErrorKind};
use tokio::time::{Instant, sleep};

use crate::process;

/// A process that was ended goes at once, or not at all; a thousand of them take a while.
const PATIENCE: Duration = Duration::from_secs(10);

/// Does the work, unless it is told to end: then the work is dropped, with the servers
/// that it has started.
pub(crate) async fn or(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    until_told(work).await?.unwrap_or_else(|| {
        let message = "interrupted; nothing is reported";
        Err(Error::new(ErrorKind::Disconnected, message))
    })
}

/// The same for a process that another one tells to end: that one knows.
pub(crate) async fn quietly(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    until_told(work).await?.unwrap_or(Ok(()))
}

async fn until_told<T>(work: impl Future<Output = T>) -> Result<Option<T>, Error> {
    let told = told().map_err(|error| {
        let message = "cannot listen for signals";
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    })?;
    let done = tokio::select! {
        done = Box::pin(work) => Some(done),
        () = told => None,
    };
    no_child_left().await;
    Ok(done)
}

/// Waits until the servers, which were ended, are gone, too: not every machine clears away
/// what its programs leave.
pub(crate) async fn no_child_left() {
    let this = std::process::id();
    let start = Instant::now();
    while start.elapsed() < PATIENCE && process::children(this).is_ok_and(|left| !left.is_empty()) {
        sleep(Duration::from_millis(5)).await;
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

#[cfg(test)]
mod tests {
    use tokio::process::Command;

    use super::*;

    #[tokio::test]
    async fn a_child_that_is_dropped_is_waited_for() {
        let mut child = Command::new("cat");
        let child = child
            .stdin(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let id = child.id().unwrap();
        let is_there = || {
            let children = process::children(std::process::id()).unwrap();
            children.contains(&id)
        };
        assert!(is_there());
        drop(child);
        no_child_left().await;
        assert!(!is_there());
    }
}
