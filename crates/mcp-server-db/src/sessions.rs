//! Sessions over HTTP: so many at a time.
//!
//! Revisions before 2026-07-28 have sessions, which begin with `initialize` and last until
//! somebody ends them. Each takes a place; what comes without a session takes none.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use hyper::http::request::Parts;
use rmcp::{ErrorData, model::Extensions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The place of a session to be, and all others that there are.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    all: Arc<Semaphore>,
    taken: Arc<OnceLock<OwnedSemaphorePermit>>,
}

impl Place {
    /// So many places.
    pub(crate) fn among(all: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            taken: Arc::default(),
        }
    }

    /// Another one.
    pub(crate) fn next(&self) -> Self {
        Self {
            all: Arc::clone(&self.all),
            taken: Arc::default(),
        }
    }

    /// Takes the place, for as long as this is there.
    ///
    /// # Errors
    ///
    /// If none is left; the request, whose extensions these are, hears of it, too.
    pub(crate) fn take(&self, request: &Extensions) -> Result<(), ErrorData> {
        match Arc::clone(&self.all).try_acquire_owned() {
            Ok(place) => {
                // Who says hello twice gives the second place back.
                let _ = self.taken.set(place);
                Ok(())
            }
            Err(_) => {
                let request = request.get::<Parts>();
                if let Some(turned) = request.and_then(|parts| parts.extensions.get::<Turned>()) {
                    turned.0.store(true, Ordering::Relaxed);
                }
                Err(ErrorData::internal_error(FULL, None))
            }
        }
    }
}

/// What who is turned away is told.
pub(crate) const FULL: &str =
    "there are too many sessions: try again later, or with revision 2026-07-28, which has none";

/// Was a request turned away? Goes along with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turned(Arc<AtomicBool>);

impl Turned {
    pub(crate) fn away(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
