//! Who wants to be told of changes that a server tells everybody on the connection.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::mpsc;

use crate::{Change, Interests};

/// So many changes may wait to be heard by one subscriber.
const MOST_WAITING: usize = 64;

/// Who wants to be told of which changes.
#[derive(Debug, Default)]
pub(crate) struct Subscribers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    entries: Vec<Entry>,
    /// Nothing will change any more.
    ended: bool,
}

#[derive(Debug)]
struct Entry {
    interests: Interests,
    changes: mpsc::Sender<Change>,
    lagged: Arc<AtomicBool>,
}

impl Subscribers {
    /// Tells of these changes until what is returned is dropped.
    pub(crate) fn add(&self, interests: Interests) -> Subscriber {
        let (sender, changes) = mpsc::channel(MOST_WAITING);
        let lagged = Arc::new(AtomicBool::new(false));
        let entry = Entry {
            interests,
            changes: sender,
            lagged: Arc::clone(&lagged),
        };
        let mut state = self.state();
        if !state.ended {
            state.entries.push(entry);
        }
        Subscriber { changes, lagged }
    }

    /// Whoever does not keep up is told no more.
    pub(super) fn tell(&self, change: &Change) {
        self.state().entries.retain(|entry| {
            if entry.changes.is_closed() {
                return false;
            }
            if !entry.interests.include(change) {
                return true;
            }
            match entry.changes.try_send(change.clone()) {
                Ok(()) => true,
                Err(_) => {
                    entry.lagged.store(true, Ordering::Relaxed);
                    false
                }
            }
        });
    }

    /// Does anybody want to be told of this?
    pub(crate) fn want(&self, change: &Change) -> bool {
        let state = self.state();
        let mut live = state
            .entries
            .iter()
            .filter(|entry| !entry.changes.is_closed());
        live.any(|entry| entry.interests.include(change))
    }

    /// Nothing will change any more.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        state.entries.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who is told of changes.
#[derive(Debug)]
pub(crate) struct Subscriber {
    changes: mpsc::Receiver<Change>,
    lagged: Arc<AtomicBool>,
}

impl Subscriber {
    /// The next change; none if there will be no more.
    pub(crate) async fn next(&mut self) -> Option<Change> {
        self.changes.recv().await
    }

    /// Wants to be told no more.
    pub(crate) fn leave(&mut self) {
        self.changes.close();
    }

    /// Did it end because more changed than was heard?
    pub(crate) fn has_lagged(&self) -> bool {
        self.lagged.load(Ordering::Relaxed)
    }
}
