//! Callers who give up at every point there is: poll so many times, then drop.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Waker},
};

use futures::future::join_all;
use mcp_domain::{
    BreakerSnapshot, BreakerState, CircuitBreaker, Error, ErrorKind, Outcome, Rejected, Ticket,
};
use mcp_pool::{Server, Settings, Sharing};
use tokio::time::sleep;

use crate::fake::{
    CALL, FakeConnection, FakeConnector, FakeServer, Reaction, Set, check_books, seconds, set,
    settle,
};

/// Polls a future `polls` times, a second apart, then drops it. Tells whether it
/// had ended by then.
async fn poll_then_drop<F: Future>(future: F, polls: usize) -> bool {
    let mut future = pin!(future);
    for _ in 0..polls {
        let mut context = Context::from_waker(Waker::noop());
        if future.as_mut().poll(&mut context).is_ready() {
            return true;
        }
        sleep(seconds(1)).await;
    }
    false
}

fn slow_server(sharing: Sharing) -> Set {
    let settings = Settings::builder().max_connections(2).min_connections(0);
    let set = set(settings.sharing(sharing));
    FakeServer::set(&set.fake.on_connect, Reaction::After(seconds(2)));
    FakeServer::set(&set.fake.on_ping, Reaction::After(seconds(2)));
    FakeServer::set(&set.fake.on_close, Reaction::After(seconds(2)));
    set
}

/// Two connections can still be had, and the books are right.
async fn check_unharmed(set: &Set) {
    sleep(seconds(30)).await;
    let (one, two) = tokio::join!(set.server.lease(CALL), set.server.lease(CALL));
    drop((one.unwrap(), two.unwrap()));
    sleep(seconds(30)).await;
    settle().await;
    let stats = set.pool.stats();
    let checkouts = stats.hits + stats.shares + stats.waits + stats.connects;
    check_books(set, checkouts);
    assert!(set.fake.most_present() <= 2);
}

async fn call(connection: Arc<FakeConnection>) -> Result<usize, Error> {
    connection.call(seconds(3)).await
}

#[tokio::test(start_paused = true)]
async fn run_can_be_dropped_anywhere() {
    for sharing in [Sharing::Exclusive, Sharing::Shared] {
        for warm in [false, true] {
            let mut ended = false;
            for polls in 0.. {
                let set = slow_server(sharing);
                if warm {
                    drop(set.server.lease(CALL).await.unwrap());
                    // Idle for long enough to be checked.
                    sleep(seconds(5)).await;
                }
                ended = poll_then_drop(set.server.run(CALL, call), polls).await;
                check_unharmed(&set).await;
                if ended || polls > 50 {
                    break;
                }
            }
            assert!(ended, "the call never ended by itself");
        }
    }
}

/// A breaker that lets one call through at a time, as one does that is half-open.
#[derive(Debug, Default)]
struct OneProbe(AtomicBool);

impl CircuitBreaker for OneProbe {
    fn try_admit(&self) -> Result<Ticket, Rejected> {
        match self.0.swap(true, SeqCst) {
            false => Ok(Ticket::new(0)),
            true => Err(Rejected { retry_after: None }),
        }
    }

    fn settle(&self, _: Ticket, _: Outcome) {
        assert!(self.0.swap(false, SeqCst), "settled twice");
    }

    fn snapshot(&self) -> BreakerSnapshot {
        BreakerSnapshot::new(BreakerState::HalfOpen)
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_repeated_can_be_dropped_anywhere() {
    let mut polls = 0;
    loop {
        let mut set = slow_server(Sharing::Exclusive);
        let probe = Arc::new(OneProbe::default());
        let server = set
            .pool
            .server("guarded", FakeConnector(Arc::clone(&set.fake)));
        set.server = server.breaker(Arc::<OneProbe>::clone(&probe)).add();
        let calls = &AtomicUsize::new(0);
        let call = |connection: Arc<FakeConnection>| async move {
            connection.call(seconds(3)).await?;
            match calls.fetch_add(1, SeqCst) {
                0 => Err(Error::new(ErrorKind::Disconnected, "once").with_retry_after(seconds(3))),
                _ => Ok(()),
            }
        };
        let ended = poll_then_drop(set.server.run(CALL.repeatable(), call), polls).await;
        assert!(
            !probe.0.load(SeqCst),
            "the slot is kept after {polls} polls"
        );
        if ended {
            assert_eq!(calls.load(SeqCst), 2);
            break;
        }
        let stats = set.pool.stats();
        sleep(seconds(30)).await;
        settle().await;
        let checkouts = stats.hits + stats.shares + stats.waits + stats.connects;
        check_books(&set, checkouts);
        polls += 1;
        assert!(polls < 50, "the call never ended by itself");
    }
}

#[tokio::test(start_paused = true)]
async fn lease_can_be_dropped_anywhere() {
    for warm in [false, true] {
        let mut ended = false;
        for polls in 0.. {
            let set = slow_server(Sharing::Exclusive);
            if warm {
                drop(set.server.lease(CALL).await.unwrap());
                sleep(seconds(5)).await;
            }
            ended = poll_then_drop(set.server.lease(CALL), polls).await;
            check_unharmed(&set).await;
            if ended || polls > 50 {
                break;
            }
        }
        assert!(ended, "the lease never came");
    }
}

/// A caller behind two who have all connections.
async fn behind_two<F: Future>(caller: impl Fn(Server<FakeConnector>) -> F) {
    let mut polls = 0;
    loop {
        let set = slow_server(Sharing::Exclusive);
        let (one, two) = tokio::join!(set.server.lease(CALL), set.server.lease(CALL));
        let busy = tokio::spawn(async move {
            sleep(seconds(5)).await;
            drop((one.unwrap(), two.unwrap()));
        });
        let ended = poll_then_drop(caller(set.server.clone()), polls).await;
        busy.await.unwrap();
        check_unharmed(&set).await;
        if ended {
            break;
        }
        polls += 1;
        assert!(polls < 50, "the caller was never served");
    }
    assert!(polls > 5, "the caller did not wait");
}

#[tokio::test(start_paused = true)]
async fn waiting_behind_others_can_be_dropped_anywhere() {
    behind_two(|server| async move { server.run(CALL, call).await }).await;
    behind_two(|server| async move { server.lease(CALL).await.map(drop) }).await;
}

#[tokio::test(start_paused = true)]
async fn waiting_for_room_can_be_dropped_anywhere() {
    let mut polls = 0;
    loop {
        let settings = Settings::builder().max_connections(1).min_connections(0);
        let set = set(settings.sharing(Sharing::Shared).max_in_flight(2));
        let others = join_all((0..2).map(|_| set.server.run(CALL, call)));
        let server = set.server.clone();
        let caller = async {
            // They have all the room that there is, each in its own time.
            settle().await;
            poll_then_drop(server.run(CALL, call), polls).await
        };
        let (others, ended) = tokio::join!(others, caller);
        assert!(others.into_iter().all(|other| other.is_ok()));
        sleep(seconds(30)).await;
        // All of it can be had again.
        let all = join_all((0..2).map(|_| set.server.run(CALL, call))).await;
        assert_eq!(all.into_iter().map(Result::unwrap).max(), Some(2));
        assert_eq!(set.fake.connects(), 1);
        let stats = set.pool.stats();
        assert_eq!((stats.active_connections, stats.timeouts), (0, 0));
        if ended {
            break;
        }
        polls += 1;
        assert!(polls < 50, "the caller was never served");
    }
    assert!(polls > 3, "the caller did not wait");
}
