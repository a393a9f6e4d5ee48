//! The servers and scopes of a pool that have connections, and which of them has one that
//! nobody has used for longest.
//!
//! Who has been idle since when changes with each call, and is asked for only where places
//! run out. So it is not kept: each of them has a rank, a time before which nothing that it
//! has idle came back. It was true when it was looked at last, and stays true, because what
//! comes back later is younger; or, if it was only away to be checked, is ranked anew. Whoever has the lowest rank is looked at anew; the rank is
//! right by then, or rises. That makes one look for each use, at most, however many
//! there are.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use mcp_domain::Connector;
use tokio::time::Instant;

use crate::keyed::Keyed;

/// Those that have connections, by number: at most `max_total` and one for each server,
/// however many scopes there are.
pub(crate) struct Residents<C: Connector> {
    by_number: HashMap<u64, Resident<C>>,
    ranks: BTreeSet<(Instant, u64)>,
}

struct Resident<C: Connector> {
    keyed: Arc<Keyed<C>>,
    /// `None` while it has nothing idle that may be taken away, as far as is known:
    /// [told](Keyed::set_ranked) so, it has itself ranked when that changes.
    rank: Option<Instant>,
}

impl<C: Connector> Default for Residents<C> {
    fn default() -> Self {
        Self {
            by_number: HashMap::new(),
            ranks: BTreeSet::new(),
        }
    }
}

impl<C: Connector> Residents<C> {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Keyed<C>>> {
        self.by_number.values().map(|resident| &resident.keyed)
    }

    /// This one has its first place.
    pub(crate) fn add(&mut self, keyed: &Arc<Keyed<C>>, now: Instant) {
        let resident = self.by_number.entry(keyed.number);
        resident.or_insert_with(|| Resident {
            keyed: Arc::clone(keyed),
            rank: None,
        });
        self.rank(keyed.number, now);
    }

    /// This one has no place any more.
    pub(crate) fn remove(&mut self, number: u64) {
        self.unrank(number);
        self.by_number.remove(&number);
    }

    /// What this one has idle did not come back before then; nor before it was thought to.
    pub(crate) fn rank(&mut self, number: u64, since: Instant) {
        if let Some(resident) = self.by_number.get_mut(&number)
            && resident.rank.is_none_or(|rank| since < rank)
        {
            if let Some(rank) = resident.rank.replace(since) {
                self.ranks.remove(&(rank, number));
            }
            resident.keyed.set_ranked(true);
            self.ranks.insert((since, number));
        }
    }

    /// Who has the connection that nobody has used for longest, and since when, of those
    /// that nobody waits for.
    pub(crate) fn idlest(&mut self) -> Option<(Instant, Arc<Keyed<C>>)> {
        while let Some(&(_, number)) = self.ranks.first() {
            // Before it is looked at: what comes back meanwhile is seen, or sees this.
            self.unrank(number);
            let Some(resident) = self.by_number.get(&number) else {
                continue;
            };
            let keyed = Arc::clone(&resident.keyed);
            let Some(since) = keyed.store.idlest() else {
                continue;
            };
            if keyed.census().waiting() > 0 {
                // Idle for a moment only; when nobody waits any more, it has itself ranked.
                continue;
            }
            self.rank(number, since);
            if self.ranks.first() == Some(&(since, number)) {
                return Some((since, keyed));
            }
        }
        None
    }

    fn unrank(&mut self, number: u64) {
        if let Some(resident) = self.by_number.get_mut(&number)
            && let Some(rank) = resident.rank.take()
        {
            resident.keyed.set_ranked(false);
            self.ranks.remove(&(rank, number));
        }
    }
}
