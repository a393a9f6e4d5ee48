//! The events of an answer that is a stream, none longer than agreed.

use std::io;

use futures::stream::{BoxStream, StreamExt as _};
use reqwest::Response;
use rmcp::transport::streamable_http_client::SseError;
use sse_stream::{Sse, SseStream};

use crate::bounded::Limit;

pub(super) type Events = BoxStream<'static, Result<Sse, SseError>>;

/// The events of this answer. One that is too long is noted, and ends them.
pub(super) fn events(answer: Response, limit: Limit) -> Events {
    let mut gauge = Gauge::default();
    let bounded = answer.bytes_stream().map(move |piece| {
        let piece = piece.map_err(io::Error::other)?;
        if gauge.longest(&piece) > limit.bytes() {
            limit.note_overrun();
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        Ok(piece)
    });
    SseStream::from_bytes_stream(bounded).boxed()
}

/// Measures events, which end with an empty line.
#[derive(Default)]
struct Gauge {
    event: usize,
    line: usize,
    /// Comments are not kept.
    is_comment: bool,
    /// `\r\n` ends one line, not two.
    after_return: bool,
}

impl Gauge {
    /// How long the longest event has become with this piece, its line ends left out, and
    /// its comments once they are over.
    fn longest(&mut self, piece: &[u8]) -> usize {
        let mut longest = 0;
        for &byte in piece {
            match byte {
                b'\n' if self.after_return => {}
                b'\n' | b'\r' => {
                    if self.line == 0 {
                        self.event = 0;
                    } else if !self.is_comment {
                        self.event += self.line;
                    }
                    self.line = 0;
                }
                _ => {
                    if self.line == 0 {
                        self.is_comment = byte == b':';
                    }
                    self.line += 1;
                    longest = longest.max(self.event + self.line);
                }
            }
            self.after_return = byte == b'\r';
        }
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_as_long_as_its_lines_however_it_comes() {
        for (text, longest) in [
            ("", 0),
            ("data: a\n\n", 7),
            ("data: a\r\n\r\ndata: abc\r\n\r\n", 9),
            ("data: a\rid: 1\r\rdata: abc\r\r", 12),
            ("data: a\ndata: b\n\ndata: c", 14),
            ("\n\n\n", 0),
            (": ping\n: ping\r\n: ping\n", 6),
            ("data: a\n: pi\ndata: b\n\n", 14),
        ] {
            for step in 1..=text.len().max(1) {
                let mut gauge = Gauge::default();
                let pieces = text.as_bytes().chunks(step);
                let found = pieces.map(|piece| gauge.longest(piece)).max();
                assert_eq!(found.unwrap_or_default(), longest, "{text:?} by {step}");
            }
        }
    }
}
