//! Sparing connections for those who starve, when all places of the pool are taken.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use deadpool::managed::Object;
use mcp_domain::Connector;
use tokio::time::Instant;

use super::Keyed;
use crate::{counters::Reason, growth::Census, held::Held, manager::Manager};

/// So long may those who have a single connection keep it, while others have none: many
/// times what it mostly takes to open one.
const TURN: Duration = Duration::from_secs(2);

/// May somebody who has no connection be given the place of one that was opened then?
/// That one goes before who has several, or has had one for long.
pub(super) fn has_had_a_turn(census: &Census, opened_at: Instant, now: Instant) -> bool {
    census.live > 1 || now.saturating_duration_since(opened_at) >= TURN
}

impl<C: Connector> Keyed<C> {
    /// Something became idle, or is not waited for any more: there may be those who starve.
    ///
    /// Called after it is so. Who begins to starve is counted first and looks for what is
    /// idle then, under the lock under which that is stored: either it is seen there, or
    /// what was done before the look is seen here.
    pub(super) fn relieve(&self) {
        if !self.is_ranked.load(Ordering::Relaxed) {
            self.rank();
        }
        if let Some(registry) = self.under_pressure() {
            registry.make_room();
        }
    }

    /// What is idle here may have been so since earlier than is known: as one that was away
    /// for a check has.
    pub(super) fn rank(&self) {
        if let Some(registry) = self.registry.upgrade() {
            registry.rank(self);
        }
    }

    /// From now on it is, or is not, among those who may have something idle.
    pub(crate) fn set_ranked(&self, is_ranked: bool) {
        self.is_ranked.store(is_ranked, Ordering::Relaxed);
    }

    /// Nobody waits any more, or the first place was taken.
    pub(crate) fn review(&self) {
        if let Some(registry) = self.under_pressure() {
            registry.limit.review(self);
        }
    }

    /// Lets this connection, which others still use and which may never be at rest, take no
    /// more calls if somebody else has none at all: it ends when they leave.
    pub(super) fn cede(self: &Arc<Self>, held: &Arc<Held<C>>) {
        let Some(registry) = self.under_pressure() else {
            return;
        };
        let (census, now) = (self.census(), Instant::now());
        let promise = || {
            let may_go = |opened_at| has_had_a_turn(&census, opened_at, now);
            self.shared.cede(held, may_go)
        };
        registry.limit.cede(self, promise);
    }

    /// The last caller has left a connection that was [ceded](Self::cede).
    pub(super) fn end_ceded(&self, object: Object<Manager<C>>) {
        let registry = self.registry.upgrade();
        if let Some(registry) = &registry {
            registry.limit.step_back(self);
        }
        Object::take(object).retire(Reason::Evicted);
        if let Some(registry) = &registry {
            registry.limit.ceded(self);
        }
    }

    /// One of the connections that were [ceded](Self::cede) is not needed elsewhere any more.
    pub(crate) fn reprieve(&self) {
        if self.shared.reprieve() {
            self.invite();
        }
    }
}
