//! Many callers at once.

use std::sync::Arc;

use mcp_domain::{Error, ErrorKind};
use tokio::{
    sync::Barrier,
    task::JoinSet,
    time::{Duration, Instant},
};

/// What came of one round.
#[derive(Debug)]
pub(crate) struct Round {
    /// From the start until the last caller was served.
    pub(crate) took: Duration,
    /// The first failure, and how many there were.
    pub(crate) failed: Option<(Error, usize)>,
}

/// Lets `callers` tasks do the same at the same time.
pub(crate) async fn at_once<F, Fut>(callers: usize, call: F) -> Round
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(), Error>> + Send + 'static,
{
    let gate = Arc::new(Barrier::new(callers + 1));
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let (gate, call) = (Arc::clone(&gate), call());
        tasks.spawn(async move {
            gate.wait().await;
            call.await
        });
    }
    gate.wait().await;
    let start = Instant::now();
    let mut failed: Option<(Error, usize)> = None;
    while let Some(ended) = tasks.join_next().await {
        let result = ended.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Closed, "a caller's task failed").with_source(error))
        });
        if let Err(error) = result {
            let (first, count) = failed.take().unwrap_or((error, 0));
            failed = Some((first, count + 1));
        }
    }
    Round {
        took: start.elapsed(),
        failed,
    }
}

impl Round {
    /// The time, if every caller was served.
    ///
    /// # Errors
    ///
    /// The first failure.
    pub(crate) fn served(self) -> Result<Duration, Error> {
        match self.failed {
            None => Ok(self.took),
            Some((error, _)) => Err(error),
        }
    }
}
