//! How an operation gets its session: a new one each time, or one from the pool.

use std::{env, sync::Arc, time::Duration};

use mcp_domain::{
    Connection as _, Connector as _, Error, ErrorKind, Fault, Operation, PoolStats, Scope,
};
use mcp_pool::{Pool, Server};
use tokio::time::timeout;

use crate::session::{Session, SessionConnector};

/// Whether sessions are pooled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// A new session for each operation.
    #[default]
    Direct,
    /// Sessions from a pool.
    Pooled,
}

impl Access {
    /// The name of the environment variable that picks.
    pub const FLAG: &str = "USE_MCP_POOL";

    /// What the environment variable `USE_MCP_POOL` says. Unset or empty means direct.
    ///
    /// # Errors
    ///
    /// [`FlagError`] if it is neither yes nor no.
    pub fn from_env() -> Result<Self, FlagError> {
        match env::var_os(Self::FLAG) {
            None => Ok(Self::Direct),
            Some(value) => Self::parse(&value.to_string_lossy()),
        }
    }

    fn parse(value: &str) -> Result<Self, FlagError> {
        match value.trim().to_ascii_lowercase().as_str() {
            "" | "0" | "false" | "no" | "off" => Ok(Self::Direct),
            "1" | "true" | "yes" | "on" => Ok(Self::Pooled),
            _ => Err(FlagError {
                value: value.to_owned(),
            }),
        }
    }
}

/// The environment variable `USE_MCP_POOL` is neither yes nor no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagError {
    value: String,
}

impl std::fmt::Display for FlagError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} is `{}`; it must be true or false (or 1, 0, yes, no, on, off)",
            Access::FLAG,
            self.value
        )
    }
}

impl std::error::Error for FlagError {}

/// The way to the server.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    Direct {
        name: Arc<str>,
        connector: Box<SessionConnector>,
        scope: Scope,
        call_timeout: Duration,
    },
    Pooled {
        pool: Pool<SessionConnector>,
        server: Server<SessionConnector>,
        /// Does the pool belong to others, too?
        is_shared: bool,
    },
}

impl Way {
    /// Runs one operation on a session.
    pub(crate) async fn run<T, F, Fut>(&self, operation: Operation, call: F) -> Result<T, Error>
    where
        F: Fn(Arc<Session>) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        match self {
            Self::Direct {
                name,
                connector,
                scope,
                call_timeout,
            } => {
                let limit = operation.timeout().unwrap_or(*call_timeout);
                // A client that is dropped because time is up closes by itself.
                let result = timeout(limit, Box::pin(once(connector, scope, call))).await;
                result
                    .unwrap_or_else(|_| {
                        let message = format!("no answer within {} s", limit.as_secs_f64());
                        Err(Error::new(ErrorKind::CallTimeout, message))
                    })
                    .map_err(|error| explain(name, operation, error))
            }
            Self::Pooled { server, .. } => server.run(operation, call).await,
        }
    }

    /// What the server is called.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Direct { name, .. } => name,
            Self::Pooled { server, .. } => server.name(),
        }
    }

    /// The same way for the callers of another scope.
    pub(crate) fn scoped(&self, scope: Scope) -> Self {
        match self {
            Self::Direct {
                name,
                connector,
                call_timeout,
                ..
            } => Self::Direct {
                name: Arc::clone(name),
                connector: connector.clone(),
                scope,
                call_timeout: *call_timeout,
            },
            Self::Pooled {
                pool,
                server,
                is_shared,
            } => Self::Pooled {
                pool: pool.clone(),
                server: server.scoped(scope),
                is_shared: *is_shared,
            },
        }
    }

    pub(crate) fn stats(&self) -> PoolStats {
        match self {
            Self::Direct { .. } => PoolStats::default(),
            Self::Pooled {
                server,
                is_shared: true,
                ..
            } => server.stats(),
            Self::Pooled { pool, .. } => pool.stats(),
        }
    }

    pub(crate) async fn initialize(&self) -> Result<(), Error> {
        match self {
            Self::Direct { .. } => Ok(()),
            Self::Pooled {
                pool,
                is_shared: false,
                ..
            } => pool.initialize().await,
            Self::Pooled { server, .. } => server.initialize().await,
        }
    }

    pub(crate) async fn close(&self, within: Duration) {
        if let Self::Pooled {
            pool,
            is_shared: false,
            ..
        } = self
        {
            let report = pool.close(within).await;
            if report.abandoned > 0 {
                tracing::warn!(?report, "the pool was closed with connections in use");
            }
        }
    }

    pub(crate) fn access(&self) -> Access {
        match self {
            Self::Direct { .. } => Access::Direct,
            Self::Pooled { .. } => Access::Pooled,
        }
    }
}

/// Connects, calls, closes.
async fn once<T, F, Fut>(connector: &SessionConnector, scope: &Scope, call: F) -> Result<T, Error>
where
    F: Fn(Arc<Session>) -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    let session = Arc::new(connector.connect(scope).await?);
    let result = call(Arc::clone(&session)).await;
    if let Err(error) = session.close().await {
        tracing::debug!(error = %error.chain(), "a session did not close properly");
    }
    result
}

/// Says what failed and where, as the pool does, unless the server or the caller's input
/// is to blame.
fn explain(server: &str, operation: Operation, error: Error) -> Error {
    if matches!(error.kind().fault(), Fault::Caller | Fault::Server) {
        return error;
    }
    let message = format!("`{}` on server `{server}` failed", operation.name());
    let explained = Error::new(error.kind(), message);
    let explained = match error.retry_after() {
        Some(after) => explained.with_retry_after(after),
        None => explained,
    };
    explained.with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_is_yes_or_no() {
        for yes in ["1", "true", "TRUE", "yes", " on "] {
            assert_eq!(Access::parse(yes), Ok(Access::Pooled), "{yes}");
        }
        for no in ["", "0", "false", "No", "off"] {
            assert_eq!(Access::parse(no), Ok(Access::Direct), "{no}");
        }
        let error = Access::parse("perhaps").unwrap_err().to_string();
        assert!(error.contains("USE_MCP_POOL") && error.contains("perhaps"));
    }
}
