//! What the circuit breaker is asked and told.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use futures::future::join_all;
use mcp_domain::{
    BreakerSnapshot, BreakerState, CircuitBreaker, Error, ErrorKind, Outcome, Rejected, Ticket,
};
use mcp_pool::{Pool, Server, Settings, SettingsBuilder, Sharing};
use tokio::time::Instant;

use crate::fake::{CALL, FakeConnection, FakeConnector, FakeServer, Reaction, seconds, settle};

/// Admits while it is closed, and remembers what it was told.
#[derive(Debug, Default)]
struct Recorder {
    open: bool,
    told: Mutex<Vec<Outcome>>,
    took: Mutex<Vec<Duration>>,
}

impl CircuitBreaker for Recorder {
    fn try_admit(&self) -> Result<Ticket, Rejected> {
        let retry_after = Some(seconds(7));
        if self.open {
            Err(Rejected { retry_after })
        } else {
            Ok(Ticket::new(0))
        }
    }

    fn settle_taking(&self, ticket: Ticket, took: Duration, outcome: Outcome) {
        self.took.lock().unwrap().push(took);
        self.settle(ticket, outcome);
    }

    fn settle(&self, _: Ticket, outcome: Outcome) {
        self.told.lock().unwrap().push(outcome);
    }

    fn snapshot(&self) -> BreakerSnapshot {
        let state = if self.open {
            BreakerState::Open
        } else {
            BreakerState::Closed
        };
        BreakerSnapshot::new(state)
    }
}

struct Guarded {
    recorder: Arc<Recorder>,
    fake: Arc<FakeServer>,
    pool: Pool<FakeConnector>,
    server: Server<FakeConnector>,
}

fn guarded(open: bool) -> Guarded {
    guarded_with(open, Settings::builder())
}

fn guarded_with(open: bool, settings: SettingsBuilder) -> Guarded {
    let recorder = Arc::new(Recorder {
        open,
        ..Recorder::default()
    });
    let fake = Arc::new(FakeServer::default());
    let pool = Pool::new(settings.retry_attempts(0).build().unwrap());
    let server = pool.server("fake", FakeConnector(Arc::clone(&fake)));
    let server = server.breaker(Arc::<Recorder>::clone(&recorder)).add();
    Guarded {
        recorder,
        fake,
        pool,
        server,
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_opens_nothing_and_says_when_to_come_back() {
    let set = guarded(true);
    let error = set
        .server
        .run(CALL, |_| async { Ok(()) })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BreakerOpen);
    assert_eq!(error.retry_after(), Some(seconds(7)));
    assert_eq!(
        error.to_string(),
        "`call` on server `fake` was refused: the circuit breaker is open, next try in 7.0 s"
    );
    assert_eq!(set.fake.connects(), 0);
    let stats = set.pool.stats();
    assert_eq!(stats.refusals, 1);
    assert_eq!(stats.circuit_breaker_state, BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn it_hears_of_every_call_once() {
    let set = guarded(false);
    let fail = |kind| move |_| async move { Err::<(), _>(Error::new(kind, "so")) };
    set.server.run(CALL, |_| async { Ok(()) }).await.unwrap();
    set.server
        .run(CALL, fail(ErrorKind::ToolFailed))
        .await
        .unwrap_err();
    set.server
        .run(CALL, fail(ErrorKind::Disconnected))
        .await
        .unwrap_err();
    set.server
        .run(CALL, fail(ErrorKind::InvalidInput))
        .await
        .unwrap_err();
    FakeServer::set(&set.fake.on_ping, Reaction::Never);
    let never = |_| pending::<Result<(), Error>>();
    set.server
        .run(CALL.within(seconds(1)), never)
        .await
        .unwrap_err();
    let told = set.recorder.told.lock().unwrap().clone();
    assert_eq!(
        told,
        [
            Outcome::Success,
            Outcome::Success,
            Outcome::failure(),
            Outcome::Ignored,
            Outcome::failure(),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_death_is_one_failure_however_many_callers_it_takes_along() {
    let set = guarded(false);
    set.fake.stateless.store(true, SeqCst);
    for deaths in 1..=3 {
        let die = |connection: Arc<FakeConnection>| async move {
            connection.call(seconds(1)).await?;
            connection.die();
            Err::<(), _>(Error::new(ErrorKind::Disconnected, "so"))
        };
        let calls = join_all((0..8).map(|_| set.server.run(CALL, die))).await;
        assert!(calls.iter().all(Result::is_err));
        assert_eq!(set.fake.connects(), deaths);
        let told = set.recorder.told.lock().unwrap().clone();
        let of_death = told.iter().filter(|told| **told == Outcome::failure());
        assert_eq!((of_death.count(), told.len()), (deaths, 8 * deaths));
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_gives_up_counts_for_nothing() {
    let set = guarded(false);
    let server = set.server.clone();
    let never = |_| pending::<Result<(), Error>>();
    let caller = tokio::spawn(async move { server.run(CALL, never).await });
    settle().await;
    caller.abort();
    caller.await.unwrap_err();
    assert_eq!(*set.recorder.told.lock().unwrap(), [Outcome::Cancelled]);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_too_small_is_not_the_servers_fault() {
    let set = guarded(false);
    let leases = join_all((0..6).map(|_| set.server.lease(CALL))).await;
    let error = set.server.lease(CALL.within(seconds(1))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WaitTimeout);
    let told = set.recorder.told.lock().unwrap();
    assert_eq!(told.last(), Some(&Outcome::Ignored));
    drop(told);
    drop(leases);
}

#[tokio::test(start_paused = true)]
async fn a_failed_connect_is_the_servers_fault() {
    let set = guarded(false);
    FakeServer::set(&set.fake.on_connect, Reaction::Fail);
    set.server.lease(CALL).await.unwrap_err();
    assert_eq!(*set.recorder.told.lock().unwrap(), [Outcome::failure()]);
}

/// A breaker that looks for slow calls must not hear of a pool that is too small, nor of
/// a connection that takes long to open.
#[tokio::test(start_paused = true)]
async fn waiting_for_a_connection_makes_no_call_slow() {
    let set = guarded_with(false, Settings::builder().max_connections(1));
    FakeServer::set(&set.fake.on_connect, Reaction::After(seconds(9)));
    let call = || {
        let call =
            |connection: Arc<FakeConnection>| async move { connection.call(seconds(2)).await };
        set.server.run(CALL, call)
    };
    let start = Instant::now();
    for result in join_all((0..3).map(|_| call())).await {
        result.unwrap();
    }
    assert_eq!(start.elapsed(), seconds(9 + 3 * 2), "one after another");
    assert_eq!(*set.recorder.took.lock().unwrap(), [seconds(2); 3]);
}

#[tokio::test(start_paused = true)]
async fn calls_on_a_lease_are_timed_and_the_wait_for_it_is_not() {
    let set = guarded(false);
    FakeServer::set(&set.fake.on_connect, Reaction::After(seconds(9)));
    let mut lease = set.server.lease(CALL).await.unwrap();
    let call = |connection: Arc<FakeConnection>| async move { connection.call(seconds(2)).await };
    lease.run(CALL, call).await.unwrap();
    let took = set.recorder.took.lock().unwrap().clone();
    assert_eq!(took, [Duration::ZERO, seconds(2)]);
}

#[tokio::test(start_paused = true)]
async fn a_connect_that_fails_is_a_failure_and_no_slow_call() {
    let set = guarded(false);
    FakeServer::set(&set.fake.on_connect, Reaction::Never);
    let call = set
        .server
        .run(CALL.within(seconds(30)), |_| async { Ok(()) });
    let error = call.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectTimeout);
    assert_eq!(*set.recorder.told.lock().unwrap(), [Outcome::failure()]);
    assert_eq!(*set.recorder.took.lock().unwrap(), [Duration::ZERO]);
}

#[tokio::test(start_paused = true)]
async fn a_connect_that_fails_is_one_failure_however_many_wait_for_it() {
    for sharing in [Sharing::Auto, Sharing::Shared, Sharing::Exclusive] {
        let set = guarded_with(false, Settings::builder().sharing(sharing));
        FakeServer::set(&set.fake.on_connect, Reaction::Fail);
        let callers = join_all((0..64).map(|_| set.server.run(CALL, |_| async { Ok(()) })));
        for result in callers.await {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectFailed);
        }
        let told = set.recorder.told.lock().unwrap();
        let is_failure = |outcome: &&Outcome| **outcome == Outcome::failure();
        let failures = told.iter().filter(is_failure).count();
        assert_eq!((told.len(), failures), (64, set.fake.connects()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_hangs_is_one_failure_however_many_wait_for_it() {
    let set = guarded(false);
    FakeServer::set(&set.fake.on_connect, Reaction::Never);
    let call = CALL.within(seconds(1));
    let callers = join_all((0..8).map(|_| set.server.run(call, |_| async { Ok(()) })));
    for result in callers.await {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectTimeout);
    }
    let told = set.recorder.told.lock().unwrap().clone();
    assert_eq!(set.fake.connects(), 1);
    assert_eq!(told[0], Outcome::failure());
    assert_eq!(told[1..], [Outcome::Ignored; 7]);
}

/// Waits for a probe that never ends, once it has heard of anything.
#[derive(Debug, Default)]
struct Tripped(AtomicBool);

impl CircuitBreaker for Tripped {
    fn try_admit(&self) -> Result<Ticket, Rejected> {
        match self.0.load(SeqCst) {
            true => Err(Rejected { retry_after: None }),
            false => Ok(Ticket::new(0)),
        }
    }

    fn settle(&self, _: Ticket, _: Outcome) {
        self.0.store(true, SeqCst);
    }

    fn snapshot(&self) -> BreakerSnapshot {
        BreakerSnapshot::new(BreakerState::HalfOpen)
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_in_which_state_and_after_what() {
    let fake = Arc::new(FakeServer::default());
    FakeServer::set(&fake.on_connect, Reaction::Fail);
    let server = Pool::new(Settings::default()).server("fake", FakeConnector(fake));
    let server = server.breaker(Arc::new(Tripped::default())).add();
    let error = server.run(CALL, |_| async { Ok(()) }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BreakerOpen);
    assert_eq!(
        error.chain(),
        "`call` on server `fake` was refused: the circuit breaker is half-open, and all its \
         probes are under way: the fake server says no"
    );
}
