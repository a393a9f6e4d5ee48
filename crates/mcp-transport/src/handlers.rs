//! What a server may ask of us, and tell us, while a connection is open.

use std::{fmt, pin::Pin, sync::Arc};

use mcp_domain::Error;

use crate::{LogMessage, Progress};

mod change;
mod elicitation;
mod roots;
mod sampling;

pub use self::{
    change::Change,
    elicitation::{Elicitation, ElicitationReply},
    roots::Root,
    sampling::{SamplingReply, SamplingRequest},
};

type Answering<Q, A> =
    Arc<dyn Fn(Q) -> Pin<Box<dyn Future<Output = Result<A, Error>> + Send>> + Send + Sync>;
type Hearing<T> = Arc<dyn Fn(T) + Send + Sync>;

/// What answers a server that asks, and hears a server that tells.
///
/// A server may ask for a model's answer (*sampling*), for the user's (*elicitation*), and
/// for the folders it may work in (*roots*). It is told beforehand which of these it can ask
/// for: those that are set here. All else is refused.
///
/// It asks by requests of its own (revisions up to 2025-11-25) or by answering a call
/// with a wish for further input (2026-07-28), in which case the call goes on by
/// itself when the input is there. Handlers see no difference.
///
/// Cheap to clone. Handlers are called in tasks of the connection, several at a time;
/// what only hears must not block.
///
/// ```
/// use mcp_transport::{ElicitationReply, Handlers, Root};
///
/// let handlers = Handlers::new()
///     .with_roots([Root::new("file:///srv/project")])
///     .on_elicitation(|question| async move {
///         // A program with a user would ask the user.
///         Ok(ElicitationReply::Accept(question.defaults()))
///     })
///     .on_log(|message| println!("{}: {}", message.level, message.data));
/// ```
#[derive(Clone, Default)]
pub struct Handlers {
    pub(crate) elicitation: Option<Answering<Elicitation, ElicitationReply>>,
    pub(crate) sampling: Option<Answering<SamplingRequest, SamplingReply>>,
    pub(crate) roots: Option<Arc<[Root]>>,
    pub(crate) log: Option<Hearing<LogMessage>>,
    pub(crate) progress: Option<Hearing<Progress>>,
    pub(crate) change: Option<Hearing<Change>>,
    pub(crate) tasks: bool,
}

impl Handlers {
    /// Handlers that refuse everything and hear nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers questions to the user. Default: they are declined.
    ///
    /// What is left out of an accepted form is filled in with the defaults of its
    /// schema. An error is told to the server, its causes are not.
    #[must_use]
    pub fn on_elicitation<F, Fut>(mut self, answer: F) -> Self
    where
        F: Fn(Elicitation) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<ElicitationReply, Error>> + Send + 'static,
    {
        self.elicitation = Some(Arc::new(move |question| Box::pin(answer(question))));
        self
    }

    /// Lets servers ask a model. Default: refused.
    ///
    /// An error is told to the server, its causes are not.
    #[must_use]
    pub fn on_sampling<F, Fut>(mut self, answer: F) -> Self
    where
        F: Fn(SamplingRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<SamplingReply, Error>> + Send + 'static,
    {
        self.sampling = Some(Arc::new(move |request| Box::pin(answer(request))));
        self
    }

    /// The folders that servers may work in. Default: none are named.
    #[must_use]
    pub fn with_roots(mut self, roots: impl IntoIterator<Item = Root>) -> Self {
        self.roots = Some(roots.into_iter().collect());
        self
    }

    /// Hears what servers log. Default: it is passed on to `tracing`, at the level
    /// `debug`, as what a server says is not to be trusted.
    ///
    /// Which messages come is up to the server, and to
    /// [`Client::set_log_level`](crate::Client::set_log_level).
    #[must_use]
    pub fn on_log(mut self, hear: impl Fn(LogMessage) + Send + Sync + 'static) -> Self {
        self.log = Some(Arc::new(hear));
        self
    }

    /// Hears the progress of every call that has no
    /// [`on_progress`](crate::Call::on_progress) of its own. Default: nobody does.
    #[must_use]
    pub fn on_progress(mut self, hear: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(hear));
        self
    }

    /// Accepts that a server makes a task of a long call (revision 2026-07-28, with
    /// the extension `io.modelcontextprotocol/tasks`). Default: it may not.
    ///
    /// The call then goes on by itself: the server is asked for the task until it is done,
    /// at the pace that it proposes; input that the task wants is given; a call that is
    /// dropped cancels the task.
    #[must_use]
    pub fn accept_tasks(mut self) -> Self {
        self.tasks = true;
        self
    }

    /// Hears that a server's tools, prompts or resources have changed. Default: nobody does.
    ///
    /// Servers of revision 2026-07-28 tell only those who have
    /// [subscribed](crate::Client::subscribe), and then that subscription.
    #[must_use]
    pub fn on_change(mut self, hear: impl Fn(Change) + Send + Sync + 'static) -> Self {
        self.change = Some(Arc::new(hear));
        self
    }
}

impl Handlers {
    /// Is there anything that a server can ask for?
    pub(crate) fn answer(&self) -> bool {
        self.elicitation.is_some() || self.sampling.is_some() || self.roots.is_some()
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("elicitation", &self.elicitation.is_some())
            .field("sampling", &self.sampling.is_some())
            .field("roots", &self.roots)
            .field("log", &self.log.is_some())
            .field("progress", &self.progress.is_some())
            .field("change", &self.change.is_some())
            .field("tasks", &self.tasks)
            .finish()
    }
}
