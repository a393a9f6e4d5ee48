//! One statement's use of a connection, and its end: done, or cancelled.

use std::{pin::Pin, sync::Arc};

use deadpool_postgres::{Object, Transaction};
use mcp_domain::{Error, ErrorKind};
use tokio::time::timeout;
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use super::{PATIENCE, Postgres, failure, link::Link};
use crate::engine::UNKNOWN;

/// May the transaction write?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// What is done within a transaction.
pub(super) type Work<'t, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 't>>;

/// A connection in use. Dropped before it is finished, it cancels what runs on it and
/// is closed: nobody can tell what state it is in.
struct Session {
    client: Option<Object>,
    link: Arc<Link>,
    tasks: TaskTracker,
    _running: TaskTrackerToken,
}

impl Session {
    /// Begins a transaction.
    async fn begin(&mut self, access: Access) -> Result<Transaction<'_>, Error> {
        let Some(client) = &mut self.client else {
            return Err(Error::new(ErrorKind::Closed, "the session is finished"));
        };
        let transaction = client.build_transaction().read_only(access == Access::Read);
        transaction.start().await.map_err(failure::failed)
    }

    /// The transaction is over, and so is the connection: a statement that may do more
    /// than read can leave settings and names behind.
    fn close(mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }

    /// The transaction is over: the connection goes back, without what a function may
    /// have left behind outside of it.
    async fn finish(mut self) {
        let Some(client) = &self.client else {
            return;
        };
        let cleaned = client.batch_execute("SELECT pg_catalog.pg_advisory_unlock_all()");
        if cleaned.await.is_ok() {
            drop(self.client.take());
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else {
            return;
        };
        if client.is_closed() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            // The socket closes; the database notices within a second or at its time limit.
            return;
        };
        let link = Arc::clone(&self.link);
        let cancelling = async move {
            link.cancel(client.cancel_token()).await;
            // Its place in the pool was kept until now, so that there are never more
            // statements than allowed.
            drop(Object::take(client));
        };
        self.tasks.spawn_on(cancelling, &runtime);
    }
}

impl Postgres {
    /// Does `work` in a read-only transaction, which is rolled back.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, what runs is cancelled in the database.
    pub(super) async fn read<T>(
        &self,
        work: impl for<'t> FnOnce(&'t Transaction<'t>) -> Work<'t, T>,
    ) -> Result<T, Error> {
        self.in_time("", async {
            let mut session = self.session().await?;
            let transaction = session.begin(Access::Read).await?;
            let result = work(&transaction).await;
            // Rolls back.
            drop(transaction);
            session.finish().await;
            result
        })
        .await
    }

    /// Does `work` in a transaction, which is committed if the work is done.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, what runs is cancelled in the database, and undone
    /// unless it was just committed.
    pub(super) async fn write<T>(
        &self,
        work: impl for<'t> FnOnce(&'t Transaction<'t>) -> Work<'t, T>,
    ) -> Result<T, Error> {
        self.in_time(UNKNOWN, async {
            let mut session = self.session().await?;
            let transaction = session.begin(Access::Write).await?;
            let result = work(&transaction).await;
            let result = match result {
                Ok(done) => transaction
                    .commit()
                    .await
                    .map(|()| done)
                    .map_err(failure::uncommitted),
                Err(error) => {
                    // Rolls back.
                    drop(transaction);
                    Err(error)
                }
            };
            session.close();
            result
        })
        .await
    }

    /// The database's own limit to a statement comes first, and with better words. This
    /// one is for a database that does not answer, and for functions that set that limit
    /// aside; it is for waiting and connecting, too. What it `means` is told with it.
    async fn in_time<T>(
        &self,
        means: &str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let limit = self.limits.time.saturating_add(PATIENCE).saturating_mul(2);
        let done = timeout(limit, work).await.unwrap_or_else(|_| {
            let limit = limit.as_secs_f64();
            let message = format!("the database did not answer for {limit} s{means}");
            Err(Error::new(ErrorKind::ToolFailed, message))
        });
        done.map_err(|error| match failure::timed_out(&error) {
            true => {
                let time = self.limits.time.as_secs_f64();
                let message = format!("the statement ran for {time} s and was stopped");
                Error::new(ErrorKind::ToolFailed, message)
            }
            false => error,
        })
    }

    /// A connection of the pool, or a new one, if there are not too many.
    async fn session(&self) -> Result<Session, Error> {
        let client = self
            .pool
            .get()
            .await
            .map_err(|error| self.no_session(error))?;
        Ok(Session {
            client: Some(client),
            link: Arc::clone(&self.link),
            tasks: self.tasks.clone(),
            _running: self.tasks.token(),
        })
    }
}
