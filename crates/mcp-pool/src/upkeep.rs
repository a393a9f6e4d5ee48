//! The one background task of a pool: closes what is dead, old or idle, checks
//! what has been idle, restores the minimum.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use mcp_domain::Connector;
use tokio::{
    runtime::Handle,
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{
    counters::Reason, keyed::Keyed, manager::unfit, registry::Registry, settings::Settings,
};

/// Starts the task. It ends with the pool, when that says so, or with the runtime.
pub(crate) fn spawn<C: Connector>(
    registry: Weak<Registry<C>>,
    changed: Arc<Notify>,
    runtime: &Handle,
) {
    // Outside: where the runtime is ending, the task is dropped before it has begun.
    let running = Running(registry.clone());
    runtime.spawn(async move {
        let _running = running;
        let mut last = Instant::now();
        while let Some(next) = registry.upgrade().and_then(|pool| next_round(&pool, last)) {
            tokio::select! {
                () = sleep_until(next) => {}
                // The pool has ended, or has a server that is to be tended more often.
                () = changed.notified() => continue,
            }
            let Some(pool) = registry.upgrade() else {
                return;
            };
            last = Instant::now();
            for keyed in pool.populated() {
                tend(&keyed);
            }
            #[cfg(feature = "metrics")]
            crate::meters::publish(&pool);
        }
    });
}

/// Tells the pool when the task ends, for whatever reason.
struct Running<C: Connector>(Weak<Registry<C>>);

impl<C: Connector> Drop for Running<C> {
    fn drop(&mut self) {
        if let Some(registry) = self.0.upgrade() {
            registry.not_kept_up();
        }
    }
}

/// When the next round is due, after the last one; `None` when the pool is closed.
fn next_round<C: Connector>(pool: &Registry<C>, last: Instant) -> Option<Instant> {
    // Whoever comes while we look wakes us.
    pool.expect_upkeep_every(Duration::MAX);
    let keys = pool.populated();
    let settings = keys.iter().map(|keyed| &keyed.core.settings);
    let shortest = settings
        .map(period)
        .min()
        .unwrap_or_else(|| period(&pool.settings));
    pool.expect_upkeep_every(shortest);
    let jitter = 0.9 + 0.2 * fastrand::f64();
    (!pool.is_closed()).then(|| last + shortest.mul_f64(jitter))
}

/// Often enough that no limit is overrun by more than a half, within reason.
pub(crate) fn period(settings: &Settings) -> Duration {
    let shortest = settings
        .idle_timeout
        .min(settings.max_connection_age)
        .min(settings.health_check_interval);
    (shortest / 2).clamp(Duration::from_millis(50), Duration::from_secs(30))
}

/// One round for one server and scope. Never waits.
fn tend<C: Connector>(keyed: &Arc<Keyed<C>>) {
    let settings = keyed.core.settings;
    let now = Instant::now();
    keyed.core.payoff.review(now);
    for reason in [Reason::Died, Reason::Age] {
        keyed
            .store
            .retire(reason, |pooled| unfit(pooled, now) == Some(reason));
    }
    keyed.shared.retire_the_old(now);
    let live = keyed.census().live;
    let mut spare = live.saturating_sub(keyed.min_connections());
    keyed.store.retire(Reason::Idle, |pooled| {
        let idle = now.saturating_duration_since(pooled.idle_since);
        let retire = idle >= settings.idle_timeout && spare > 0;
        spare -= usize::from(retire);
        retire
    });
    let due = keyed.store.extract(|pooled| {
        now.saturating_duration_since(pooled.checked_at.max(pooled.idle_since))
            >= settings.health_check_interval
    });
    for pooled in due {
        keyed.check(pooled);
    }
    keyed.grow();
}
