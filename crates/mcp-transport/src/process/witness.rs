//! What is known of a process, also when it is gone.

use std::{sync::Arc, time::Duration};

use mcp_domain::Error;
use tokio::{sync::watch, time::timeout};

use super::LastWords;

/// One that closed its pipes is about to end, and its status says more than that.
const DYING: Duration = Duration::from_millis(500);

/// What it said last is in its pipe, unless a child of its own holds that open.
const SPEAKING: Duration = Duration::from_millis(200);

/// What is known of a process, also when it is gone.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    program: Arc<str>,
    /// How it ended. The sender is dropped when it has.
    exit: watch::Receiver<Option<String>>,
    last_words: LastWords,
}

impl Witness {
    pub(super) fn new(
        program: String,
        exit: watch::Receiver<Option<String>>,
        last_words: LastWords,
    ) -> Self {
        let program = program.into();
        Self {
            program,
            exit,
            last_words,
        }
    }

    /// Has the process ended, and was it reaped?
    pub(super) fn is_gone(&self) -> bool {
        self.exit.has_changed().is_err()
    }

    /// Waits until the process has ended and was reaped.
    pub(crate) async fn gone(&self) {
        let mut exit = self.exit.clone();
        while exit.changed().await.is_ok() {}
    }

    /// Adds to an error how the process ended, for which it gives it a moment, and
    /// what it said last.
    pub(crate) async fn explain(&self, error: Error) -> Error {
        if timeout(DYING, self.gone()).await.is_ok() {
            let _ = timeout(SPEAKING, self.last_words.all()).await;
        }
        self.add_to(error)
    }

    /// Adds what is known by now to an error.
    pub(crate) fn add_to(&self, error: Error) -> Error {
        let status = self.exit.borrow().clone();
        let last_words = self.last_words.on_one_line();
        let message = match (status, last_words.as_str()) {
            (None, "") => return error,
            (None, words) => format!("`{}` said: {words}", self.program),
            (Some(status), "") => format!("`{}` ended with {status}", self.program),
            (Some(status), words) => {
                format!("`{}` ended with {status}, saying: {words}", self.program)
            }
        };
        Error::new(error.kind(), message).with_source(error)
    }
}
