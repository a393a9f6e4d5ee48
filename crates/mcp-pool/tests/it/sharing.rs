//! Several callers on one connection.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use futures::future::join_all;
use mcp_pool::{Settings, Sharing};
use tokio::time::{Instant, sleep};

use crate::fake::{
    CALL, FakeConnection, FakeConnector, FakeServer, Reaction, Set, check_books, seconds, set,
    settle,
};

fn shared(max_in_flight: usize) -> Set {
    let settings = Settings::builder().max_in_flight(max_in_flight);
    set(settings.sharing(Sharing::Shared))
}

async fn burst(set: &Set, callers: usize) -> usize {
    let calls = (0..callers).map(|_| {
        let call =
            |connection: Arc<FakeConnection>| async move { connection.call(seconds(1)).await };
        set.server.run(CALL, call)
    });
    let beside = join_all(calls).await.into_iter().map(Result::unwrap);
    beside.max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_cold_burst_of_callers_who_may_share_opens_one_connection() {
    let set = shared(64);
    FakeServer::set(&set.fake.on_connect, Reaction::After(seconds(1)));
    let start = Instant::now();
    assert_eq!(burst(&set, 64).await, 64);
    assert_eq!(start.elapsed(), seconds(2));
    assert_eq!(set.fake.connects(), 1);
    check_books(&set, 64);
}

#[tokio::test(start_paused = true)]
async fn a_stateless_server_is_found_out_and_shared() {
    let set = set(Settings::builder().max_in_flight(64));
    set.fake.stateless.store(true, SeqCst);
    assert_eq!(burst(&set, 64).await, 64);
    assert_eq!(set.fake.connects(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_declared_stateless_is_shared() {
    let set = set(Settings::builder().max_in_flight(64));
    let declared = set
        .pool
        .server("declared", FakeConnector(Arc::clone(&set.fake)));
    let server = declared.stateless().add();
    let call = |connection: Arc<FakeConnection>| async move { connection.call(seconds(1)).await };
    let calls = join_all((0..8).map(|_| server.run(CALL, call))).await;
    assert!(calls.into_iter().any(|beside| beside.unwrap() == 8));
    assert_eq!(set.fake.connects(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_shared_by_no_more_than_it_carries() {
    for carries in [1, 3, 100] {
        let set = set(Settings::builder().max_in_flight(16));
        set.fake.stateless.store(true, SeqCst);
        set.fake.carries.store(carries, SeqCst);
        assert_eq!(burst(&set, 64).await, carries.min(16));
        check_books(&set, 64);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_state_is_not_shared() {
    let set = set(Settings::builder().max_in_flight(64));
    assert_eq!(burst(&set, 64).await, 1);
    assert_eq!(set.fake.connects(), 6);
    check_books(&set, 64);
}

#[tokio::test(start_paused = true)]
async fn no_connection_has_more_callers_than_allowed() {
    let set = shared(4);
    assert_eq!(burst(&set, 64).await, 4);
    assert_eq!(set.fake.connects(), 6);
    check_books(&set, 64);
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_alone_even_where_calls_are_shared() {
    let set = shared(4);
    let lease = set.server.lease(CALL).await.unwrap();
    let call = |connection: Arc<FakeConnection>| async move { Ok(connection.id) };
    assert_ne!(set.server.run(CALL, call).await.unwrap(), lease.id);
}

#[tokio::test(start_paused = true)]
async fn a_shared_connection_that_died_is_not_joined() {
    let set = shared(4);
    let slow = tokio::spawn({
        let server = set.server.clone();
        async move {
            let call = |connection: Arc<FakeConnection>| async move {
                connection.call(seconds(5)).await?;
                Ok(connection.id)
            };
            server.run(CALL, call).await
        }
    });
    settle().await;
    let die = |connection: Arc<FakeConnection>| async move {
        connection.die();
        Ok(connection.id)
    };
    assert_eq!(set.server.run(CALL, die).await.unwrap(), 0);
    let call = |connection: Arc<FakeConnection>| async move { Ok(connection.id) };
    assert_eq!(set.server.run(CALL, call).await.unwrap(), 1);
    // Nobody else is harmed by that.
    assert_eq!(slow.await.unwrap().unwrap(), 0);
    settle().await;
    check_books(&set, 3);
}

#[tokio::test(start_paused = true)]
async fn a_lease_does_not_starve_beside_a_stream_of_shared_calls() {
    let set = set(Settings::builder()
        .max_connections(2)
        .sharing(Sharing::Shared));
    let call = |connection: Arc<FakeConnection>| async move { connection.call(seconds(3)).await };
    // Somebody is always on every connection.
    let stream: Vec<_> = (0..6)
        .map(|number| {
            let server = set.server.clone();
            tokio::spawn(async move {
                sleep(Duration::from_millis(500 * number)).await;
                loop {
                    server.run(CALL, call).await.unwrap();
                }
            })
        })
        .collect();
    sleep(seconds(10)).await;
    for _ in 0..5 {
        let start = Instant::now();
        let lease = set.server.lease(CALL).await.unwrap();
        // What is under way on one connection ends, and nothing new begins on it.
        assert!(start.elapsed() <= seconds(3), "{:?}", start.elapsed());
        assert_eq!(lease.callers.load(SeqCst), 0);
        sleep(seconds(1)).await;
        drop(lease);
        sleep(seconds(4)).await;
    }
    for task in stream {
        task.abort();
    }
}

/// So many callers make calls of this length, one right after the other, for a while;
/// the longest that any of them had to wait for an answer.
async fn stream(set: &Set, callers: u64, time: Duration, lasts: Duration) -> Duration {
    let callers = (0..callers).map(|caller| {
        let server = set.server.clone();
        async move {
            sleep(Duration::from_millis(7 * caller)).await;
            let begin = Instant::now();
            let mut longest = Duration::ZERO;
            while begin.elapsed() < lasts {
                let start = Instant::now();
                let call =
                    |connection: Arc<FakeConnection>| async move { connection.call(time).await };
                server.run(CALL, call).await.unwrap();
                longest = longest.max(start.elapsed());
            }
            longest
        }
    });
    let callers: Vec<_> = callers.map(tokio::spawn).collect();
    let longest = join_all(callers).await.into_iter().map(Result::unwrap);
    longest.max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_room_goes_before_who_comes_later() {
    let set = set(Settings::builder()
        .max_connections(2)
        .max_in_flight(2)
        .sharing(Sharing::Shared));
    let time = Duration::from_millis(10);
    let longest = stream(&set, 20, time, seconds(5)).await;
    // Five rounds, and what it takes to connect and to find out.
    assert!(longest < 10 * time, "{longest:?}");
    assert_eq!(set.fake.connects(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_shared_connection_grows_no_older_for_being_in_use_all_the_time() {
    let age = seconds(60);
    let settings = Settings::builder().max_connections(2);
    let set = set(settings.sharing(Sharing::Shared).max_connection_age(age));
    stream(&set, 4, seconds(1), 10 * age).await;
    settle().await;
    let stats = set.pool.stats();
    // Found out within the time that lies between two rounds of upkeep.
    assert!((5..=12).contains(&stats.closed.age), "{stats:?}");
    assert_eq!(stats.closed.total(), stats.closed.age);
    check_books(
        &set,
        stats.hits + stats.shares + stats.waits + stats.connects,
    );
}

#[tokio::test(start_paused = true)]
async fn who_waits_when_connections_come_to_be_shared_again_is_not_forgotten() {
    let set = set(Settings::builder().max_connections(2));
    set.fake.serial.store(true, SeqCst);
    mixed_calls(&set).await;
    assert_eq!(set.server.stats().unshared_servers, 1);
    // For longer than that verdict holds.
    let time = Duration::from_millis(50);
    let longest = stream(&set, 12, time, seconds(700)).await;
    // On each connection six wait for each other, however that is brought about.
    assert!(longest < 15 * time, "{longest:?}");
}

/// How long calls of five milliseconds took.
struct Fast {
    median: Duration,
    /// Of those that began in the second half.
    longest: Duration,
}

/// Fast calls, one in ten slow, at random on a server with six connections.
async fn mixed_calls(set: &Set) -> Fast {
    set.fake.stateless.store(true, SeqCst);
    let callers = (0..4).map(|caller| {
        let server = set.server.clone();
        async move {
            let mut random = fastrand::Rng::with_seed(caller);
            let mut took = Vec::new();
            for number in 0..200 {
                let slow = random.u8(..10) == 0;
                let time = Duration::from_millis(if slow { 500 } else { 5 });
                let start = Instant::now();
                let call =
                    |connection: Arc<FakeConnection>| async move { connection.call(time).await };
                server.run(CALL, call).await.unwrap();
                if !slow {
                    took.push((start.elapsed(), number >= 100));
                }
                sleep(Duration::from_millis(random.u64(..10))).await;
            }
            took
        }
    });
    let mut took = join_all(callers).await.concat();
    took.sort_unstable();
    let mut late = took.iter().rev().filter(|(_, late)| *late);
    Fast {
        median: took[took.len() / 2].0,
        longest: late.next().unwrap().0,
    }
}

#[tokio::test(start_paused = true)]
async fn connections_of_a_server_that_serialises_calls_are_soon_not_shared() {
    let set = set(Settings::builder());
    set.fake.serial.store(true, SeqCst);
    let took = mixed_calls(&set).await;
    // Less than twice what one takes by itself, also while it is not found out yet.
    assert!(took.median < Duration::from_millis(10), "{:?}", took.median);
    // Then nobody waits for anybody: four callers, six connections.
    assert!(
        took.longest < Duration::from_millis(10),
        "{:?}",
        took.longest
    );
    assert_eq!(set.server.stats().unshared_servers, 1);
    check_books(&set, 800);
}

#[tokio::test(start_paused = true)]
async fn connections_of_a_server_that_runs_calls_side_by_side_stay_shared() {
    let set = set(Settings::builder());
    let took = mixed_calls(&set).await;
    assert!(
        took.longest < Duration::from_millis(10),
        "{:?}",
        took.longest
    );
    assert_eq!(set.server.stats().unshared_servers, 0);
    assert!(set.fake.connects() < 4, "{} connects", set.fake.connects());
    check_books(&set, 800);
}

#[tokio::test(start_paused = true)]
async fn who_declares_sharing_has_the_last_word() {
    let set = set(Settings::builder().sharing(Sharing::Shared));
    set.fake.serial.store(true, SeqCst);
    mixed_calls(&set).await;
    assert_eq!(set.server.stats().unshared_servers, 0);
    assert_eq!(set.fake.connects(), 1);
}
