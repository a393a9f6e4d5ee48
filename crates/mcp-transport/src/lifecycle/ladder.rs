//! One way to begin after the other, until the server likes one.

use std::time::Duration;

use mcp_domain::Error;
use tokio::time::timeout;

use super::Lifecycle;

/// One way to begin, and how long to wait for an answer before the next is tried beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rung {
    pub(crate) lifecycle: Lifecycle,
    pub(crate) patience: Duration,
}

/// The ways to begin with a server of which this is remembered, the likeliest first.
///
/// Silence is ambiguous: the server may be slow to start, or it may be one that does
/// not answer what it does not know. What is remembered gets much patience, a
/// probe little.
pub(crate) fn rungs(remembered: Option<Lifecycle>, limit: Duration) -> (Rung, Vec<Rung>) {
    let remembered = remembered.map(|lifecycle| Rung {
        lifecycle,
        patience: limit / 2,
    });
    let probe = Rung {
        lifecycle: Lifecycle::Auto,
        patience: (limit / 3).min(Duration::from_secs(5)),
    };
    let handshake = Rung {
        lifecycle: Lifecycle::Initialize,
        patience: limit,
    };
    match remembered {
        None => (probe, vec![handshake]),
        Some(rung) if rung.lifecycle == Lifecycle::Initialize => (rung, vec![probe]),
        Some(rung) => (rung, vec![probe, handshake]),
    }
}

/// Why an attempt failed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The server is there, but did not like how we began.
    Handshake(Error),
    /// Beginning otherwise would not help.
    Unreachable(Error),
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Handshake(error) | Failed::Unreachable(error) => error,
        }
    }
}

/// Tries one rung after the other: the next when the last has failed, or has not
/// answered for so long that it may never do so. In the latter case both go on, and the
/// first to succeed wins.
pub(crate) async fn climb<T, F>(
    first: Rung,
    rest: &[Rung],
    attempt: &impl Fn(Lifecycle) -> F,
) -> Result<T, Failed>
where
    F: Future<Output = Result<T, Failed>>,
{
    let Some((second, rest)) = rest.split_first() else {
        return attempt(first.lifecycle).await;
    };
    let mut earlier = Box::pin(attempt(first.lifecycle));
    let mut later = Box::pin(climb(*second, rest, attempt));
    match timeout(first.patience, &mut earlier).await {
        Ok(Err(Failed::Handshake(_))) => return later.await,
        Ok(result) => return result,
        Err(_) => {}
    }
    tokio::select! {
        result = &mut earlier => match result {
            Ok(connection) => Ok(connection),
            Err(_) => later.await,
        },
        result = &mut later => match result {
            Ok(connection) => Ok(connection),
            Err(_) => earlier.await,
        },
    }
}

#[cfg(test)]
mod tests;
