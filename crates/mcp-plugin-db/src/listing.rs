//! What a server listed, kept for a while; one request in flight however many ask.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use mcp_domain::Error;
use tokio::time::Instant;

pub(crate) use self::epoch::{Epoch, Listening};

mod epoch;

/// More than this are not kept: whoever asks for so many does not ask twice.
const MOST_KEPT: usize = 1000;

type Fetch<V> = BoxFuture<'static, Result<Fresh<V>, Error>>;

/// An answer, and for how long the server says that it is fresh.
#[derive(Clone, Debug)]
pub(crate) struct Fresh<V> {
    pub(crate) value: V,
    /// `None` where the server does not say.
    pub(crate) during: Option<Duration>,
}

/// Answers by question.
pub(crate) struct Listing<K, V> {
    keep: Duration,
    epoch: Epoch,
    entries: Mutex<HashMap<K, Entry<V>>>,
}

struct Entry<V> {
    epoch: u64,
    state: State<V>,
}

enum State<V> {
    /// Being fetched, for as long as somebody waits for it.
    Flight(WeakShared<Fetch<V>>),
    Kept {
        value: V,
        until: Instant,
    },
}

impl<K, V> Listing<K, V>
where
    K: Clone + Eq + Hash,
    V: Clone,
{
    /// Keeps answers for this long, or for as long as they are fresh, if that is less;
    /// zero keeps none, and still fetches once for all who ask at the same time.
    pub(crate) fn new(keep: Duration, epoch: Epoch) -> Self {
        Self {
            keep,
            epoch,
            entries: Mutex::default(),
        }
    }

    /// The answer: the one that is kept, the one that is on its way, or a new one.
    ///
    /// Dropping the future gives up for this caller alone: the request goes on for as
    /// long as there are others.
    pub(crate) async fn get(&self, key: &K, fetch: impl FnOnce() -> Fetch<V>) -> Result<V, Error> {
        let epoch = self.epoch.now();
        let flight = match self.known(key, epoch) {
            Known::Kept(value) => return Ok(value),
            Known::Flight(flight) => flight,
            Known::Nothing => self.depart(key, epoch, fetch().shared()),
        };
        let answer = flight.await?;
        self.keep(key, epoch, &answer);
        Ok(answer.value)
    }

    fn known(&self, key: &K, epoch: u64) -> Known<V> {
        let entries = self.entries();
        match entries.get(key).filter(|entry| entry.epoch == epoch) {
            Some(Entry {
                state: State::Kept { value, until },
                ..
            }) if Instant::now() < *until => Known::Kept(value.clone()),
            Some(Entry {
                state: State::Flight(flight),
                ..
            }) => match flight.upgrade().filter(|flight| flight.peek().is_none()) {
                Some(flight) => Known::Flight(flight),
                None => Known::Nothing,
            },
            _ => Known::Nothing,
        }
    }

    /// Lets others join, unless somebody was quicker: then joins.
    fn depart(&self, key: &K, epoch: u64, flight: Shared<Fetch<V>>) -> Shared<Fetch<V>> {
        let mut entries = self.entries();
        if let Some(Entry {
            state: State::Flight(other),
            epoch: theirs,
        }) = entries.get(key)
            && *theirs == epoch
            && let Some(other) = other.upgrade()
            && other.peek().is_none()
        {
            return other;
        }
        if entries.len() >= MOST_KEPT {
            entries.clear();
        }
        if let Some(weak) = flight.downgrade() {
            let state = State::Flight(weak);
            entries.insert(key.clone(), Entry { epoch, state });
        }
        flight
    }

    /// Keeps an answer, unless a newer question has been asked since.
    fn keep(&self, key: &K, epoch: u64, answer: &Fresh<V>) {
        let mut entries = self.entries();
        let newer = entries.get(key).is_some_and(|entry| entry.epoch > epoch);
        let keep = answer
            .during
            .map_or(self.keep, |fresh| fresh.min(self.keep));
        match Instant::now().checked_add(keep) {
            Some(until) if !newer => {
                let value = answer.value.clone();
                let state = State::Kept { value, until };
                entries.insert(key.clone(), Entry { epoch, state });
            }
            _ => {}
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<K, Entry<V>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Known<V> {
    Flight(Shared<Fetch<V>>),
    Kept(V),
    Nothing,
}

impl<K, V> fmt::Debug for Listing<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing")
            .field("keep", &self.keep)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
