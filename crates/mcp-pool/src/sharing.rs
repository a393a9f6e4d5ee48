//! The connections that several callers use at the same time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deadpool::managed::Object;
use mcp_domain::{Connection as _, Connector};

use crate::{held::Held, keyed::Fate, manager::Manager};

/// The shared connections of one server and scope that are in use.
///
/// There are at most `max_connections` of them, so a list that is searched from
/// end to end will do.
pub(crate) struct Shared<C: Connector>(Mutex<Vec<Entry<C>>>);

struct Entry<C: Connector> {
    object: Object<Manager<C>>,
    callers: usize,
    /// Calls that were abandoned and may still keep the server busy.
    draining: usize,
    fate: Fate,
}

impl<C: Connector> Entry<C> {
    fn has_room(&self) -> bool {
        self.callers < self.object.held.room
            && self.draining == 0
            && self.fate == Fate::Reuse
            && self.object.held.connection.is_open()
    }
}

impl<C: Connector> Default for Shared<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C: Connector> Shared<C> {
    /// Adds a connection with its first caller.
    pub(crate) fn insert(&self, object: Object<Manager<C>>) {
        self.lock().push(Entry {
            object,
            callers: 1,
            draining: 0,
            fate: Fate::Reuse,
        });
    }

    /// Joins the connection with the fewest callers, if any has room.
    pub(crate) fn join(&self) -> Option<Arc<Held<C>>> {
        let mut entries = self.lock();
        let entry = entries
            .iter_mut()
            .filter(|entry| entry.has_room())
            .min_by_key(|entry| entry.callers)?;
        entry.callers += 1;
        Some(Arc::clone(&entry.object.held))
    }

    /// For how many more callers is there room?
    pub(crate) fn room(&self) -> usize {
        let entries = self.lock();
        let open = entries.iter().filter(|entry| entry.has_room());
        open.map(|entry| entry.object.held.room - entry.callers)
            .sum()
    }

    /// Lets nobody join this connection until [`drained`](Self::drained) is called.
    pub(crate) fn drain(&self, held: &Arc<Held<C>>) {
        self.with(held, |entry| entry.draining += 1);
    }

    /// The abandoned call does not keep the server busy any more.
    pub(crate) fn drained(&self, held: &Arc<Held<C>>) {
        self.with(held, |entry| entry.draining -= 1);
    }

    /// One caller leaves. The last one gets the connection to give it back, with
    /// the worst fate that any of them gave it.
    pub(crate) fn leave(
        &self,
        held: &Arc<Held<C>>,
        fate: Fate,
    ) -> Option<(Object<Manager<C>>, Fate)> {
        let mut entries = self.lock();
        let index = position(&entries, held)?;
        let entry = &mut entries[index];
        entry.callers -= 1;
        if entry.fate == Fate::Reuse {
            entry.fate = fate;
        }
        (entry.callers == 0).then(|| {
            let entry = entries.swap_remove(index);
            (entry.object, entry.fate)
        })
    }

    fn with(&self, held: &Arc<Held<C>>, change: impl FnOnce(&mut Entry<C>)) {
        let mut entries = self.lock();
        if let Some(index) = position(&entries, held) {
            change(&mut entries[index]);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry<C>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn position<C: Connector>(entries: &[Entry<C>], held: &Arc<Held<C>>) -> Option<usize> {
    entries
        .iter()
        .position(|entry| Arc::ptr_eq(&entry.object.held, held))
}
