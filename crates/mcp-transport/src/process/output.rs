//! What a process says, until it is gone.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    process::ChildStdout,
    time::sleep,
};

use super::Witness;

/// How long what a process wrote last may take to arrive.
const LINGER: Duration = Duration::from_millis(200);

/// The standard output of a process, which ends with it.
///
/// The pipe alone may stay open for ever: it is inherited by whatever the server has
/// started (a browser, a helper) and left behind.
pub(crate) struct Output {
    pipe: ChildStdout,
    /// `None` when it has happened.
    gone: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Output {
    pub(super) fn new(pipe: ChildStdout, witness: Witness) -> Self {
        let gone = Box::pin(async move {
            witness.gone().await;
            sleep(LINGER).await;
        });
        Self {
            pipe,
            gone: Some(gone),
        }
    }
}

impl AsyncRead for Output {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(result) = Pin::new(&mut self.pipe).poll_read(cx, buf) {
            return Poll::Ready(result);
        }
        let ended = match &mut self.gone {
            Some(gone) => gone.as_mut().poll(cx).is_ready(),
            None => true,
        };
        if ended {
            self.gone = None;
            // Nothing was read: the end.
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}
