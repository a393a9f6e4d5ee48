//! Never more connections than allowed.

use std::{sync::Arc, time::Duration};

use mcp_domain::{ErrorKind, Scope};
use mcp_pool::{Pool, Settings, Sharing};
use tokio::time::{Instant, sleep};

use crate::fake::{
    CALL, FakeConnection, FakeConnector, FakeServer, Reaction, check_books, exclusive, seconds,
    set, settle,
};

#[tokio::test(start_paused = true)]
async fn connections_that_are_closing_count() {
    let set = exclusive(1);
    FakeServer::set(&set.fake.on_close, Reaction::After(seconds(3)));
    set.server.lease(CALL).await.unwrap().discard();
    let start = Instant::now();
    drop(set.server.lease(CALL).await.unwrap());
    assert_eq!(start.elapsed(), seconds(3));
    assert_eq!(set.fake.most_present(), 1);
    check_books(&set, 2);
}

#[tokio::test(start_paused = true)]
async fn waiting_is_bounded_and_the_error_says_what_for() {
    let set = exclusive(1);
    let _held = set.server.lease(CALL).await.unwrap();
    let start = Instant::now();
    let error = set.server.lease(CALL.within(seconds(2))).await.unwrap_err();
    assert_eq!(start.elapsed(), seconds(2));
    assert_eq!(error.kind(), ErrorKind::WaitTimeout);
    assert_eq!(
        error.chain(),
        "`call` on server `fake` failed after 1 attempt and 2.0 s: \
         none of 1 connections became free within 2 s; the limit is 1"
    );
    assert_eq!(set.pool.stats().timeouts, 1);
}

/// A pool of `max_total` connections with two servers.
fn two_servers(max_total: usize) -> (Arc<FakeServer>, Pool<FakeConnector>) {
    let settings = Settings::builder().max_total(max_total);
    let settings = settings.sharing(Sharing::Exclusive).min_connections(0);
    let fake = Arc::new(FakeServer::default());
    (fake, Pool::new(settings.build().unwrap()))
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_vain_for_a_place_is_told_so() {
    let (fake, pool) = two_servers(1);
    let one = pool.server("one", FakeConnector(Arc::clone(&fake))).add();
    let other = pool.server("other", FakeConnector(fake)).add();
    let _held = one.lease(CALL).await.unwrap();
    let error = other.lease(CALL.within(seconds(2))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WaitTimeout);
    assert_eq!(
        error.chain(),
        "`call` on server `other` failed after 1 attempt and 2.0 s: \
         no place became free within 2 s; the limit over all servers is 1"
    );
}

#[tokio::test(start_paused = true)]
async fn the_least_recently_used_idle_connection_makes_room() {
    let (fake, pool) = two_servers(2);
    let server = |name: &str| pool.server(name, FakeConnector(Arc::clone(&fake))).add();
    let (first, second, third) = (server("first"), server("second"), server("third"));
    drop(first.lease(CALL).await.unwrap());
    sleep(seconds(1)).await;
    drop(second.lease(CALL).await.unwrap());
    sleep(seconds(1)).await;
    drop(first.lease(CALL).await.unwrap());
    // `second` was used least recently.
    drop(third.lease(CALL).await.unwrap());
    assert_eq!(first.stats().total_connections, 1);
    assert_eq!(second.stats().total_connections, 0);
    assert_eq!(second.stats().closed.evicted, 1);
    assert_eq!(fake.most_present(), 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_finds_all_places_taken_gets_the_next_one() {
    let (fake, pool) = two_servers(1);
    let server = |name: &str| pool.server(name, FakeConnector(Arc::clone(&fake))).add();
    let (first, second) = (server("first"), server("second"));
    let held = first.lease(CALL).await.unwrap();
    let waiting = tokio::spawn(async move { second.lease(CALL).await.map(drop) });
    settle().await;
    assert!(!waiting.is_finished());
    held.discard();
    waiting.await.unwrap().unwrap();
    assert_eq!(fake.most_present(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_comes_back_makes_room_for_who_waits_elsewhere() {
    let (fake, pool) = two_servers(1);
    let server = |name: &str| pool.server(name, FakeConnector(Arc::clone(&fake))).add();
    let (first, second) = (server("first"), server("second"));
    let held = first.lease(CALL).await.unwrap();
    let waiting = tokio::spawn(async move { second.lease(CALL).await.map(drop) });
    settle().await;
    // It goes back to its own server, where nobody wants it.
    let start = Instant::now();
    drop(held);
    waiting.await.unwrap().unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(fake.most_present(), 1);
}

/// What is evicted for it must not be opened again in its place.
#[tokio::test(start_paused = true)]
async fn a_minimum_does_not_take_the_place_that_another_server_waits_for() {
    let fake = Arc::new(FakeServer::default());
    let settings = Settings::builder().min_connections(1).max_total(1);
    let pool = Pool::new(settings.build().unwrap());
    let server = |name: &str| pool.server(name, FakeConnector(Arc::clone(&fake))).add();
    let (first, second) = (server("first"), server("second"));
    for _ in 0..3 {
        for server in [&first, &second] {
            let start = Instant::now();
            drop(server.lease(CALL).await.unwrap());
            assert_eq!(start.elapsed(), Duration::ZERO);
        }
    }
    assert_eq!(fake.most_present(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_who_starves_costs_others_one_connection() {
    let (fake, pool) = two_servers(4);
    let server = |name: &str| pool.server(name, FakeConnector(Arc::clone(&fake))).add();
    let (many, none) = (server("many"), server("none"));
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(many.lease(CALL).await.unwrap());
    }
    FakeServer::set(&fake.on_close, Reaction::After(seconds(1)));
    let wait = |server: mcp_pool::Server<FakeConnector>| {
        tokio::spawn(async move {
            let lease = server.lease(CALL).await.unwrap();
            sleep(seconds(1)).await;
            drop(lease);
        })
    };
    let waiting: Vec<_> = [none, many.clone(), many.clone(), many.clone()]
        .map(wait)
        .into();
    settle().await;
    held.clear();
    for task in waiting {
        task.await.unwrap();
    }
    assert_eq!(pool.stats().closed.evicted, 1);
    assert_eq!(fake.most_present(), 4);
}

/// A caller on this server, who is served.
fn waits(server: &mcp_pool::Server<FakeConnector>) -> tokio::task::JoinHandle<()> {
    let server = server.clone();
    tokio::spawn(async move { drop(server.lease(CALL).await.unwrap()) })
}

#[tokio::test(start_paused = true)]
async fn what_was_meant_for_one_who_gave_up_makes_room_for_who_waits_elsewhere() {
    let (fake, pool) = two_servers(1);
    let server = |name: &str| pool.server(name, FakeConnector(Arc::clone(&fake))).add();
    let (first, second) = (server("first"), server("second"));
    let held = first.lease(CALL).await.unwrap();
    let (here, elsewhere) = (waits(&first), waits(&second));
    settle().await;
    // It is handed over, and the one that it is handed to is gone.
    drop(held);
    here.abort();
    let start = Instant::now();
    elsewhere.await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(fake.most_present(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_connect_makes_room_for_who_waits_elsewhere() {
    let (fake, pool) = two_servers(1);
    let server = |name: &str| pool.server(name, FakeConnector(Arc::clone(&fake))).add();
    let (first, second) = (server("first"), server("second"));
    FakeServer::set(&fake.on_connect, Reaction::After(seconds(3)));
    let here = waits(&first);
    settle().await;
    let elsewhere = waits(&second);
    settle().await;
    here.abort();
    FakeServer::set(&fake.on_connect, Reaction::Ok);
    let start = Instant::now();
    elsewhere.await.unwrap();
    assert_eq!(start.elapsed(), seconds(3));
    assert_eq!(fake.most_present(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_has_none_gets_a_turn_beside_one_who_always_has_callers() {
    let (fake, pool) = two_servers(1);
    let busy = pool.server("busy", FakeConnector(Arc::clone(&fake))).add();
    let other = pool.server("other", FakeConnector(fake)).add();
    let call = |connection: Arc<FakeConnection>| async move {
        connection.call(Duration::from_millis(10)).await
    };
    let callers: Vec<_> = (0..3)
        .map(|_| {
            let busy = busy.clone();
            tokio::spawn(async move {
                loop {
                    busy.run(CALL, call).await.unwrap();
                }
            })
        })
        .collect();
    sleep(seconds(1)).await;
    other.run(CALL.within(seconds(3)), call).await.unwrap();
    // Who had to go comes back.
    sleep(seconds(1)).await;
    assert_eq!(busy.stats().total_connections, 1);
    // Connecting is the exception.
    assert_eq!(pool.stats().opened, 3);
    for caller in callers {
        caller.abort();
    }
}

/// A pool of so many places with servers whose callers share.
fn shared_servers<const SERVERS: usize>(
    max_total: usize,
) -> (
    Arc<FakeServer>,
    Pool<FakeConnector>,
    [mcp_pool::Server<FakeConnector>; SERVERS],
) {
    let settings = Settings::builder().max_total(max_total).min_connections(0);
    let pool = Pool::new(settings.sharing(Sharing::Shared).build().unwrap());
    let fake = Arc::new(FakeServer::default());
    let server = |_| pool.server("fake", FakeConnector(Arc::clone(&fake))).add();
    let servers = std::array::from_fn(server);
    (fake, pool, servers)
}

/// Calls of a second each that overlap, so that the connection is never at rest.
fn stream(server: &mcp_pool::Server<FakeConnector>) -> Vec<tokio::task::JoinHandle<()>> {
    let caller = |number: u64| {
        let server = server.clone();
        tokio::spawn(async move {
            sleep(Duration::from_millis(300 * number)).await;
            loop {
                let call = |connection: Arc<FakeConnection>| async move {
                    connection.call(seconds(1)).await
                };
                server.run(CALL, call).await.unwrap();
            }
        })
    };
    (0..3).map(caller).collect()
}

async fn answer(server: &mcp_pool::Server<FakeConnector>, within: Duration) -> Duration {
    let start = Instant::now();
    let call = |connection: Arc<FakeConnection>| async move { Ok(connection.id) };
    server.run(CALL.within(within), call).await.unwrap();
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn who_has_none_gets_a_turn_beside_a_shared_connection_that_is_never_at_rest() {
    let (_, pool, [one, other]) = shared_servers(1);
    let streams = [stream(&one), stream(&other)];
    // Both are busy without pause, and there is one place: each has its turns.
    for server in [&one, &other, &one, &other] {
        let calls = || server.stats().shares;
        let before = calls();
        let start = Instant::now();
        while calls() < before + 2 {
            assert!(start.elapsed() < seconds(10), "{:?}", server.stats());
            sleep(Duration::from_millis(100)).await;
        }
    }
    for caller in streams.into_iter().flatten() {
        caller.abort();
    }
    settle().await;
    let stats = pool.stats();
    // A turn takes two seconds and what it takes to end the calls that are under way.
    assert!((2..=20).contains(&stats.closed.evicted), "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_to_make_way_goes_on_if_nobody_needs_its_place_any_more() {
    let (_, pool, [one, other]) = shared_servers(1);
    let call = |connection: Arc<FakeConnection>| async move { connection.call(seconds(30)).await };
    let long = tokio::spawn({
        let one = one.clone();
        async move { one.run(CALL, call).await.map(drop) }
    });
    sleep(seconds(3)).await;
    let impatient = tokio::spawn(async move { answer(&other, seconds(60)).await });
    settle().await;
    // The end of a call is when it is found that somebody else has none.
    assert_eq!(answer(&one, seconds(1)).await, Duration::ZERO);
    let stood_back = tokio::spawn(async move { answer(&one, seconds(60)).await });
    sleep(seconds(1)).await;
    assert!(!stood_back.is_finished());
    impatient.abort();
    assert_eq!(stood_back.await.unwrap(), seconds(1));
    long.await.unwrap().unwrap();
    settle().await;
    assert_eq!(pool.stats().opened, 1);
}

#[tokio::test(start_paused = true)]
async fn each_who_has_none_is_given_way_to_by_one() {
    let (fake, _, [one, other, first, second]) = shared_servers(2);
    FakeServer::set(&fake.on_close, Reaction::After(seconds(5)));
    let goes_on = stream(&other);
    let long = |connection: Arc<FakeConnection>| async move { connection.call(seconds(4)).await };
    let (_, keeps) = tokio::join!(one.run(CALL, long), async {
        sleep(seconds(3)).await;
        let keeps = stream(&first);
        settle().await;
        // The end of a call is when it is found that somebody else has none.
        answer(&one, seconds(1)).await;
        keeps
    });
    // One place will be free in time, for the first of the two.
    let waited = answer(&second, seconds(60)).await;
    // What is under way on the other connection ends, and it is closed.
    assert!(waited < seconds(8), "{waited:?}");
    assert_eq!(fake.most_present(), 2);
    goes_on.iter().chain(&keeps).for_each(|task| task.abort());
}

#[tokio::test(start_paused = true)]
async fn what_was_spared_while_somebody_waited_for_it_is_the_least_recently_used_all_the_same() {
    let settings = Settings::builder().sharing(Sharing::Exclusive).max_total(4);
    let set = set(settings.min_connections(0));
    let key = |name: &str| set.server.scoped(Scope::new(name.to_owned()));
    let (one, other, third) = (key("one"), key("other"), key("third"));
    let (first, second) = (one.lease(CALL).await, one.lease(CALL).await);
    drop((first.unwrap(), second.unwrap()));
    sleep(seconds(5)).await;
    drop(other.lease(CALL).await.unwrap());
    let held = third.lease(CALL).await.unwrap();
    // Of the two, one is checked for a caller; meanwhile neither makes room for others.
    FakeServer::set(
        &set.fake.on_ping,
        Reaction::After(Duration::from_millis(100)),
    );
    let mut waiting = Box::pin(one.lease(CALL));
    assert!(futures::poll!(&mut waiting).is_pending());
    let _elsewhere = key("elsewhere").lease(CALL).await.unwrap();
    assert_eq!(other.stats().closed.evicted, 1);
    drop(held);
    let _served = waiting.await.unwrap();
    let _last = key("last").lease(CALL).await.unwrap();
    // The one that nobody took has been idle from the start.
    assert_eq!(third.stats().closed.evicted, 0);
    assert_eq!(one.stats().closed.evicted, 1);
}

#[tokio::test(start_paused = true)]
async fn who_has_none_goes_before_those_of_the_shared_connection_that_made_way() {
    let settings = Settings::builder()
        .sharing(Sharing::Shared)
        .max_in_flight(2);
    let set = set(settings.max_total(1).min_connections(0));
    let call = |connection: Arc<FakeConnection>| async move { connection.call(seconds(1)).await };
    // More than it has room for, so that it waits for a place too, and was there first.
    let callers: Vec<_> = (0..5)
        .map(|number| {
            let busy = set.server.clone();
            tokio::spawn(async move {
                sleep(Duration::from_millis(300 * number)).await;
                loop {
                    busy.run(CALL, call).await.unwrap();
                }
            })
        })
        .collect();
    sleep(seconds(4)).await;
    let other = set.server.scoped(Scope::new("other"));
    // A turn is over by now: two calls end, then the other begins.
    other.run(CALL.within(seconds(3)), call).await.unwrap();
    assert_eq!(set.server.stats().closed.evicted, 1);
    for caller in callers {
        caller.abort();
    }
}
