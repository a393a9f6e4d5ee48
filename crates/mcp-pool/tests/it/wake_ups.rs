//! Whoever waits is woken: many small crowds on real threads, each served to the last.
//!
//! In a long storm a wake-up that was lost is soon made up for by the next one. So the
//! crowds are small, somebody keeps a connection until all others were served, and once
//! the last of a crowd is waiting, nothing happens any more that could help somebody
//! who was forgotten: that shows as a caller whose time runs out, which is many times
//! what a whole test takes.

use std::{
    hint::spin_loop,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use mcp_domain::{Error, ErrorKind, Operation};
use mcp_pool::{Pool, Server, Settings, Sharing};
use tokio::{
    runtime::Runtime,
    sync::{oneshot, watch},
    task::{JoinHandle, yield_now},
    time::{Instant, timeout},
};

use crate::{
    fake::{CALL, FakeConnection, FakeConnector, FakeServer, Reaction, set, settle},
    stress::{Dice, patience_lost},
};

/// How many callers there are at a time, for how long, and how often at the least.
const CROWD: usize = 3;
const A_WHILE: Duration = Duration::from_millis(600);
const AT_LEAST: usize = 100;
const PATIENT: Operation = CALL.within(Duration::from_secs(15));
const MORE_PATIENT: Operation = CALL.within(Duration::from_secs(30));

/// Two servers, and fewer places than both could fill.
struct Place {
    pool: Pool<FakeConnector>,
    fakes: [Arc<FakeServer>; 2],
    servers: [Server<FakeConnector>; 2],
    /// Does whoever keeps a connection have it alone?
    alone: bool,
}

impl Place {
    fn new(sharing: Sharing, max_connections: usize, check_after_idle: Duration) -> Self {
        let settings = Settings::builder()
            .max_connections(max_connections)
            .max_total(2)
            .min_connections(0)
            .retry_attempts(0)
            .max_in_flight(2)
            .check_after_idle(check_after_idle)
            .sharing(sharing);
        let pool = Pool::new(settings.build().unwrap());
        let fakes = [Arc::<FakeServer>::default(), Arc::default()];
        let servers = fakes.each_ref().map(|fake| {
            fake.stateless.store(true, SeqCst);
            pool.server("fake", FakeConnector(Arc::clone(fake))).add()
        });
        Self {
            pool,
            fakes,
            servers,
            alone: max_connections > 1,
        }
    }

    fn any(&self, dice: &mut Dice) -> &Server<FakeConnector> {
        &self.servers[usize::from(dice.roll(2) == 0)]
    }

    /// From now on, some of the connects and checks of one server fail.
    fn change_its_mood(&self, dice: &mut Dice) {
        let fake = &self.fakes[usize::from(dice.roll(2) == 0)];
        let mood = |dice: &mut Dice| match dice.roll(6) {
            0 => Reaction::Fail,
            _ => Reaction::Ok,
        };
        FakeServer::set(&fake.on_connect, mood(dice));
        FakeServer::set(&fake.on_ping, mood(dice));
    }

    /// One crowd after the other for a while, or until somebody was not served. While
    /// `all_is_well`, somebody keeps a connection; otherwise things go wrong.
    fn serve_crowds(&self, runtime: &Runtime, all_is_well: bool) -> Result<(), Error> {
        let together = Barrier::new(CROWD + 1);
        let (failure, is_over) = (Mutex::new(None), AtomicBool::new(false));
        let (arrived, harmless) = (AtomicUsize::new(0), all_is_well && !self.alone);
        thread::scope(|scope| {
            for seat in 0..CROWD {
                let (together, failure, is_over, arrived) =
                    (&together, &failure, &is_over, &arrived);
                scope.spawn(move || {
                    let mut dice = Dice(seat as u64);
                    for number in 1.. {
                        together.wait();
                        if is_over.load(SeqCst) {
                            return;
                        }
                        // Threads that are woken are not there all at once.
                        arrived.fetch_add(1, SeqCst);
                        while arrived.load(SeqCst) < CROWD * number {
                            thread::yield_now();
                        }
                        for _ in 0..dice.roll(2000) {
                            spin_loop();
                        }
                        let server = self.any(&mut dice);
                        let served = runtime.block_on(caller(server, harmless, &mut dice));
                        if let Err(error) = served
                            && error.kind() != ErrorKind::ConnectFailed
                        {
                            *failure.lock().unwrap() = Some(error);
                        }
                        together.wait();
                    }
                });
            }
            let mut dice = Dice(99);
            let begin = Instant::now();
            for number in 0.. {
                // While connects fail, who can be served otherwise waits for just that.
                let keeper = if all_is_well {
                    runtime.block_on(keeper(self.any(&mut dice).clone(), self.alone))
                } else {
                    self.change_its_mood(&mut dice);
                    None
                };
                let failed = failure.lock().unwrap().is_some();
                let enough = number >= AT_LEAST && begin.elapsed() >= A_WHILE;
                is_over.store(failed || enough, SeqCst);
                together.wait();
                let over = is_over.load(SeqCst);
                if !over {
                    together.wait();
                }
                if let Some((end, keeper)) = keeper {
                    drop(end);
                    runtime.block_on(keeper).unwrap();
                }
                if over {
                    return;
                }
            }
        });
        failure.into_inner().unwrap().map_or(Ok(()), Err)
    }
}

/// Somebody who keeps a connection, or their part of one, until what is returned is
/// dropped.
async fn keeper(
    server: Server<FakeConnector>,
    alone: bool,
) -> Option<(watch::Sender<()>, JoinHandle<()>)> {
    let (end, ended) = watch::channel(());
    let (begin, begun) = oneshot::channel();
    let task = tokio::spawn(async move {
        let begin = Mutex::new(Some(begin));
        let keep = async || {
            let begun = begin.lock().unwrap().take();
            begun.unwrap().send(()).unwrap();
            let _ = ended.clone().changed().await;
        };
        if alone {
            let _lease = server.lease(MORE_PATIENT).await.unwrap();
            keep().await;
        } else {
            let keep = |_| async {
                keep().await;
                Ok(())
            };
            server.run(MORE_PATIENT, keep).await.unwrap();
        }
    });
    begun.await.ok().map(|()| (end, task))
}

/// Takes a connection for a short or a long call, breaks it at times unless that would
/// harm others, and sometimes gives up before.
async fn caller(
    server: &Server<FakeConnector>,
    harmless: bool,
    dice: &mut Dice,
) -> Result<(), Error> {
    let (time, fate, patience) = (dice.roll(4), dice.roll(12), dice.roll(60));
    let call = |connection: &FakeConnection| {
        if !harmless && fate == 0 {
            connection.die();
        }
        async move {
            for _ in 0..time {
                yield_now().await;
            }
        }
    };
    let leases = !harmless && dice.roll(3) == 0;
    let work = async {
        if leases {
            let lease = server.lease(PATIENT).await?;
            call(&lease).await;
            if fate < 4 {
                lease.discard();
            }
            return Ok(());
        }
        let work = |connection: Arc<FakeConnection>| async move {
            call(&connection).await;
            Ok(())
        };
        server.run(PATIENT, work).await
    };
    tokio::select! {
        result = work => result,
        () = patience_lost(patience) => Ok(()),
    }
}

fn crowds(sharing: Sharing, max_connections: usize, check_after_idle: Duration) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_time().build().unwrap();
    let place = Place::new(sharing, max_connections, check_after_idle);
    for all_is_well in [true, false] {
        if let Err(error) = place.serve_crowds(&runtime, all_is_well) {
            panic!("{}; {:?}", error.chain(), place.pool.stats());
        }
    }
    let report = runtime.block_on(place.pool.close(Duration::from_secs(15)));
    assert_eq!(report.abandoned, 0);
    let stats = place.pool.stats();
    assert_eq!(stats.opened, stats.closed.total(), "{stats:?}");
    assert_eq!(stats.timeouts, 0, "{stats:?}");
}

#[test]
fn everybody_is_served_where_each_has_a_connection_alone() {
    crowds(Sharing::Exclusive, 3, Duration::MAX);
}

#[test]
fn everybody_is_served_where_connections_are_shared() {
    crowds(Sharing::Shared, 1, Duration::MAX);
}

#[test]
fn everybody_is_served_where_it_is_found_out_whether_to_share() {
    crowds(Sharing::Auto, 1, Duration::MAX);
}

#[test]
fn everybody_is_served_where_each_connection_is_checked() {
    crowds(Sharing::Exclusive, 3, Duration::ZERO);
    crowds(Sharing::Shared, 1, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_stood_back_for_a_lease_need_not_once_a_connection_is_opened_for_it() {
    let settings = Settings::builder().sharing(Sharing::Shared).max_total(2);
    let set = set(settings.min_connections(0));
    let other = set.pool.server("other", FakeConnector::default()).add();
    let elsewhere = other.lease(CALL).await.unwrap();
    let (_end, _under_way) = keeper(set.server.clone(), false).await.unwrap();
    // There is no place for the one who wants a connection alone,
    FakeServer::set(
        &set.fake.on_connect,
        Reaction::After(Duration::from_secs(5)),
    );
    let alone = tokio::spawn({
        let server = set.server.clone();
        async move { server.lease(CALL).await.map(drop) }
    });
    settle().await;
    // so the one after it stands back, until a place is free.
    let back = tokio::spawn({
        let server = set.server.clone();
        async move { server.run(CALL, |_| async { Ok(()) }).await }
    });
    settle().await;
    assert!(!back.is_finished());
    elsewhere.discard();
    timeout(Duration::from_secs(1), back)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(!alone.is_finished());
    alone.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_stood_back_for_a_lease_need_not_once_it_is_given_up() {
    let settings = Settings::builder().sharing(Sharing::Shared);
    let set = set(settings.max_connections(1));
    let (_end, _under_way) = keeper(set.server.clone(), false).await.unwrap();
    let mut alone = Box::pin(set.server.lease(CALL));
    assert!(futures::poll!(&mut alone).is_pending());
    let mut back = Box::pin(set.server.run(CALL, |_| async { Ok(()) }));
    assert!(futures::poll!(&mut back).is_pending());
    drop(alone);
    timeout(Duration::from_secs(1), back)
        .await
        .unwrap()
        .unwrap();
}
