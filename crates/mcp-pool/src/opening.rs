//! Opens one connection, in a task of its own.
//!
//! The task belongs to nobody: a caller who gives up does not take the
//! connection along.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
};

use futures::FutureExt as _;
use mcp_domain::{Connection as _, Connector, Error, ErrorKind};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout},
};

use crate::{
    counters::Reason,
    growth::Sharing,
    held::{Entry, Held, Place},
    keyed::Keyed,
    server::Core,
    told::tell,
};

/// Starts opening a connection. Its place has been counted.
pub(crate) fn spawn<C: Connector>(keyed: &Arc<Keyed<C>>, runtime: &Handle) {
    let settings = keyed.core.settings;
    let place = Place::new(
        keyed,
        keyed.registry.clone(),
        settings.close_timeout,
        runtime.clone(),
    );
    let core = Arc::clone(&keyed.core);
    let scope = keyed.scope.clone();
    let doubt = keyed.store.doubt();
    let attempt = Attempt::new(keyed, place);
    runtime.spawn(async move {
        tell(|| tracing::debug!(mcp.client.connection.pool.name = %core.name, %scope, "connect.start"));
        let since = Instant::now();
        // The connector's own code, all of it: also what runs before its future is there.
        let connect = async {
            let connection = core.connector.connect(&scope).await?;
            Ok(hold(&core, connection))
        };
        // One that is given up may panic, too, when it is dropped.
        let connect = async { timeout(settings.connection_timeout, connect).await };
        let result = match AssertUnwindSafe(connect).catch_unwind().await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Error::new(
                ErrorKind::ConnectTimeout,
                format!(
                    "no connection within {} s",
                    settings.connection_timeout.as_secs_f64()
                ),
            )),
            Err(_) => Err(Error::new(
                ErrorKind::ConnectFailed,
                "the connector panicked",
            )),
        };
        match result {
            Ok(held) => {
                let took = since.elapsed();
                core.timings.connected(took);
                tell(|| tracing::debug!(mcp.client.connection.pool.name = %core.name, %scope, ?took, "connect.done"));
                attempt.succeed(held, doubt);
            }
            Err(error) => {
                tell(|| {
                    tracing::debug!(
                        mcp.client.connection.pool.name = %core.name,
                        %scope,
                        error.type = error.kind().label(),
                        error = %error.chain(),
                        "connect.failed"
                    );
                });
                attempt.fail(error);
            }
        }
    });
}

fn hold<C: Connector>(core: &Core<C>, connection: C::Connection) -> Held<C> {
    let settings = &core.settings;
    // Up to a tenth earlier, so that connections opened together do not retire together.
    let age = settings
        .max_connection_age
        .mul_f64(1.0 - 0.1 * fastrand::f64());
    let room = match settings.sharing {
        Sharing::Auto if core.is_stateless || connection.is_stateless() => settings
            .max_in_flight
            .min(connection.max_in_flight())
            .max(1),
        Sharing::Auto | Sharing::Exclusive => 1,
        Sharing::Shared => settings.max_in_flight,
    };
    let expires_at = Instant::now().checked_add(age);
    Held::new(core.next_connection(), connection, expires_at, room)
}

/// A connect under way. However it ends, those who wait are told: also if the
/// task is dropped, because its runtime is.
struct Attempt<C: Connector> {
    keyed: Weak<Keyed<C>>,
    place: Option<Place<C>>,
}

impl<C: Connector> Attempt<C> {
    fn new(keyed: &Arc<Keyed<C>>, place: Place<C>) -> Self {
        Self {
            keyed: Arc::downgrade(keyed),
            place: Some(place),
        }
    }

    fn succeed(mut self, held: Held<C>, doubt: u64) {
        let Some(place) = self.place.take() else {
            return;
        };
        let entry = Entry::new(held, place, doubt);
        match self.keyed.upgrade() {
            Some(keyed) => keyed.opened(entry),
            None => entry.retire(Reason::Shutdown),
        }
    }

    fn fail(mut self, error: Error) {
        self.settle(|keyed| keyed.failed(error));
    }

    fn settle(&mut self, end: impl FnOnce(&Arc<Keyed<C>>)) {
        if let Some(place) = self.place.take() {
            if let Some(keyed) = self.keyed.upgrade() {
                end(&keyed);
            }
            drop(place);
        }
    }
}

impl<C: Connector> Drop for Attempt<C> {
    fn drop(&mut self) {
        self.settle(Keyed::aborted);
    }
}
