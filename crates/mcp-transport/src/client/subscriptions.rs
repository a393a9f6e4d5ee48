//! Being told of changes, on every revision in the same way.
#![expect(
    deprecated,
    reason = "deprecated with 2026-07-28, and all that earlier servers know"
)]

use std::{collections::BTreeSet, sync::Arc};

use mcp_domain::{Error, ErrorKind};
use rmcp::{
    Peer, RoleClient,
    model::{
        ClientRequest, ServerNotification, SubscribeRequest, SubscribeRequestParams,
        SubscriptionFilter, UnsubscribeRequest, UnsubscribeRequestParams,
    },
    service::{Subscription, SubscriptionEnd},
};

use super::{
    Client,
    ask::{from_now, post},
    read,
};
use crate::{
    Change, failure,
    host::{Host, Subscriber},
};

/// Which changes to be told of.
///
/// ```
/// use mcp_transport::Interests;
///
/// let interests = Interests::new().tools().resource("file:///etc/hosts");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interests {
    prompts: bool,
    resources: bool,
    tools: bool,
    contents: BTreeSet<String>,
}

impl Interests {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// The list of prompts.
    #[must_use]
    pub fn prompts(mut self) -> Self {
        self.prompts = true;
        self
    }

    /// The contents of the resource at this address.
    #[must_use]
    pub fn resource(mut self, uri: impl Into<String>) -> Self {
        self.contents.insert(uri.into());
        self
    }

    /// The list of resources.
    #[must_use]
    pub fn resources(mut self) -> Self {
        self.resources = true;
        self
    }

    /// The list of tools.
    #[must_use]
    pub fn tools(mut self) -> Self {
        self.tools = true;
        self
    }

    /// Is this change one of those?
    pub fn include(&self, change: &Change) -> bool {
        match change {
            Change::Prompts => self.prompts,
            Change::Resource(uri) => self.contents.contains(uri),
            Change::Resources => self.resources,
            Change::Tools => self.tools,
        }
    }

    fn filter(&self) -> SubscriptionFilter {
        let mut filter = SubscriptionFilter::new();
        filter.prompts_list_changed = self.prompts.then_some(true);
        filter.resources_list_changed = self.resources.then_some(true);
        filter.tools_list_changed = self.tools.then_some(true);
        let contents = Vec::from_iter(self.contents.iter().cloned());
        filter.resource_subscriptions = (!contents.is_empty()).then_some(contents);
        filter
    }
}

impl From<&SubscriptionFilter> for Interests {
    fn from(filter: &SubscriptionFilter) -> Self {
        let contents = filter.resource_subscriptions.iter().flatten();
        Self {
            prompts: filter.prompts_list_changed == Some(true),
            resources: filter.resources_list_changed == Some(true),
            tools: filter.tools_list_changed == Some(true),
            contents: contents.cloned().collect(),
        }
    }
}

impl Client {
    /// Asks to be told of changes.
    ///
    /// On revision 2026-07-28 this is a `subscriptions/listen`. On earlier ones servers
    /// tell everybody that a list has changed, and those who subscribe that a resource
    /// has. Nothing of this difference is to be seen here.
    ///
    /// # Errors
    ///
    /// As any call: see [`call_tool_raw`](Self::call_tool_raw).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing stays subscribed.
    pub async fn subscribe(&self, interests: Interests) -> Result<Changes, Error> {
        let how = self.how();
        let until = from_now(how.timeout);
        if !self.revision.has_initialize() {
            let mut within = how.clone();
            within.within = how.timeout;
            let listening = self.peer()?.listen(interests.filter());
            let subscription = match self.in_time(listening, until, &within).await? {
                Ok(subscription) => subscription,
                Err(error) => return Err(self.explain(error).await),
            };
            return Ok(Changes {
                agreed: subscription.acknowledged().into(),
                source: Source::Listened(subscription),
            });
        }
        // First of all, so that no change is missed.
        let subscriber = self.host.subscribers.add(interests.clone());
        let mut told = Told {
            subscriber,
            peer: self.peer()?.clone(),
            host: Arc::clone(&self.host),
            contents: Vec::new(),
        };
        for uri in &interests.contents {
            let params = SubscribeRequestParams::new(uri);
            let request = ClientRequest::SubscribeRequest(SubscribeRequest::new(params));
            told.contents.push(uri.clone());
            let answer = self.ask(request.into(), &how).await?;
            read::nothing(uri, answer)?;
        }
        Ok(Changes {
            agreed: interests,
            source: Source::Told(told),
        })
    }
}

/// Changes at a server, as they happen.
///
/// Dropping it ends the subscription.
#[derive(Debug)]
pub struct Changes {
    agreed: Interests,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// Revision 2026-07-28.
    Listened(Subscription),
    /// Earlier ones.
    Told(Told),
}

impl Changes {
    /// What the server has agreed to tell of: perhaps less than it was asked for.
    pub fn agreed(&self) -> &Interests {
        &self.agreed
    }

    /// The next change; none when the server has ended the subscription, or the
    /// connection has ended.
    ///
    /// # Errors
    ///
    /// `BadResponse` if more changed than was asked for here, so that some of it is lost,
    /// or if the server tells of what was not subscribed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no change.
    pub async fn next(&mut self) -> Result<Option<Change>, Error> {
        match &mut self.source {
            Source::Listened(subscription) => loop {
                match subscription.next().await.map_err(failure::of_call)? {
                    Some(notification) => {
                        if let Some(change) = change(notification) {
                            return Ok(Some(change));
                        }
                    }
                    None if matches!(subscription.end(), Some(SubscriptionEnd::Lagged { .. })) => {
                        return Err(lagged());
                    }
                    None => return Ok(None),
                }
            },
            Source::Told(told) => match told.subscriber.next().await {
                None if told.subscriber.has_lagged() => Err(lagged()),
                change => Ok(change),
            },
        }
    }
}

fn change(notification: ServerNotification) -> Option<Change> {
    match notification {
        ServerNotification::PromptListChangedNotification(_) => Some(Change::Prompts),
        ServerNotification::ResourceListChangedNotification(_) => Some(Change::Resources),
        ServerNotification::ResourceUpdatedNotification(update) => {
            Some(Change::Resource(update.params.uri))
        }
        ServerNotification::ToolListChangedNotification(_) => Some(Change::Tools),
        _ => None,
    }
}

fn lagged() -> Error {
    let message = "more changed at the server than was asked for in time; subscribe again";
    Error::new(ErrorKind::BadResponse, message)
}

/// What was subscribed the old way, to be unsubscribed.
#[derive(Debug)]
struct Told {
    subscriber: Subscriber,
    peer: Peer<RoleClient>,
    host: Arc<Host>,
    contents: Vec<String>,
}

impl Drop for Told {
    fn drop(&mut self) {
        self.subscriber.leave();
        for uri in self.contents.drain(..) {
            // Another subscription may still want it.
            if self.host.subscribers.want(&Change::Resource(uri.clone())) {
                continue;
            }
            let params = UnsubscribeRequestParams::new(uri);
            let request = ClientRequest::UnsubscribeRequest(UnsubscribeRequest::new(params));
            post(self.peer.send_request(request));
        }
    }
}
