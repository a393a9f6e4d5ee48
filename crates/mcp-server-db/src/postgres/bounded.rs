//! A bound on what the database may send in one piece.
//!
//! The driver reads a message whole before anybody sees it, and one value may have a
//! gigabyte. So the bytes are watched on their way in: a row that is too long never
//! gets to the driver. It is let go by, and an error takes its place, which ends the
//! statement as any other error would.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What the SQLSTATE says when a message was too long (`program_limit_exceeded`).
const TOO_LONG: &str = "54000";

/// Type and length, with which every message begins.
const HEADER: usize = 5;

/// Watches messages go by. Pure: bytes in, bytes out.
#[derive(Debug)]
struct Watch {
    longest: usize,
    /// The beginning of a message, until its length is known.
    header: Vec<u8>,
    /// How much of the message is still to come, and is it let through?
    rest: usize,
    let_through: bool,
}

impl Watch {
    fn new(longest: usize) -> Self {
        Self {
            longest,
            header: Vec::with_capacity(HEADER),
            rest: 0,
            let_through: true,
        }
    }

    fn feed(&mut self, mut input: &[u8], output: &mut Vec<u8>) {
        while !input.is_empty() {
            if self.rest > 0 {
                let (now, later) = input.split_at(self.rest.min(input.len()));
                if self.let_through {
                    output.extend_from_slice(now);
                }
                self.rest -= now.len();
                input = later;
                continue;
            }
            let missing = HEADER - self.header.len();
            let (now, later) = input.split_at(missing.min(input.len()));
            self.header.extend_from_slice(now);
            input = later;
            if let [kind, length @ ..] = &self.header[..]
                && let Ok(length) = <[u8; 4]>::try_from(length)
            {
                // The length counts itself.
                let length = u32::from_be_bytes(length) as usize;
                self.rest = length.saturating_sub(4);
                self.let_through = self.rest <= self.longest;
                if self.let_through {
                    output.extend_from_slice(&self.header);
                } else if matches!(kind, b'D' | b'E') {
                    // A row or an error; nobody waits for notices.
                    replace(*kind, self.rest, self.longest, output);
                }
                self.header.clear();
            }
        }
    }
}

/// Writes an error message in place of one that is too long.
fn replace(kind: u8, length: usize, longest: usize, output: &mut Vec<u8>) {
    let what = if kind == b'D' {
        "a row"
    } else {
        "an error message"
    };
    let message = format!("{what} of {length} bytes is too big: the limit is {longest} bytes");
    let mut fields = Vec::new();
    for (field, text) in [
        (b'S', "ERROR"),
        (b'V', "ERROR"),
        (b'C', TOO_LONG),
        (b'M', &message),
    ] {
        fields.push(field);
        fields.extend_from_slice(text.as_bytes());
        fields.push(0);
    }
    fields.push(0);
    let length = u32::try_from(fields.len() + 4).unwrap_or(u32::MAX);
    output.push(b'E');
    output.extend_from_slice(&length.to_be_bytes());
    output.extend_from_slice(&fields);
}

/// A stream that is watched.
#[derive(Debug)]
pub(super) struct Bounded<S> {
    stream: S,
    watch: Watch,
    scratch: Box<[u8]>,
    /// What was let through and not read yet, from `read` on.
    waiting: Vec<u8>,
    read: usize,
}

impl<S> Bounded<S> {
    /// Messages of the stream may have `longest` bytes.
    pub(super) fn new(stream: S, longest: usize) -> Self {
        Self {
            stream,
            watch: Watch::new(longest),
            scratch: vec![0; 16 * 1024].into(),
            waiting: Vec::new(),
            read: 0,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.read == this.waiting.len() {
            this.read = 0;
            this.waiting.clear();
            let mut scratch = ReadBuf::new(&mut this.scratch);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut scratch))?;
            if scratch.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.watch.feed(scratch.filled(), &mut this.waiting);
        }
        let waiting = &this.waiting[this.read..];
        let now = waiting.len().min(buffer.remaining());
        buffer.put_slice(&waiting[..now]);
        this.read += now;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, length: usize) -> Vec<u8> {
        let mut message = vec![kind];
        message.extend_from_slice(&u32::try_from(length + 4).unwrap().to_be_bytes());
        message.resize(HEADER + length, b'x');
        message
    }

    /// What comes out, however the input is cut.
    fn watched(input: &[u8], longest: usize, cut: usize) -> Vec<u8> {
        let mut watch = Watch::new(longest);
        let mut output = Vec::new();
        for piece in input.chunks(cut) {
            watch.feed(piece, &mut output);
        }
        output
    }

    #[test]
    fn what_is_short_enough_goes_through_unchanged() {
        let input = [message(b'T', 7), message(b'D', 100), message(b'Z', 0)].concat();
        for cut in [1, 3, 7, 1000] {
            assert_eq!(watched(&input, 100, cut), input);
        }
    }

    #[test]
    fn a_row_that_is_too_long_becomes_an_error() {
        let before = message(b'D', 100);
        let after = message(b'Z', 1);
        let input = [before.clone(), message(b'D', 101), after.clone()].concat();
        for cut in [1, 3, 7, 1000] {
            let output = watched(&input, 100, cut);
            let error = output.strip_prefix(&before[..]).unwrap();
            let error = error.strip_suffix(&after[..]).unwrap();
            assert_eq!(error[0], b'E');
            assert_eq!(
                error[1..5],
                u32::try_from(error.len() - 1).unwrap().to_be_bytes()
            );
            let text = String::from_utf8_lossy(error);
            assert!(
                text.contains("C54000\0Ma row of 101 bytes is too big"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_notice_that_is_too_long_is_left_out() {
        let input = [message(b'N', 101), message(b'Z', 1)].concat();
        assert_eq!(watched(&input, 100, 5), message(b'Z', 1));
    }
}
