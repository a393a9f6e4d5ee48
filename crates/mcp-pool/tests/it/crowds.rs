//! Sixty-four callers at once: how many connections they cost, in which order they are
//! served, and what becomes of them when the server dies or the pool is closed.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures::{future::join_all, poll};
use mcp_domain::{Error, ErrorKind, Operation};
use mcp_pool::{Settings, Sharing};
use tokio::{
    sync::Semaphore,
    task::{JoinHandle, yield_now},
};

use crate::{
    fake::{CALL, FakeConnection, FakeServer, Reaction, Set, exclusive, seconds, set, settle},
    stress::Dice,
};

const CROWD: usize = 64;
/// Many times what a whole test takes: who is forgotten is told so.
const PATIENT: Operation = CALL.repeatable().within(Duration::from_secs(30));

/// So many callers on real threads, each of whom makes one call.
fn crowd(set: &Set) -> Vec<JoinHandle<Result<(), Error>>> {
    let caller = |_| {
        let server = set.server.clone();
        let call = |_: Arc<FakeConnection>| async {
            yield_now().await;
            Ok(())
        };
        tokio::spawn(async move { server.run(PATIENT, call).await })
    };
    (0..CROWD).map(caller).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cold_burst_on_several_threads_opens_one_connection_where_callers_may_share() {
    for _ in 0..50 {
        let settings = Settings::builder().max_in_flight(CROWD).min_connections(0);
        let set = set(settings.sharing(Sharing::Shared));
        // Who comes later may meet the connection between two hands.
        let door = set.fake.door.lock().await;
        let waiting = Arc::new(Semaphore::new(0));
        let callers: Vec<_> = (0..CROWD)
            .map(|_| {
                let (server, waiting) = (set.server.clone(), Arc::clone(&waiting));
                tokio::spawn(async move {
                    let call = |_: Arc<FakeConnection>| async {
                        yield_now().await;
                        Ok(())
                    };
                    let mut run = pin!(server.run(PATIENT, call));
                    assert!(poll!(run.as_mut()).is_pending());
                    waiting.add_permits(1);
                    run.await
                })
            })
            .collect();
        drop(waiting.acquire_many(CROWD as u32).await.unwrap());
        drop(door);
        for caller in callers {
            caller.await.unwrap().unwrap();
        }
        assert_eq!(set.fake.connects(), 1, "{:?}", set.pool.stats());
    }
}

/// In which order callers are served who came one after the other, while somebody had the
/// only connection, and who come again as soon as they were. `hand_over` happens when that
/// one gives it back, before the first of them has it.
async fn order(set: &Set, hand_over: impl FnOnce()) -> Vec<usize> {
    let held = set.server.lease(CALL).await.unwrap();
    let served = Arc::new(Mutex::new(Vec::new()));
    let mut callers = Vec::new();
    for number in 0..CROWD {
        let (server, served) = (set.server.clone(), Arc::clone(&served));
        callers.push(tokio::spawn(async move {
            for _ in 0..2 {
                let lease = server.lease(PATIENT).await.unwrap();
                served.lock().unwrap().push(number);
                drop(lease);
            }
        }));
        settle().await;
    }
    drop(held);
    hand_over();
    for caller in callers {
        caller.await.unwrap();
    }
    Arc::into_inner(served).unwrap().into_inner().unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_served_in_the_order_of_coming() {
    let served = order(&exclusive(1), || {}).await;
    assert!(served.into_iter().eq((0..CROWD).chain(0..CROWD)));
}

#[tokio::test(start_paused = true)]
async fn who_was_woken_in_vain_goes_behind_those_who_wait_and_is_overtaken_by_nobody_twice() {
    let set = exclusive(1);
    // The connection dies between one hand and the other.
    let served = order(&set, || set.fake.restart()).await;
    assert_eq!(set.fake.connects(), 2);
    let round = || (1..CROWD).chain([0]);
    assert!(served.into_iter().eq(round().chain(round())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_waits_for_a_server_that_dies_and_comes_back_is_served() {
    let mut dice = Dice(7);
    for sharing in [Sharing::Exclusive, Sharing::Shared] {
        let settings = Settings::builder().max_connections(4).max_in_flight(4);
        let set = set(settings.sharing(sharing).retry_attempts(20));
        for _ in 0..40 {
            let callers = crowd(&set);
            for _ in 0..dice.roll(200) {
                yield_now().await;
            }
            set.fake.restart();
            for caller in callers {
                caller.await.unwrap().unwrap();
            }
        }
        let report = set.pool.close(seconds(30)).await;
        assert_eq!(report.abandoned, 0);
        let stats = set.pool.stats();
        assert_eq!(stats.opened, stats.closed.total(), "{stats:?}");
        assert_eq!((set.fake.present(), stats.timeouts), (0, 0), "{stats:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_waits_when_a_server_cannot_be_reached_any_more_is_told() {
    for round in 0..12 {
        let set = exclusive(4);
        let callers = crowd(&set);
        for _ in 0..3 * round {
            yield_now().await;
        }
        FakeServer::set(&set.fake.on_connect, Reaction::Fail);
        set.fake.restart();
        for caller in callers {
            if let Err(error) = caller.await.unwrap() {
                let kind = error.kind();
                assert_eq!(kind, ErrorKind::ConnectFailed, "{}", error.chain());
            }
        }
        FakeServer::set(&set.fake.on_connect, Reaction::Ok);
        for caller in crowd(&set) {
            caller.await.unwrap().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_waits_when_the_pool_is_closed_is_turned_away_and_nothing_is_left() {
    for round in 0..24 {
        let sharing = [Sharing::Exclusive, Sharing::Shared][round % 2];
        let settings = Settings::builder().max_connections(4).max_in_flight(4);
        let set = set(settings.sharing(sharing));
        let answered = Arc::new(AtomicUsize::new(0));
        let callers = (0..CROWD).map(|_| {
            let (server, answered) = (set.server.clone(), Arc::clone(&answered));
            tokio::spawn(async move {
                let call = |_: Arc<FakeConnection>| async {
                    yield_now().await;
                    Ok(())
                };
                loop {
                    match server.run(PATIENT, call).await {
                        Ok(()) => answered.fetch_add(1, SeqCst),
                        Err(error) => return error,
                    };
                }
            })
        });
        let callers: Vec<_> = callers.collect();
        while answered.load(SeqCst) < 100 * round {
            yield_now().await;
        }
        let report = set.pool.close(seconds(30)).await;
        assert_eq!(report.abandoned, 0);
        for error in join_all(callers).await {
            let error = error.unwrap();
            assert_eq!(error.kind(), ErrorKind::Closed, "{}", error.chain());
        }
        let stats = set.pool.stats();
        assert_eq!(stats.opened, stats.closed.total(), "{stats:?}");
        assert_eq!(set.fake.present(), 0, "{stats:?}");
    }
}
