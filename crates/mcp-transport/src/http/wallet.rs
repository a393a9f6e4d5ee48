//! The identity that a connection shows, and the way to another one.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use mcp_domain::{Error, Scope};
use reqwest::header::{HeaderName, HeaderValue};
use tokio::{sync::Semaphore, time::Instant};

use crate::{
    identity::{AnyProvider, Identity, IdentityRequest, Refusal},
    secrets::Secrets,
};

/// The identity of one connection.
pub(crate) struct Wallet {
    provider: Arc<dyn AnyProvider>,
    scope: Scope,
    secrets: Secrets,
    held: Mutex<Option<Shown>>,
    /// One asks at a time; those behind it take what it was given.
    turnstile: Semaphore,
}

/// An identity that was given to us.
#[derive(Clone)]
pub(crate) struct Shown {
    identity: Identity,
    headers: Arc<HashMap<HeaderName, HeaderValue>>,
    until: Option<Instant>,
}

impl Shown {
    /// Adds it to the headers of a request, over what the target says.
    pub(crate) fn add_to(&self, headers: &mut HashMap<HeaderName, HeaderValue>) {
        for (name, value) in &*self.headers {
            headers.insert(name.clone(), value.clone());
        }
    }

    fn is_valid(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

impl Wallet {
    pub(crate) fn new(provider: Arc<dyn AnyProvider>, scope: Scope, secrets: Secrets) -> Self {
        Self {
            provider,
            scope,
            secrets,
            held: Mutex::default(),
            turnstile: Semaphore::new(1),
        }
    }

    /// The identity for the next request.
    pub(crate) async fn show(&self) -> Result<Shown, Error> {
        if let Some(shown) = self.held().filter(Shown::is_valid) {
            return Ok(shown);
        }
        let _turn = self.turnstile.acquire().await;
        match self.held().filter(Shown::is_valid) {
            Some(shown) => Ok(shown),
            None => self.ask(None).await,
        }
    }

    /// Another identity than the one that was refused, if there is one.
    pub(crate) async fn replace(
        &self,
        refused: &Shown,
        challenge: String,
    ) -> Result<Option<Shown>, Error> {
        let differs = |shown: &Shown| shown.identity.headers() != refused.identity.headers();
        let _turn = self.turnstile.acquire().await;
        if let Some(shown) = self.held().filter(differs) {
            return Ok(Some(shown));
        }
        let shown = self.ask(Some(Refusal::new(challenge))).await?;
        Ok(Some(shown).filter(differs))
    }

    async fn ask(&self, refused: Option<Refusal>) -> Result<Shown, Error> {
        let request = IdentityRequest::new(self.scope.clone(), refused);
        let identity = self.provider.ask(request).await?;
        identity
            .headers()
            .values()
            .for_each(|value| self.secrets.add(value));
        let shown = Shown {
            headers: Arc::new(super::header_map(identity.headers())?),
            until: identity
                .lifetime()
                .and_then(|lifetime| Instant::now().checked_add(lifetime)),
            identity,
        };
        *self.lock() = Some(shown.clone());
        Ok(shown)
    }

    fn held(&self) -> Option<Shown> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Shown>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wallet")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}
