//! Notices that a client has hung up.
//!
//! The SDK goes on for five seconds after the end of a client's words, as the client
//! may still be listening. That is right for answers that are nearly there, but five
//! seconds are long for a statement that nobody waits for.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

/// How long an answer may still take when there is nobody left who could ask for more.
const GRACE: Duration = Duration::from_millis(500);

/// Has the client hung up? Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hangup(CancellationToken);

impl Hangup {
    /// Waits until the client has hung up, and a little longer.
    pub(crate) async fn noticed(&self) {
        self.0.cancelled().await;
        sleep(GRACE).await;
    }

    /// Listens to what a client says, for its end.
    pub(crate) fn watch<R>(&self, input: R) -> Watched<R> {
        let hangup = self.clone();
        Watched { input, hangup }
    }
}

/// What a client says.
#[derive(Debug)]
pub(crate) struct Watched<R> {
    input: R,
    hangup: Hangup,
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.input).poll_read(context, buffer);
        let ended = match &read {
            Poll::Ready(Ok(())) => buffer.filled().len() == before && buffer.remaining() > 0,
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        };
        if ended {
            this.hangup.0.cancel();
        }
        read
    }
}
