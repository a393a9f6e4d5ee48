//! Which log messages a server is to send.
#![expect(
    deprecated,
    reason = "deprecated with 2026-07-28, and all that earlier servers know"
)]

use std::sync::PoisonError;

use mcp_domain::Error;
use rmcp::model::{ClientRequest, RequestMetaObject, SetLevelRequest, SetLevelRequestParams};

use super::{Client, call::How, read};
use crate::LogLevel;

impl Client {
    /// Asks for log messages from this level on.
    ///
    /// On revisions with a handshake the server is told at once. On 2026-07-28, where every
    /// request says what is to be logged of it, the later ones will.
    ///
    /// # Errors
    ///
    /// As any call: see [`call_tool_raw`](Self::call_tool_raw). A server without log
    /// messages usually answers `Rpc(-32601)`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves open which level the server logs at.
    pub async fn set_log_level(&self, level: LogLevel) -> Result<(), Error> {
        if !self.revision.has_initialize() {
            let mut asked = self
                .log_level
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *asked = Some(level);
            return Ok(());
        }
        let params = SetLevelRequestParams::new(level.into());
        let request = ClientRequest::SetLevelRequest(SetLevelRequest::new(params));
        let answer = self.ask(request.into(), &self.how()).await?;
        read::nothing("logging/setLevel", answer)
    }

    /// What a request says beside its arguments.
    pub(super) fn meta(&self, how: &How) -> Option<RequestMetaObject> {
        let level = *self
            .log_level
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(level) = level else {
            return how.meta.clone();
        };
        let mut meta = how.meta.clone().unwrap_or_default();
        meta.set_log_level(level.into());
        Some(meta)
    }
}
