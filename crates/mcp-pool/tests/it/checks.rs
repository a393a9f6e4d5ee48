//! A connection that has been idle is asked for a sign of life, and who waits for it.

use std::{future::ready, sync::Mutex, time::Duration};

use futures::{FutureExt as _, future::join_all};
use mcp_domain::{Error, ErrorKind, Scope};
use mcp_pool::{Settings, Sharing};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use crate::fake::{CALL, FakeServer, Reaction, Set, check_books, exclusive, seconds, set, settle};

/// A moment within which no connection is given up for slow.
const MOMENT: Duration = Duration::from_millis(100);

/// A set with this many connections that have been idle for long, of `max` at most.
async fn idle(connections: usize, max: usize) -> Set {
    let set = exclusive(max);
    let leases = join_all((0..connections).map(|_| set.server.lease(CALL))).await;
    drop(leases);
    sleep(seconds(10)).await;
    assert_eq!(set.fake.connects(), connections);
    assert_eq!(set.fake.pings(), 0);
    set
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_check_takes_what_comes_back_first() {
    let set = idle(2, 2).await;
    let held = set.server.lease(CALL).await.unwrap();
    FakeServer::set(&set.fake.on_ping, Reaction::Never);
    let id = held.id;
    let start = Instant::now();
    let (lease, ()) = tokio::join!(set.server.lease(CALL), async move {
        sleep(MOMENT).await;
        drop(held);
    });
    assert_eq!(lease.unwrap().id, id);
    assert_eq!(start.elapsed(), MOMENT);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_slow_check_is_opened_another_connection() {
    let set = idle(1, 2).await;
    FakeServer::set(&set.fake.on_ping, Reaction::Never);
    let start = Instant::now();
    assert_eq!(set.server.lease(CALL).await.unwrap().id, 1);
    assert!(start.elapsed() < seconds(1), "{:?}", start.elapsed());
    // That the check fails in the end costs that connection and nothing else.
    sleep(seconds(10)).await;
    assert_eq!(set.pool.stats().closed.failed_check, 1);
    check_books(&set, 2);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_slow_check_has_another_idle_connection_checked() {
    let set = idle(3, 3).await;
    FakeServer::set(&set.fake.on_ping, Reaction::Never);
    let lease = tokio::spawn({
        let server = set.server.clone();
        async move { server.lease(CALL).await.map(drop) }
    });
    settle().await;
    assert_eq!(set.fake.pings(), 1);
    FakeServer::set(&set.fake.on_ping, Reaction::Ok);
    timeout(seconds(1), lease).await.unwrap().unwrap().unwrap();
    assert_eq!(set.fake.pings(), 2);
    assert_eq!(set.fake.connects(), 3);
}

#[tokio::test(start_paused = true)]
async fn where_no_check_is_answered_all_fail_side_by_side() {
    let set = idle(6, 6).await;
    FakeServer::set(&set.fake.on_ping, Reaction::Never);
    let start = Instant::now();
    drop(set.server.lease(CALL).await.unwrap());
    // The limit of one check, not of six.
    assert!(start.elapsed() <= seconds(5), "{:?}", start.elapsed());
    assert_eq!(set.fake.most_present(), 6);
}

#[tokio::test(start_paused = true)]
async fn no_more_connections_are_checked_than_callers_wait() {
    let set = idle(4, 4).await;
    FakeServer::set(&set.fake.on_ping, Reaction::After(MOMENT));
    drop(set.server.lease(CALL).await.unwrap());
    assert_eq!(set.fake.pings(), 1);
    sleep(seconds(10)).await;
    let start = Instant::now();
    for lease in join_all((0..3).map(|_| set.server.lease(CALL))).await {
        drop(lease.unwrap());
    }
    assert_eq!(start.elapsed(), MOMENT);
    assert_eq!(set.fake.pings(), 1 + 3);
    assert_eq!(set.fake.connects(), 4);
    check_books(&set, 4 + 1 + 3);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_check_counts_as_waiting() {
    let set = idle(1, 1).await;
    FakeServer::set(&set.fake.on_ping, Reaction::After(MOMENT));
    drop(set.server.lease(CALL).await.unwrap());
    let stats = set.pool.stats();
    assert_eq!((stats.hits, stats.waits, stats.connects), (0, 1, 1));
    assert!(stats.wait_time.max >= MOMENT);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_during_a_check_takes_no_connection_along() {
    let set = idle(1, 1).await;
    FakeServer::set(&set.fake.on_ping, Reaction::After(MOMENT));
    timeout(MOMENT / 2, set.server.lease(CALL))
        .await
        .unwrap_err();
    sleep(MOMENT).await;
    let start = Instant::now();
    assert_eq!(set.server.lease(CALL).await.unwrap().id, 0);
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(set.fake.pings(), 1);
    check_books(&set, 2);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_panics_has_failed() {
    let set = idle(1, 1).await;
    FakeServer::set(&set.fake.on_ping, Reaction::Panic);
    assert_eq!(set.server.lease(CALL).await.unwrap().id, 1);
    assert_eq!(set.pool.stats().closed.failed_check, 1);
    check_books(&set, 2);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_shared_is_as_fresh_as_its_last_caller_left_it() {
    let set = set(Settings::builder().sharing(Sharing::Shared));
    let (end, ended) = watch::channel(());
    let long = |_| async {
        let _ = ended.clone().changed().await;
        Ok(())
    };
    let mut first = Box::pin(set.server.run(CALL, long));
    assert!(timeout(seconds(10), &mut first).await.is_err());
    let first = Mutex::new(first);
    // One that takes no time begins beside it, and is the last to leave.
    let last = |_| {
        end.send_replace(());
        let first = first.lock().unwrap().as_mut().now_or_never();
        assert!(matches!(first, Some(Ok(()))));
        ready(Ok(()))
    };
    set.server.run(CALL, last).await.unwrap();
    set.server.run(CALL, |_| ready(Ok(()))).await.unwrap();
    assert_eq!(set.fake.pings(), 0);
    check_books(&set, 3);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_died_casts_doubt_on_those_that_were_idle_wherever_they_are() {
    let set = exclusive(3);
    let leases = join_all((0..3).map(|_| set.server.lease(CALL))).await;
    let mut leases = leases.into_iter().map(Result::unwrap);
    let mut dies = leases.next().unwrap();
    // What came back last lies elsewhere than the one before it.
    leases.for_each(drop);
    let lost = dies.run(CALL, |_| async {
        Err::<(), _>(Error::new(ErrorKind::Disconnected, "lost"))
    });
    lost.await.unwrap_err();
    drop(dies);
    let again = join_all((0..2).map(|_| set.server.lease(CALL))).await;
    assert!(again.iter().all(Result::is_ok));
    assert_eq!((set.fake.pings(), set.fake.connects()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn what_was_away_for_a_check_is_the_least_recently_used_all_the_same() {
    let settings = Settings::builder().sharing(Sharing::Exclusive).max_total(4);
    let settings = settings.idle_timeout(seconds(5000)).min_connections(0);
    let settings = settings.health_check_interval(seconds(1000));
    let set = set(settings.check_timeout(seconds(200)));
    FakeServer::set(&set.fake.on_ping, Reaction::After(seconds(100)));
    let key = |name: &str| set.server.scoped(Scope::new(name.to_owned()));
    let (one, other, third) = (key("one"), key("other"), key("third"));
    let held = one.lease(CALL).await.unwrap();
    drop(one.lease(CALL).await.unwrap());
    for key in [&other, &third] {
        sleep(seconds(200)).await;
        drop(key.lease(CALL).await.unwrap());
    }
    sleep(seconds(200)).await;
    drop(held);
    // The first one is away for its check while others look for who has the oldest.
    sleep(seconds(450)).await;
    assert_eq!(set.fake.pings(), 1);
    let _elsewhere = key("elsewhere").lease(CALL).await.unwrap();
    assert_eq!(other.stats().closed.evicted, 1);
    sleep(seconds(100)).await;
    let _last = key("last").lease(CALL).await.unwrap();
    assert_eq!(third.stats().closed.evicted, 0);
    assert_eq!(one.stats().closed.evicted, 1);
}
