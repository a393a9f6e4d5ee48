//! Taking connections back, and what the end of a call says of sharing.

use std::sync::Arc;

use deadpool::managed::Object;
use mcp_domain::Connector;
use tokio::time::Instant;

use super::{Fate, Keyed, Measure, Taken, sparing::has_had_a_turn};
use crate::{
    counters::Reason,
    manager::{Manager, unfit},
    sharing::{
        Left,
        payoff::{Advice, Departure, Verdict},
    },
    told::tell,
};

impl<C: Connector> Keyed<C> {
    /// Takes a connection back.
    pub(crate) fn give_back(self: &Arc<Self>, taken: Taken<C>, fate: Fate, mut measure: Measure) {
        if matches!(fate, Fate::Close(Reason::Died)) {
            self.store.cast_doubt();
        }
        match taken {
            Taken::Alone(object) => self.give_back_object(object, fate, measure),
            Taken::Together(seat) => {
                let mut now = None;
                if let Measure::Call(end) = &mut measure {
                    let is_watched = self.core.is_watched();
                    // Others may have been on the connection for long.
                    if end.is_none() && (is_watched || !seat.is_first()) {
                        *end = Some(Instant::now());
                    }
                    now = end.filter(|_| is_watched);
                }
                let (left, departure) = self.shared.leave(&seat, fate, now);
                match left {
                    Left::Nobody(object, Fate::Close(Reason::Evicted)) => self.end_ceded(object),
                    Left::Nobody(object, fate) => self.give_back_object(object, fate, measure),
                    Left::Others => {
                        self.cede(&seat.held);
                        self.invite();
                    }
                }
                if let (Some(departure), Some(now)) = (departure, now) {
                    self.observe(departure, now);
                }
            }
        }
    }

    fn give_back_object(&self, mut object: Object<Manager<C>>, fate: Fate, measure: Measure) {
        let now = match measure {
            Measure::Call(end) => end.unwrap_or(object.taken_at),
            Measure::Lease | Measure::Nothing => Instant::now(),
        };
        if measure == Measure::Lease {
            let held = now.saturating_duration_since(object.taken_at);
            self.core.timings.used(Some(held));
        }
        object.idle_since = now;
        let fate = match fate {
            Fate::Reuse => unfit(&object, now).map_or(fate, Fate::Close),
            Fate::Close(_) => fate,
        };
        match fate {
            Fate::Close(reason) => Object::take(object).retire(reason),
            Fate::Reuse => self.keep(object, now),
        }
    }

    fn keep(&self, object: Object<Manager<C>>, now: Instant) {
        let waits = self.census.anybody_waits();
        if waits
            && let Some(registry) = self.under_pressure()
            && has_had_a_turn(&self.census(), object.opened_at, now)
            && registry.limit.somebody_has_none()
        {
            registry.limit.step_back(self);
            Object::take(object).retire(Reason::Evicted);
            return;
        }
        self.store.put(object, waits);
        self.relieve();
    }

    fn observe(self: &Arc<Self>, departure: Departure, now: Instant) {
        match self.core.payoff.observe(departure, now) {
            Advice::None => {}
            Advice::OpenAnother => self.grow_by_one(),
            Advice::Decided(verdict) => {
                let pays = verdict == Verdict::Pays;
                tell(
                    || tracing::info!(mcp.client.connection.pool.name = %self.core.name, pays, "sharing.decided"),
                );
            }
        }
    }
}
