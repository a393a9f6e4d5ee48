//! When the user or the operating system wants us to stop.

use std::process::ExitCode;

use mcp_domain::{Error, ErrorKind};

/// The exit code of what Ctrl-C has ended: 128 and the signal's number, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

/// Completes with the exit code that the signal stands for.
///
/// Listens from now on, not from the first poll.
pub(crate) fn asked_to_stop() -> Result<impl Future<Output = ExitCode> + Send + 'static, Error> {
    let mut interrupts = Interrupts::listen()?;
    let end = asked_to_end()?;
    Ok(async move {
        tokio::select! {
            () = interrupts.next() => ExitCode::from(INTERRUPTED),
            code = end => code,
        }
    })
}

/// As [`asked_to_stop`], but for Ctrl-C.
#[cfg(unix)]
pub(crate) fn asked_to_end() -> Result<impl Future<Output = ExitCode> + Send + 'static, Error> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    Ok(async move {
        ExitCode::from(tokio::select! {
            _ = hangup.recv() => 129,
            _ = terminate.recv() => 143,
        })
    })
}

/// Never: there is nothing else to listen to.
#[cfg(not(unix))]
pub(crate) fn asked_to_end() -> Result<impl Future<Output = ExitCode> + Send + 'static, Error> {
    Ok(std::future::pending())
}

/// Ctrl-C, each time.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    signals: tokio::signal::unix::Signal,
}

impl Interrupts {
    /// Listens from now on.
    pub(crate) fn listen() -> Result<Self, Error> {
        Ok(Self {
            #[cfg(unix)]
            signals: {
                use tokio::signal::unix::{SignalKind, signal};
                signal(SignalKind::interrupt()).map_err(cannot)?
            },
        })
    }

    /// Completes with the next one.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        if self.signals.recv().await.is_some() {
            return;
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_ok() {
            return;
        }
        std::future::pending().await
    }
}

#[cfg(unix)]
fn cannot(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unsupported, "cannot listen to signals").with_source(error)
}
