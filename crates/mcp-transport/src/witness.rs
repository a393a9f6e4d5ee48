//! What is known of a peer that explains why a call to it failed.

use mcp_domain::{Error, ErrorKind};

use crate::{bounded::Limit, failure, process, secrets::Secrets};

/// What is known of a peer, also when it is gone.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    process: Option<process::Witness>,
    limit: Limit,
    secrets: Secrets,
}

impl Witness {
    pub(crate) fn new(process: Option<process::Witness>, limit: Limit, secrets: Secrets) -> Self {
        Self {
            process,
            limit,
            secrets,
        }
    }

    /// The error without the credentials that the peer may have quoted.
    pub(crate) fn scrub(&self, error: Error) -> Error {
        self.secrets.scrub(error)
    }

    /// Adds to an error of the handshake what the peer sent instead of messages.
    ///
    /// Many a server prints its logs where its messages belong, or is no MCP server.
    pub(crate) fn quote(&self, error: Error) -> Error {
        let Some(stray) = self.limit.stray() else {
            return error;
        };
        let quote = failure::one_line(&self.secrets.hide_in_quote(stray));
        let message = format!(
            "it wrote lines that are not MCP messages, the first: `{quote}`; logs belong on \
             standard error"
        );
        failure::retold(&error, error.kind(), message).with_source(error)
    }

    /// Adds to an error what explains it, for which it gives a dying process a moment.
    pub(crate) async fn explain(&self, error: Error) -> Error {
        match (self.limit.overrun(), &self.process) {
            (Some(overrun), _) => too_long(overrun, error),
            (None, Some(process)) => process.explain(error).await,
            (None, None) => error,
        }
    }

    /// Adds to an error what is known by now.
    pub(crate) fn add_to(&self, error: Error) -> Error {
        match (self.limit.overrun(), &self.process) {
            (Some(overrun), _) => too_long(overrun, error),
            (None, Some(process)) => process.add_to(error),
            (None, None) => error,
        }
    }
}

fn too_long(overrun: String, error: Error) -> Error {
    // What was never sent stays so.
    let kind = match error.kind() {
        ErrorKind::NotSent => ErrorKind::NotSent,
        _ => ErrorKind::BadResponse,
    };
    Error::new(kind, overrun).with_source(error)
}
