//! What goes first, where a connection and its place go together.

use std::{
    cell::Cell,
    sync::{Arc, OnceLock, Weak},
};

use mcp_domain::{Connection, Connector, Error, Operation, Scope};

use crate::{Pool, Settings, registry::Registry};

/// A connection that panics when it is closed, and looks at the places as it goes.
struct Brittle(Weak<Registry<Glazier>>);

struct Glazier {
    registry: OnceLock<Weak<Registry<Self>>>,
}

thread_local! {
    /// How many places were taken when the last [`Brittle`] went.
    static TAKEN: Cell<Option<usize>> = const { Cell::new(None) };
}

impl Connector for Glazier {
    type Connection = Brittle;

    async fn connect(&self, _: &Scope) -> Result<Brittle, Error> {
        Ok(Brittle(self.registry.get().unwrap().clone()))
    }
}

impl Connection for Brittle {
    fn is_open(&self) -> bool {
        true
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn close(&self) -> Result<(), Error> {
        panic!("broken")
    }
}

impl Drop for Brittle {
    fn drop(&mut self) {
        let registry = self.0.upgrade();
        TAKEN.set(registry.map(|registry| registry.limit.reserved()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_place_of_a_connection_that_breaks_as_it_closes_is_free_when_it_is_gone() {
    let settings = Settings::builder().min_connections(0).build().unwrap();
    let glazier = Glazier {
        registry: OnceLock::new(),
    };
    let server = Pool::new(settings).server("glass", glazier).add();
    let registry = Arc::downgrade(&server.registry);
    assert!(server.keyed.core.connector.registry.set(registry).is_ok());
    let lease = server.lease(Operation::new("call")).await.unwrap();
    lease.discard();
    server.registry.limit.emptied().await;
    assert_eq!(TAKEN.get(), Some(1));
}
