//! The channel of lines between us and a peer: a process, a socket, a server in this process.
//!
//! The SDK's own would pass over a line that is too long, and over an answer that fits
//! nothing, and the call that waits for it would wait for its deadline. And it knows no
//! batches.

use std::{collections::VecDeque, io, sync::atomic::Ordering};

use memchr::memchr;
use rmcp::{
    RoleClient,
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::{Transport, async_rw::AsyncRwTransport},
};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader, Empty};

use super::{ALL_CALLS, Limit};
use crate::reading::understand;

/// Room for a line that is kept for the next one.
const KEPT: usize = 64 * 1024;

/// The channel of lines between us and a peer.
pub(crate) struct Lines<R, W: AsyncWrite> {
    output: BufReader<R>,
    /// What has come of a line.
    line: Vec<u8>,
    /// What else came in the last line: revision 2025-03-26 has batches.
    batch: VecDeque<RxJsonRpcMessage<RoleClient>>,
    limit: Limit,
    /// What writes lines.
    input: AsyncRwTransport<RoleClient, Empty, W>,
}

impl<R, W> Lines<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    pub(super) fn new(output: R, input: W, limit: Limit) -> Self {
        Self {
            output: BufReader::new(output),
            line: Vec::new(),
            batch: VecDeque::new(),
            limit,
            input: AsyncRwTransport::new(tokio::io::empty(), input),
        }
    }

    /// Reads on to the end of a line; false if there is none any more. The last line ends
    /// where all ends.
    ///
    /// If the future is dropped, what has come stays.
    async fn read_line(&mut self) -> io::Result<bool> {
        loop {
            let read = self.output.fill_buf().await?;
            if read.is_empty() {
                return Ok(!self.line.is_empty());
            }
            let end = memchr(b'\n', read);
            let piece = &read[..end.unwrap_or(read.len())];
            if self.line.len() + piece.len() > self.limit.bytes {
                self.limit.overrun.store(ALL_CALLS, Ordering::Relaxed);
                let message = format!("a line is longer than {} bytes", self.limit.bytes);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            self.line.extend_from_slice(piece);
            let used = piece.len() + usize::from(end.is_some());
            self.output.consume(used);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

impl<R, W> Transport<RoleClient> for Lines<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        self.input.send(message)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            if let Some(message) = self.batch.pop_front() {
                return Some(message);
            }
            match self.read_line().await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    tracing::debug!(%error, "the server cannot be heard any more");
                    return None;
                }
            }
            let message = understand(&self.line);
            if message.is_none() {
                self.batch = batch(&self.line);
                if self.batch.is_empty() {
                    self.limit.note_stray(&self.line);
                }
            }
            self.line.clear();
            self.line.shrink_to(KEPT);
            if message.is_some() {
                return message;
            }
        }
    }

    fn close(&mut self) -> impl Future<Output = io::Result<()>> + Send {
        self.input.close()
    }
}

/// The messages in a line that is a list of them.
fn batch(line: &[u8]) -> VecDeque<RxJsonRpcMessage<RoleClient>> {
    let messages: Vec<Value> = serde_json::from_slice(line).unwrap_or_default();
    let understood = |message: &Value| understand(message.to_string().as_bytes());
    messages.iter().filter_map(understood).collect()
}

#[cfg(test)]
mod tests;
