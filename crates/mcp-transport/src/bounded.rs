//! What a peer may send: no message longer than agreed, and no more questions than it
//! reads answers.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
};

use memchr::{memchr, memrchr};
use rmcp::{RoleClient, transport::async_rw::AsyncRwTransport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(crate) use self::owed::Owed;
use crate::{lifecycle::Lenient, secrets::Secrets};

mod owed;

/// What a peer may send, and whether it kept to that.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    bytes: usize,
    overrun: Arc<AtomicU8>,
}

const NONE: u8 = 0;
/// It cost one call, which has not heard of it yet.
const ONE_CALL: u8 = 1;
/// It cost the connection.
const ALL_CALLS: u8 = 2;
/// Too much was asked, which cost the connection.
const ASKING: u8 = 3;

impl Limit {
    pub(crate) fn of(bytes: usize) -> Self {
        Self {
            bytes,
            overrun: Arc::default(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Notes that a message was too long, which costs one call.
    pub(crate) fn note_overrun(&self) {
        let order = Ordering::Relaxed;
        let _ = self.overrun.compare_exchange(NONE, ONE_CALL, order, order);
    }

    /// What the peer did, if it did not keep to the limit.
    pub(crate) fn overrun(&self) -> Option<String> {
        let order = Ordering::Relaxed;
        let noted = match self.overrun.compare_exchange(ONE_CALL, NONE, order, order) {
            Ok(noted) | Err(noted) => noted,
        };
        let (bytes, most) = (self.bytes, owed::MOST);
        match noted {
            NONE => None,
            ASKING => Some(format!(
                "the server asked on without reading {most} answers"
            )),
            _ => Some(format!(
                "the server sent a message of more than {bytes} bytes"
            )),
        }
    }

    fn note_asking(&self) {
        self.overrun.store(ASKING, Ordering::Relaxed);
    }

    /// The channel to a peer that may not break this limit, is else understood as far as
    /// can be, and tells no secrets of ours.
    pub(crate) fn guard<T>(&self, transport: T, secrets: Secrets) -> Lenient<Owed<T>> {
        Lenient::new(Owed::new(transport, self.clone()), secrets)
    }

    /// The channel of lines between us and a peer that may not break this limit.
    pub(crate) fn transport<R, W>(
        &self,
        output: R,
        input: W,
        secrets: Secrets,
    ) -> Lenient<Owed<AsyncRwTransport<RoleClient, Bounded<R>, W>>>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let output = Bounded {
            inner: output,
            limit: self.clone(),
            line: 0,
        };
        // The SDK would pass over a line that is too long, and the call that waits for
        // it would never end. Here the channel ends.
        let lines = AsyncRwTransport::new(output, input).with_max_line_length(usize::MAX);
        self.guard(lines, secrets)
    }
}

/// A peer's output, which ends with the first line that is too long.
#[derive(Debug)]
pub(crate) struct Bounded<R> {
    inner: R,
    limit: Limit,
    /// How long the line is that has not ended yet.
    line: usize,
}

impl<R: AsyncRead + Unpin> AsyncRead for Bounded<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        // Lines that begin and end within one read are no longer than the buffer.
        let read = &buf.filled()[before..];
        let (first, last) = match memchr(b'\n', read) {
            None => (read.len(), None),
            Some(end) => {
                let rest = memrchr(b'\n', read).map(|end| read.len() - end - 1);
                (end, rest)
            }
        };
        let length = self.line + first;
        self.line = last.unwrap_or(length);
        if length > self.limit.bytes || self.line > self.limit.bytes {
            self.limit.overrun.store(ALL_CALLS, Ordering::Relaxed);
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a line is longer than {} bytes", self.limit.bytes),
            )));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    /// What is read of this, in pieces of `step` bytes, if lines may have 4 bytes.
    async fn read(text: &'static str, step: usize) -> Result<String, io::ErrorKind> {
        let limit = Limit::of(4);
        let mut bounded = Bounded {
            inner: text.as_bytes(),
            limit: limit.clone(),
            line: 0,
        };
        let mut all = String::new();
        loop {
            let mut piece = vec![0; step];
            match bounded.read(&mut piece).await {
                Ok(0) => return Ok(all),
                Ok(read) => all.push_str(std::str::from_utf8(&piece[..read]).unwrap()),
                Err(error) => {
                    assert!(limit.overrun().unwrap().contains("more than 4 bytes"));
                    return Err(error.kind());
                }
            }
        }
    }

    #[tokio::test]
    async fn lines_up_to_the_limit_pass_however_they_arrive() {
        for text in ["", "abcd", "abcd\nabcd\n\nab\nabcd", "\n\n\n"] {
            for step in 1..5 {
                assert_eq!(read(text, step).await.as_deref(), Ok(text));
            }
        }
    }

    #[tokio::test]
    async fn a_longer_one_ends_it_however_it_arrives() {
        for text in ["abcde", "abcde\n", "a\nabcde\n", "abcd\nabcd\nabcde"] {
            for step in 1..5 {
                assert_eq!(read(text, step).await, Err(io::ErrorKind::InvalidData));
            }
        }
    }
}
