//! Taking what is idle, and checking what has been idle for long.

use std::sync::Arc;

use deadpool::managed::Object;
use mcp_domain::Connector;
use tokio::runtime::Handle;

use super::Keyed;
use crate::{
    checking,
    counters::Reason,
    held::Pooled,
    manager::Manager,
    store::{Found, Permit},
};

impl<C: Connector> Keyed<C> {
    /// The connection that this permit stands for, if it may be handed out. One whose
    /// peer is to be asked first comes later, unless it gave a sign of life after the one
    /// that was the last when its caller began to wait.
    pub(super) fn take(
        self: &Arc<Self>,
        permit: Permit<'_>,
        last: Option<u64>,
    ) -> Option<Object<Manager<C>>> {
        match self.store.take(permit) {
            Found::Fit(object) => Some(object),
            Found::Doubtful(object, permit) if last.is_some_and(|sign| object.sign > sign) => {
                permit.forget();
                Some(object)
            }
            Found::Doubtful(object, permit) => {
                self.doubt(object, permit);
                None
            }
            Found::Nothing => None,
        }
    }

    /// Has this connection checked, unless enough are being checked as it is.
    fn doubt(self: &Arc<Self>, object: Object<Manager<C>>, permit: Permit<'_>) {
        if self.census().may_check() {
            permit.forget();
            self.check(Object::take(object));
            return;
        }
        // Back in store before it is counted as withheld, lest it be looked for in vain.
        self.store.put_back(object);
        self.rank();
        let census = self.lock_census();
        if !census.may_check() {
            self.store.withhold(permit);
        }
    }

    /// Asks the peer of this connection for a sign of life, in the background.
    pub(crate) fn check(self: &Arc<Self>, pooled: Pooled<C>) {
        let Ok(runtime) = Handle::try_current() else {
            pooled.retire(Reason::FailedCheck);
            return;
        };
        self.lock_census().checking += 1;
        checking::spawn(self, pooled, &runtime);
    }

    /// A check has ended, or is so slow that nobody is to wait for it.
    pub(crate) fn checked(self: &Arc<Self>) {
        self.grow_after(|census| census.checking -= 1);
    }

    /// This connection gave a sign of life: hands it to whoever waits.
    pub(crate) fn found_alive(&self, pooled: Pooled<C>) {
        self.store.offer(pooled);
        self.rank();
        self.relieve();
    }
}
