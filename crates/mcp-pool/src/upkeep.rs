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
    time::{Instant, sleep},
};

use crate::{
    counters::Reason, keyed::Keyed, manager::unfit, registry::Registry, settings::Settings,
};

/// Starts the task. It ends with the pool, when that says so, or with the runtime.
pub(crate) fn spawn<C: Connector>(
    registry: Weak<Registry<C>>,
    ended: Arc<Notify>,
    runtime: &Handle,
) {
    runtime.spawn(async move {
        let _running = Running(registry.clone());
        while let Some(pause) = registry.upgrade().and_then(|pool| next_pause(&pool)) {
            tokio::select! {
                () = sleep(pause) => {}
                () = ended.notified() => return,
            }
            let Some(pool) = registry.upgrade() else {
                return;
            };
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

/// Until the next round; `None` when the pool is closed.
fn next_pause<C: Connector>(pool: &Registry<C>) -> Option<Duration> {
    let jitter = 0.9 + 0.2 * fastrand::f64();
    let keys = pool.populated();
    let settings = keys.iter().map(|keyed| &keyed.core.settings);
    let shortest = settings
        .map(period)
        .min()
        .unwrap_or_else(|| period(&pool.settings));
    (!pool.is_closed()).then(|| shortest.mul_f64(jitter))
}

/// Often enough that no limit is overrun by more than a half, within reason.
fn period(settings: &Settings) -> Duration {
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
