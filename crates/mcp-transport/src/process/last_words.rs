//! The last lines that a server wrote to its standard error.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    sync::watch,
};

use crate::secrets::Secrets;

/// How many lines are kept, and how much of each.
const LINES: usize = 5;
const LONGEST: u64 = 1000;

/// The last lines that a server wrote to its standard error, as they come in.
#[derive(Clone, Debug)]
pub(crate) struct LastWords {
    lines: Arc<Mutex<VecDeque<String>>>,
    /// Its sender is gone when everything has been read.
    more: watch::Receiver<()>,
}

impl LastWords {
    /// Listens until the other end is closed.
    pub(crate) fn listen(
        errors: impl AsyncRead + Send + Unpin + 'static,
        secrets: Secrets,
    ) -> Self {
        let (open, more) = watch::channel(());
        let lines = Arc::default();
        let listener = Listener {
            lines: Arc::clone(&lines),
            secrets,
            _open: open,
        };
        tokio::spawn(listener.listen(errors));
        Self { lines, more }
    }

    /// Waits until everything has been read.
    pub(crate) async fn all(&self) {
        let mut more = self.more.clone();
        while more.changed().await.is_ok() {}
    }

    /// All of them on one line.
    pub(crate) fn on_one_line(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect::<Vec<_>>().join(" | ")
    }
}

struct Listener {
    lines: Arc<Mutex<VecDeque<String>>>,
    secrets: Secrets,
    _open: watch::Sender<()>,
}

impl Listener {
    async fn listen(self, errors: impl AsyncRead + Unpin) {
        let mut errors = BufReader::new(errors);
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut bounded = (&mut errors).take(LONGEST);
            match bounded.read_until(b'\n', &mut line).await {
                Ok(0) | Err(_) => return,
                Ok(_) => self.push(String::from_utf8_lossy(&line).trim()),
            }
        }
    }

    fn push(&self, line: &str) {
        if line.is_empty() {
            return;
        }
        let line = self.secrets.hide(line);
        tracing::debug!(target: "mcp_transport::stderr", "{line}");
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}
