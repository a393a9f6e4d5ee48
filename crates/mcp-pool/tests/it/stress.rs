//! Many callers on real threads, with everything going wrong at random.
//!
//! Nothing here depends on how long anything takes: a lost wake-up shows as a test
//! that never ends, a lost connection as books that do not add up.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use mcp_domain::{Error, ErrorKind, Operation};
use mcp_pool::{Server, Settings, Sharing};
use tokio::task::yield_now;

use crate::fake::{FakeConnection, FakeConnector, Set, set};

const CALLERS: u64 = 64;
const CALLS: u64 = 300;
const CALL: Operation = Operation::new("call")
    .repeatable()
    .within(Duration::from_secs(50));

/// Numbers that look random and are the same in each run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

/// Ends after so many polls; never if they are many.
pub(crate) async fn patience_lost(polls: u64) {
    for _ in 0..polls {
        yield_now().await;
    }
    if polls > 10 {
        std::future::pending::<()>().await;
    }
}

/// A call that suspends now and then, and fails or kills its connection at times.
async fn call(connection: &FakeConnection, fate: u64) -> Result<(), Error> {
    for _ in 0..fate % 4 {
        yield_now().await;
    }
    match fate {
        0..2 => Err(Error::new(ErrorKind::Disconnected, "lost")),
        2..4 => {
            connection.die();
            Ok(())
        }
        4..6 => Err(Error::new(ErrorKind::ToolFailed, "no")),
        _ => Ok(()),
    }
}

async fn caller(server: Server<FakeConnector>, seed: u64) -> u64 {
    let mut dice = Dice(seed);
    let mut answered = 0;
    for _ in 0..CALLS {
        let fate = dice.roll(40);
        let patience = dice.roll(30);
        let work = async {
            if dice.roll(4) == 0 {
                let lease = server.lease(CALL).await?;
                call(&lease, fate).await
            } else {
                server
                    .run(
                        CALL,
                        |connection| async move { call(&connection, fate).await },
                    )
                    .await
            }
        };
        tokio::select! {
            result = work => match result {
                Ok(()) => answered += 1,
                Err(error) => assert!(
                    matches!(error.kind(), ErrorKind::Disconnected | ErrorKind::ToolFailed),
                    "{error:?}"
                ),
            },
            () = patience_lost(patience) => {}
        }
    }
    answered
}

async fn storm(set: &Set, most: usize) {
    let callers = (0..CALLERS).map(|seed| tokio::spawn(caller(set.server.clone(), seed)));
    let mut answered = 0;
    for caller in futures::future::join_all(callers).await {
        answered += caller.unwrap();
    }
    assert!(
        answered > CALLERS * CALLS / 2,
        "only {answered} calls were answered"
    );
    assert!(
        set.fake.most_present() <= most,
        "{} at once",
        set.fake.most_present()
    );
    // All connections can still be had at the same time.
    let leases = (0..most).map(|_| set.server.lease(CALL));
    for lease in futures::future::join_all(leases).await {
        drop(lease.unwrap());
    }
    let report = set.pool.close(Duration::from_secs(50)).await;
    assert_eq!(report.abandoned, 0);
    let stats = set.pool.stats();
    assert_eq!(stats.total_connections, 0, "{stats:?}");
    assert_eq!(stats.opened, stats.closed.total(), "{stats:?}");
    assert_eq!(set.fake.present(), 0);
    assert!(
        stats.closed.died > 0 && stats.hits > 0 && stats.waits > 0,
        "{stats:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exclusive_connections_survive_a_storm() {
    let settings = Settings::builder().max_connections(5).min_connections(2);
    storm(&set(settings.sharing(Sharing::Exclusive)), 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn shared_connections_survive_a_storm() {
    let settings = Settings::builder().max_connections(5).max_in_flight(4);
    let set = set(settings.sharing(Sharing::Shared));
    storm(&set, 5).await;
    assert!(set.pool.stats().shares > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_that_may_be_shared_are_found_out_in_a_storm() {
    let set = set(Settings::builder().max_connections(3));
    set.fake.stateless.store(true, SeqCst);
    storm(&set, 3).await;
}
