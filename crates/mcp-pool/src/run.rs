//! A call, from the outside in: deadline, breaker, connection, call, verdict, repetition.

use std::{panic::Location, pin::pin, sync::Arc, time::Duration};

use mcp_domain::{Connector, Error, ErrorKind, Operation, Outcome};

use crate::{
    Server,
    backoff::Waits,
    deadline::{Deadline, Elapsed},
    held::Held,
    keyed::{Taken, Use},
    lease::Lease,
    told::{Span, tell},
    under_way::UnderWay,
    verdict::{admit, after, explain, may_repeat, no_answer, settle},
};

impl<C: Connector> Server<C> {
    /// Runs one call on a connection of this server.
    ///
    /// `call` is given a connection, which other callers of the same scope may use
    /// at the same time where that is safe ([`Sharing`](crate::Sharing)), and which is
    /// somebody else's when the call has ended: do not keep it. `call` is
    /// called again if it failed in a way that allows it: it never reached the
    /// server, or the operation is [repeatable](Operation::repeatable). So it cannot
    /// consume what it captures; let it borrow instead, by `let text = &text;` before it.
    ///
    /// # Errors
    ///
    /// What `call` or the connector returned, if the server answered, if only to ask for
    /// other credentials, or if the caller's input is wrong. Otherwise an error that says
    /// on which server, after how many attempts and how long, with the last
    /// failure as its source:
    /// - `BreakerOpen` if the circuit breaker refused,
    /// - `WaitTimeout`, `ConnectTimeout` or `CallTimeout`, by what the time ran out on,
    /// - `ConnectFailed` and the like if no connection could be opened,
    /// - `Closed` if the pool is closed.
    ///
    /// # Panics
    ///
    /// If it has to wait and is not on a tokio runtime that can tell time.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future harms no other caller and loses no connection. If the
    /// call was under way, its connection is given to the next caller once it
    /// answers a ping, and closed if it does not within `drain_timeout`. A server that
    /// answers pings beside calls may be busy with the call for longer.
    pub async fn run<T, F, Fut>(&self, operation: Operation, call: F) -> Result<T, Error>
    where
        F: Fn(Arc<C::Connection>) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        self.run_on(operation, |held| call(Arc::clone(&held.connection)))
            .await
    }

    /// Runs one call that is told which connection it is on, in a span of its own.
    pub(crate) async fn run_on<T, F, Fut>(&self, operation: Operation, call: F) -> Result<T, Error>
    where
        F: Fn(&Held<C>) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let Some(span) = self.span(operation) else {
            return self.repeat(operation, call).await;
        };
        // Boxed: it would double the future also where nobody listens.
        let result = span.around(Box::pin(self.repeat(operation, call))).await;
        if let Err(error) = &result {
            span.record("error.type", error.kind().label());
        }
        result
    }

    /// The span of one call, over all its attempts.
    fn span(&self, operation: Operation) -> Option<Span> {
        Span::new(|| {
            tracing::debug_span!(
                "mcp.pool.run",
                otel.kind = "internal",
                mcp.client.connection.pool.name = self.name(),
                mcp.pool.operation = operation.name(),
                error.type = tracing::field::Empty,
            )
        })
    }

    async fn repeat<T, F, Fut>(&self, operation: Operation, call: F) -> Result<T, Error>
    where
        F: Fn(&Held<C>) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let settings = &self.keyed.core.settings;
        let timer = pin!(None);
        let mut deadline =
            Deadline::new(operation.timeout().unwrap_or(settings.call_timeout), timer);
        let mut waits = None;
        let mut previous = None;
        let mut attempt = 1;
        let failure = loop {
            let error = match self.attempt(operation, &mut deadline, &call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => after(previous.take(), error, &deadline),
            };
            if attempt > settings.retry_attempts || !may_repeat(operation, &error) {
                break error;
            }
            // A stale connection says nothing of the next one: no need to wait.
            let stale = matches!(error.kind(), ErrorKind::NotSent | ErrorKind::SessionExpired);
            if !(stale && attempt == 1) {
                let waits = waits.get_or_insert_with(Waits::between_calls);
                let wait = waits.next(error.retry_after());
                if deadline.sleep(wait).await.is_err() {
                    break error;
                }
            }
            tell(|| {
                tracing::debug!(
                    attempt,
                    error.type = error.kind().label(),
                    error = %error.chain(),
                    "call.repeat"
                );
            });
            previous = Some(error);
            self.keyed.counters.retry();
            attempt += 1;
        };
        Err(explain(&self.keyed, operation, attempt, &deadline, failure))
    }

    /// Takes a connection for exclusive use, for calls that build on each other.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), without the call.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    ///
    /// # Cancel safety
    ///
    /// As [`run`](Self::run).
    #[track_caller]
    pub fn lease(&self, operation: Operation) -> impl Future<Output = Result<Lease<C>, Error>> {
        self.lease_for(operation, Location::caller())
    }

    async fn lease_for(
        &self,
        operation: Operation,
        caller: &'static Location<'static>,
    ) -> Result<Lease<C>, Error> {
        let settings = &self.keyed.core.settings;
        let timer = pin!(None);
        let mut deadline =
            Deadline::new(operation.timeout().unwrap_or(settings.call_timeout), timer);
        let permit = admit(&self.keyed, operation)?;
        // Before the breaker hears of it, which is code of others: a lease that is dropped
        // gives its connection back.
        let mut lease = Lease::empty(Arc::clone(&self.keyed));
        let result = self.checkout(&mut deadline, Use::Alone, &mut lease.taken);
        let lease = result.await.map(|()| lease.watched(caller));
        settle(
            permit,
            None,
            match &lease {
                // An idle connection proves nothing of the server's health.
                Ok(_) => Outcome::Ignored,
                Err(error) => self.outcome_unconnected(error),
            },
        );
        lease.map_err(|error| explain(&self.keyed, operation, 1, &deadline, error))
    }

    /// What the breaker should hear of a caller who got no connection, for this reason.
    fn outcome_unconnected(&self, error: &Error) -> Outcome {
        match error.outcome() {
            Outcome::Failure { .. } if !self.keyed.is_news() => Outcome::Ignored,
            outcome => outcome,
        }
    }

    async fn attempt<T, F, Fut>(
        &self,
        operation: Operation,
        deadline: &mut Deadline<'_>,
        call: &F,
    ) -> Result<T, Error>
    where
        F: Fn(&Held<C>) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let permit = admit(&self.keyed, operation)?;
        let mut took = None;
        let mut under_way = UnderWay::new(&self.keyed);
        let taken = &mut under_way.taken;
        let (result, outcome) = match self.checkout(deadline, Use::Together, taken).await {
            Ok(()) => {
                let result = {
                    let running = pin!(call(under_way.held()));
                    deadline.bound(running).await
                };
                took = deadline.took(None);
                self.keyed.core.timings.used(took.map(|took| took.time));
                let result = result.unwrap_or_else(|Elapsed| Err(no_answer(deadline.limit())));
                let outcome = under_way.held().outcome(&result);
                under_way.end(result.as_ref().err(), took.map(|took| took.until));
                (result, outcome)
            }
            Err(error) => {
                let outcome = self.outcome_unconnected(&error);
                (Err(error), outcome)
            }
        };
        settle(permit, took.map(|took| took.time), outcome);
        result
    }

    /// Takes a connection in time, which is put where it is to stay.
    async fn checkout(
        &self,
        deadline: &mut Deadline<'_>,
        how: Use,
        taken: &mut Option<Taken<C>>,
    ) -> Result<(), Error> {
        self.registry.keep_up_here();
        let result = {
            // Kept until it is known what it waited for: with it goes its place in all queues.
            let mut checkout = pin!(self.keyed.checkout(how, &mut *taken));
            let result = deadline.bound(checkout.as_mut()).await;
            result.unwrap_or_else(|Elapsed| {
                self.keyed.counters.timeout();
                Err(self.waited_in_vain(deadline.limit()))
            })
        };
        let took = deadline.took(taken.as_ref().and_then(Taken::since));
        self.keyed.core.timings.waited(took.map(|took| took.time));
        result
    }

    /// The time ran out before a connection was there: because all are in use, or
    /// because none could be opened?
    fn waited_in_vain(&self, limit: Duration) -> Error {
        let census = self.keyed.census();
        let seconds = limit.as_secs_f64();
        if self.registry.limit.is_starving(&self.keyed) {
            let limit = self.registry.settings.max_total;
            let message = format!(
                "no place became free within {seconds} s; the limit over all servers is {limit}"
            );
            Error::new(ErrorKind::WaitTimeout, message)
        } else if census.live == 0 {
            let message = match census.opening {
                0 => format!("no connection could be opened within {seconds} s"),
                _ => format!("the server did not complete the handshake within {seconds} s"),
            };
            Error::new(ErrorKind::ConnectTimeout, message)
        } else {
            let message = format!(
                "none of {} connections became free within {seconds} s; the limit is {}",
                census.live, self.keyed.core.settings.max_connections
            );
            Error::new(ErrorKind::WaitTimeout, message)
        }
    }
}
