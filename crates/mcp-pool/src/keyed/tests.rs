//! What happens between two steps of a caller, where no test from outside gets in
//! between for certain.

use std::{cell::Cell, hint::spin_loop, sync::Barrier, time::Duration};

use futures::future::join_all;
use mcp_domain::{Connection, Connector, Error, Operation, Scope};
use tokio::time::{sleep, timeout};

use super::*;
use crate::{Pool, Server, Settings, Sharing, store::Found};

thread_local! {
    /// How often this thread has looked into a census: a measure of work.
    pub(super) static LOOKS: Cell<u64> = const { Cell::new(0) };
}

struct Nothing;

impl Connector for Nothing {
    type Connection = Self;

    async fn connect(&self, _: &Scope) -> Result<Self, Error> {
        Ok(Self)
    }
}

thread_local! {
    /// Where this thread stops, once, when it asks whether [`Nothing`] is open: before the
    /// answer, until others come there twice.
    static STOP: Cell<Option<Arc<Barrier>>> = const { Cell::new(None) };
}

impl Connection for Nothing {
    fn is_open(&self) -> bool {
        if let Some(stop) = STOP.take() {
            stop.wait();
            stop.wait();
        }
        true
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

fn server() -> Server<Nothing> {
    let settings = Settings::builder()
        .max_connections(1)
        .min_connections(0)
        .sharing(Sharing::Shared);
    let pool = Pool::new(settings.build().unwrap());
    pool.server("nothing", Nothing).add()
}

#[tokio::test(start_paused = true)]
async fn room_that_came_up_before_a_caller_was_known_to_wait_is_taken() {
    let server = server();
    let mut keeper = None;
    let checkout = server.keyed.checkout(Use::Together, &mut keeper);
    checkout.await.unwrap();
    // Nobody is woken for room that others left.
    server.keyed.room.forget_permits(usize::MAX);
    server.keyed.lock_census().invited = 0;
    // A caller who has just found no room, which there is by now.
    let mut taken = None;
    let waits = server.keyed.wait(Use::Together, &mut taken);
    let waits = timeout(Duration::from_secs(1), waits);
    waits.await.unwrap().unwrap();
    assert!(matches!(taken, Some(Taken::Together(_))));
}

#[tokio::test(start_paused = true)]
async fn a_place_that_became_free_before_the_queue_knew_who_wants_it_is_taken() {
    let server = server();
    // A caller whom a place was just refused, and there is one by now.
    server.keyed.wait_here(Some(0));
    server.keyed.lock_census().alone += 1;
    server.registry.starve(&server.keyed);
    assert_eq!(server.keyed.census().opening, 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_put_back_after_the_end_is_closed() {
    let server = server();
    let lease = server.lease(Operation::new("call")).await.unwrap();
    drop(lease);
    let store = &server.keyed.store;
    let Found::Fit(object) = store.take(store.try_permit().unwrap().unwrap()) else {
        panic!("it has just been put there");
    };
    store.close();
    store.put_back(object);
    assert_eq!(store.len(), 0);
}

/// Where somebody waited before, nobody may ever come again.
#[test]
fn a_connection_is_opened_where_its_caller_waits_not_where_another_did() {
    const CALL: Operation = Operation::new("call");
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    };
    let settings = Settings::builder().max_connections(1);
    let pool = Pool::new(settings.build().unwrap());
    let server = pool.server("nothing", Nothing).add();
    let (here, elsewhere) = (runtime(), runtime());
    let held = here.block_on(server.lease(CALL)).unwrap();
    elsewhere.block_on(async { server.keyed.wait_here(Some(0)) });
    let served = here.block_on(async {
        let mut waits = Box::pin(server.lease(CALL));
        assert!(futures::poll!(&mut waits).is_pending());
        held.discard();
        timeout(Duration::from_secs(1), waits).await
    });
    drop(served.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn who_is_to_open_a_connection_and_is_not_in_the_queue_yet_is_woken_all_the_same() {
    let settings = Settings::builder().sharing(Sharing::Shared);
    let settings = settings.max_connections(3).max_in_flight(3);
    let server = Pool::new(settings.build().unwrap()).server("nothing", Nothing);
    let server = server.add();
    let keyed = &server.keyed;
    let join = async || {
        let mut taken = None;
        keyed.checkout(Use::Together, &mut taken).await.unwrap();
        taken.unwrap()
    };
    // Two connections with room, and one that somebody has alone.
    let (first, _second, _third, _other) = (join().await, join().await, join().await, join().await);
    let held = server.lease(Operation::new("call")).await.unwrap();
    keyed.give_back(first, Fate::Reuse, Measure::Nothing);
    // Another who wants one alone begins to wait; nothing can be opened at that moment.
    let _waits = Waiting::begin(keyed, Use::Alone);
    held.discard();
    sleep(Duration::from_secs(1)).await;
    assert_eq!((keyed.census().reserved, keyed.census().opening), (2, 0));
    // Somebody comes in between, draws the permit that was to wake that one, and goes on.
    let shares = server.stats().shares;
    join().await;
    assert_eq!(server.stats().shares, shares + 1);
    assert!(keyed.store.try_permit().unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn one_connection_more_that_cannot_be_had_is_not_owed() {
    let server = server();
    let mut taken = None;
    let checkout = server.keyed.checkout(Use::Together, &mut taken);
    checkout.await.unwrap();
    server.keyed.grow_by_one();
    let fate = Fate::Close(Reason::Discarded);
    server
        .keyed
        .give_back(taken.unwrap(), fate, Measure::Nothing);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.stats().opened, 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_one_of_many_is_just_taking_serves_them_all() {
    let settings = Settings::builder().sharing(Sharing::Shared);
    let pool = Pool::new(settings.build().unwrap());
    let server = pool.server("nothing", Nothing).add();
    let mut first = Waiting::begin(&server.keyed, Use::Together);
    let second = Waiting::begin(&server.keyed, Use::Together);
    let permit = server.keyed.store.permit().await.unwrap();
    first.takes();
    let object = server.keyed.take(permit, None).unwrap();
    // Neither idle nor in use at this moment.
    server.keyed.grow();
    assert_eq!(server.keyed.census().opening, 0);
    let (mut taken, kind) = (None, Checkout::Connect);
    server
        .keyed
        .hand_out(object, Use::Together, kind, &mut taken);
    drop((first, second));
    let taken = taken.unwrap();
    server.keyed.give_back(taken, Fate::Reuse, Measure::Nothing);
    assert_eq!(server.keyed.census().landing, 0);
    assert_eq!(server.stats().opened, 1);
}

#[tokio::test(start_paused = true)]
async fn who_may_share_takes_nothing_that_others_count_on_without_their_knowing() {
    let settings = Settings::builder().sharing(Sharing::Shared);
    let server = Pool::new(settings.build().unwrap()).server("nothing", Nothing);
    let server = server.add();
    drop(server.lease(Operation::new("call")).await.unwrap());
    let mut first = Waiting::begin(&server.keyed, Use::Together);
    let _second = Waiting::begin(&server.keyed, Use::Together);
    let alone = first.take_alone();
    // There will be room for the second on what the first one takes.
    assert_eq!(server.keyed.census().opening, 0);
    assert!(alone.is_none());
}

#[tokio::test(start_paused = true)]
async fn who_has_just_joined_a_connection_is_not_one_who_still_waits_for_another() {
    let settings = Settings::builder()
        .sharing(Sharing::Shared)
        .max_in_flight(2);
    let server = Pool::new(settings.build().unwrap()).server("nothing", Nothing);
    let server = server.add();
    let keyed = &server.keyed;
    let mut first = None;
    let checkout = keyed.checkout(Use::Together, &mut first);
    checkout.await.unwrap();
    let mut waiting = Waiting::begin(keyed, Use::Together);
    keyed.invite();
    let mut second = None;
    assert!(waiting.join(&mut second));
    // It has a seat, and is still counted as waiting at this moment.
    keyed.grow();
    assert_eq!(keyed.census().opening, 0);
}

/// Panics when it is woken.
struct Sleeper;

impl std::task::Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        panic!("let me sleep");
    }
}

#[tokio::test(start_paused = true)]
async fn who_panics_when_it_is_woken_for_room_costs_nobody_a_connection() {
    let server = server();
    let keyed = &server.keyed;
    drop(server.lease(Operation::new("call")).await.unwrap());
    // Somebody waits for room.
    keyed.lock_census().together += 1;
    let mut waits = std::pin::pin!(keyed.room.acquire());
    let sleeper = std::task::Waker::from(Arc::new(Sleeper));
    let mut context = std::task::Context::from_waker(&sleeper);
    assert!(waits.as_mut().poll(&mut context).is_pending());
    let permit = keyed.store.try_permit().unwrap().unwrap();
    let object = keyed.take(permit, None).unwrap();
    let mut taken = None;
    keyed.hand_out(object, Use::Together, Checkout::Hit, &mut taken);
    assert!(taken.is_some());
}

/// What it takes until so many scopes, which wait for the only place, have had it.
async fn looks_for(scopes: u64) -> u64 {
    const CALL: Operation = Operation::new("call");
    let settings = Settings::builder().max_total(1).min_connections(0);
    let pool = Pool::new(settings.build().unwrap());
    let server = pool.server("nothing", Nothing).add();
    let held = server.lease(CALL).await.unwrap();
    let before = LOOKS.get();
    let callers: Vec<_> = (0..scopes)
        .map(|number| {
            let server = server.scoped(Scope::new(number.to_string()));
            tokio::spawn(async move { server.lease(CALL).await.map(drop) })
        })
        .collect();
    let pressure = server.registry.limit.pressure();
    while pressure.load(Ordering::Relaxed) < callers.len() {
        tokio::task::yield_now().await;
    }
    drop(held);
    for served in join_all(callers).await {
        served.unwrap().unwrap();
    }
    assert_eq!(pressure.load(Ordering::Relaxed), 0);
    LOOKS.get() - before
}

#[tokio::test(start_paused = true)]
async fn each_of_many_scopes_that_wait_for_a_place_costs_as_much_as_each_of_few() {
    let (few, many) = (looks_for(50).await, looks_for(2000).await);
    assert!(many < 50 * few, "{few} looks for 50, {many} for 2000");
}

/// What it takes to have a hundred connections opened, each in the place of the one that
/// was used least recently, of so many.
async fn looks_for_evictions(places: u64) -> u64 {
    const CALL: Operation = Operation::new("call");
    let settings = Settings::builder().max_total(places as usize);
    let pool = Pool::new(settings.min_connections(0).build().unwrap());
    let server = pool.server("nothing", Nothing).add();
    let lease = async |number: u64| {
        let server = server.scoped(Scope::new(number.to_string()));
        drop(server.lease(CALL).await.unwrap());
    };
    for number in 0..places {
        lease(number).await;
        sleep(Duration::from_millis(1)).await;
    }
    let before = LOOKS.get();
    for number in places..places + 100 {
        lease(number).await;
    }
    let looks = LOOKS.get() - before;
    assert_eq!(pool.stats().closed.evicted, 100);
    looks
}

#[tokio::test(start_paused = true)]
async fn making_room_among_many_costs_as_much_as_among_few() {
    let (few, many) = (
        looks_for_evictions(20).await,
        looks_for_evictions(2000).await,
    );
    assert!(many < 2 * few, "{few} looks among 20, {many} among 2000");
}

#[tokio::test]
async fn connections_that_are_taken_away_take_a_permit_each_along_and_no_more() {
    // Many, for what is looked for lies between the first one and the last.
    const MANY: usize = 200;
    let settings = Settings::builder().sharing(Sharing::Exclusive);
    let settings = settings.max_connections(MANY).max_total(MANY);
    let pool = Pool::new(settings.min_connections(0).build().unwrap());
    let server = pool.server("nothing", Nothing).add();
    drop(join_all((0..MANY).map(|_| server.lease(Operation::new("call")))).await);
    let store = &server.keyed.store;
    let mut out = store.extract(|_| true);
    for _ in 0..2000 {
        let new = out.pop().unwrap();
        out.drain(..).for_each(|old| store.offer(old));
        let permit = store.try_permit().unwrap().unwrap();
        // Somebody takes away whatever is there, while a caller looks for it and another
        // one is stored.
        let (evicted, found) = std::thread::scope(|scope| {
            let evicted = scope.spawn(|| store.extract(|_| true));
            let found = scope.spawn(|| {
                while store.len() > 0 {
                    spin_loop();
                }
                let found = store.take(permit);
                store.offer(new);
                found
            });
            (evicted.join().unwrap(), found.join().unwrap())
        });
        out.extend(evicted);
        let mut found = Some(found);
        loop {
            match found.take() {
                Some(Found::Fit(object)) => out.push(Object::take(object)),
                Some(Found::Doubtful(object, permit)) => {
                    permit.forget();
                    out.push(Object::take(object));
                }
                Some(Found::Nothing) | None => {}
            }
            let Some(permit) = store.try_permit().unwrap() else {
                break;
            };
            found = Some(store.take(permit));
        }
        assert_eq!(out.len(), MANY, "one is in store, and no permit for it");
    }
}

#[tokio::test]
async fn a_connection_that_comes_while_another_is_just_taken_can_be_had_beside_it() {
    let settings = Settings::builder().sharing(Sharing::Exclusive);
    let settings = settings.max_connections(3).min_connections(0);
    let server = Pool::new(settings.build().unwrap()).server("nothing", Nothing);
    let server = server.add();
    drop(join_all((0..3).map(|_| server.lease(Operation::new("call")))).await);
    let mut three = server.keyed.store.extract(|_| true);
    // One that has never held anything.
    let store = Store::new(server.keyed.core.settings);
    let mut offer = || store.offer(three.pop().unwrap());
    let take = || match store.take(store.try_permit().unwrap().unwrap()) {
        Found::Fit(object) => Some(object),
        Found::Doubtful(..) | Found::Nothing => None,
    };
    offer();
    let first = take();
    offer();
    let stop = Arc::new(Barrier::new(2));
    let second = std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            STOP.set(Some(Arc::clone(&stop)));
            take()
        });
        // The second is being looked at: it is not offered, and not in deadpool yet.
        stop.wait();
        offer();
        stop.wait();
        second.join().unwrap()
    });
    // Once in vain is fine: the permit is still there then.
    let third = take().or_else(take);
    let taken = [first, second, third].map(|object| object.is_some());
    assert_eq!(taken, [true; 3]);
}
