//! One call: what is asked, how the answer is read, and how long to wait for it.

use std::{
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
    time::Duration,
};

use mcp_domain::{Error, ErrorKind};
use rmcp::model::{ClientRequest, RequestMetaObject, ServerResult};
use serde_json::Value;

use super::Client;
use crate::{Progress, host::Hear};

/// A call that is sent when it is awaited.
///
/// By default it waits as long as its connection says
/// ([`ClientConnector::with_call_timeout`](crate::ClientConnector::with_call_timeout)).
///
/// ```no_run
/// # async fn example(client: &mcp_transport::Client) -> Result<(), mcp_domain::Error> {
/// use std::time::Duration;
///
/// #[derive(serde::Deserialize)]
/// struct Report { rows: u64 }
///
/// let report: Report = client
///     .call_tool("report", serde_json::json!({ "year": 2026 }))
///     .timeout(Duration::from_secs(5))
///     .reset_on_progress()
///     .within(Duration::from_secs(600))
///     .on_progress(|progress| println!("{}", progress.progress))
///     .typed()
///     .await?;
/// println!("{} rows", report.rows);
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
///
/// Dropping the future cancels the call at the server. So does running out of time.
#[must_use = "a call is sent when it is awaited"]
pub struct Call<'c, T> {
    client: &'c Client,
    subject: &'c str,
    /// None when it is sent.
    request: Option<Result<Box<ClientRequest>, Error>>,
    read: Read<T>,
    how: How,
    sent: Option<Sent<'c, T>>,
}

type Sent<'c, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'c>>;

/// Reads an answer about a subject.
pub(super) type Read<T> = fn(&str, ServerResult) -> Result<T, Error>;

/// How a call is made.
#[derive(Clone, Default)]
pub(super) struct How {
    /// How long to wait for an answer, or for a sign of life.
    pub(super) timeout: Option<Duration>,
    /// How long to wait for it in all.
    pub(super) within: Option<Duration>,
    pub(super) reset_on_progress: bool,
    pub(super) hear: Option<Hear>,
    pub(super) meta: Option<RequestMetaObject>,
}

impl<'c, T> Call<'c, T> {
    pub(super) fn new(
        client: &'c Client,
        subject: &'c str,
        request: Result<ClientRequest, Error>,
        read: Read<T>,
    ) -> Self {
        Self {
            client,
            subject,
            request: Some(request.map(Box::new)),
            read,
            how: client.how(),
            sent: None,
        }
    }

    /// How long to wait for the answer; then the call fails with `CallTimeout`.
    ///
    /// Where the server asks for further input, each of its answers is waited for so
    /// long, and the input as long as it takes.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.how.timeout = Some(limit);
        self
    }

    /// Waits for the answer as long as the connection lives, or
    /// [`within`](Self::within) allows.
    pub fn without_timeout(mut self) -> Self {
        self.how.timeout = None;
        self
    }

    /// Starts waiting anew whenever the server reports progress.
    pub fn reset_on_progress(mut self) -> Self {
        self.how.reset_on_progress = true;
        self
    }

    /// How long the call may take in all: with all its progress, and all input that
    /// the server asks for. Default: as long as it takes.
    pub fn within(mut self, limit: Duration) -> Self {
        self.how.within = Some(limit);
        self
    }

    /// Hears how far the call has come, instead of
    /// [`Handlers::on_progress`](crate::Handlers::on_progress).
    ///
    /// Reports come one after another and only forward; it must not block. Those that arrive
    /// together with the answer may come too late to be heard.
    pub fn on_progress(mut self, hear: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.how.hear = Some(Arc::new(hear));
        self
    }

    /// Adds to what the request says beside its arguments (`_meta`), such as
    /// `traceparent`. What the protocol says there itself cannot be replaced.
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        let meta = self.how.meta.get_or_insert_default();
        meta.insert(key.into(), value.into());
        self
    }

    /// The same call, its answer read otherwise.
    pub(super) fn reading<U>(self, read: Read<U>) -> Call<'c, U> {
        Call {
            client: self.client,
            subject: self.subject,
            request: self.request,
            read,
            how: self.how,
            sent: None,
        }
    }

    fn send(&mut self) -> Sent<'c, T>
    where
        T: 'c,
    {
        let (client, subject, read) = (self.client, self.subject, self.read);
        let how = mem::take(&mut self.how);
        let request = self.request.take();
        let sent = async move {
            let Some(request) = request else {
                return Err(Error::new(ErrorKind::InvalidInput, "a call is made once"));
            };
            let answer = client.ask(request?, &how).await?;
            // What a tool says of its failure may quote what it was shown.
            read(subject, answer).map_err(|error| client.witness.scrub(error))
        };
        Box::pin(sent)
    }
}

impl<'c, T: 'c> Future for Call<'c, T> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        let call = self.get_mut();
        let mut sent = match call.sent.take() {
            Some(sent) => sent,
            None => call.send(),
        };
        let answer = sent.as_mut().poll(context);
        if answer.is_pending() {
            call.sent = Some(sent);
        }
        answer
    }
}

impl<T> fmt::Debug for Call<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the arguments: they are the caller's.
        f.debug_struct("Call")
            .field("subject", &self.subject)
            .field("timeout", &self.how.timeout)
            .field("within", &self.how.within)
            .finish_non_exhaustive()
    }
}
