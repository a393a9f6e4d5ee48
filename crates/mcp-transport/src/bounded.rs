//! What a peer may send: no message longer than agreed, and no more questions than it
//! reads answers.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU8, Ordering},
};

use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use self::{lines::Lines, owed::Owed};
use crate::{lifecycle::Lenient, secrets::Secrets};

mod lines;
mod owed;

/// What a peer may send, and whether it kept to that.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    bytes: usize,
    overrun: Arc<AtomicU8>,
    /// The beginning of the first line that was no message.
    stray: Arc<OnceLock<String>>,
}

/// How much is kept of a line that was no message.
const KEPT_OF_STRAY: usize = 1000;

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
            stray: Arc::default(),
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

    /// Was it broken by what nobody has heard of yet?
    pub(crate) fn is_broken(&self) -> bool {
        self.overrun.load(Ordering::Relaxed) != NONE
    }

    /// The beginning of the first line that was no message, if there was one.
    pub(crate) fn stray(&self) -> Option<&str> {
        self.stray.get().map(String::as_str)
    }

    fn note_stray(&self, line: &[u8]) {
        let line = line.trim_ascii();
        if !line.is_empty() {
            let beginning = &line[..line.len().min(KEPT_OF_STRAY)];
            let kept = || String::from_utf8_lossy(beginning).into_owned();
            self.stray.get_or_init(kept);
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
    ) -> Lenient<Owed<Lines<R, W>>>
    where
        R: AsyncRead + Send + Unpin,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let lines = Lines::new(output, input, self.clone());
        self.guard(lines, secrets)
    }
}
