//! A server of the tests' own, whose every reaction can be set.

use std::{
    collections::HashMap,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use mcp_domain::{Connection, Connector, Error, ErrorKind, Operation, PoolStats, Scope};
use mcp_pool::{Pool, Server, Settings, SettingsBuilder};
use tokio::time::sleep;

pub(crate) const CALL: Operation = Operation::new("call");

/// How a thing that is asked of the server goes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Reaction {
    #[default]
    Ok,
    After(Duration),
    Fail,
    Never,
    Panic,
}

impl Reaction {
    async fn happen(self, kind: ErrorKind) -> Result<(), Error> {
        match self {
            Self::Ok => Ok(()),
            Self::After(time) => {
                sleep(time).await;
                Ok(())
            }
            Self::Fail => Err(Error::new(kind, "the fake server says no")),
            Self::Never => pending().await,
            Self::Panic => panic!("the fake connector panics"),
        }
    }
}

/// The server: its reactions, and what it has seen.
#[derive(Debug, Default)]
pub(crate) struct FakeServer {
    pub(crate) on_connect: Mutex<Reaction>,
    pub(crate) on_ping: Mutex<Reaction>,
    pub(crate) on_close: Mutex<Reaction>,
    pub(crate) stateless: AtomicBool,
    /// How many calls its connections carry well; 0 if it does not say.
    pub(crate) carries: AtomicUsize,
    /// Runs the calls of one connection one after another.
    pub(crate) serial: AtomicBool,
    /// Whoever has this lets no connect come to an end.
    pub(crate) door: tokio::sync::Mutex<()>,
    /// Connects that were begun.
    pub(crate) connects: AtomicUsize,
    pub(crate) pings: AtomicUsize,
    /// Connections that were closed properly.
    closes: AtomicUsize,
    /// How often it was restarted, of which its connections die.
    restarts: AtomicUsize,
    /// Its connections are dead as soon as they are open.
    pub(crate) stillborn: AtomicBool,
    /// Its connections panic when they are asked whether they are open.
    pub(crate) confused: AtomicBool,
    /// Connections that are opening, open or closing.
    present: AtomicUsize,
    most_present: AtomicUsize,
    present_in: Mutex<HashMap<Scope, usize>>,
}

impl FakeServer {
    pub(crate) fn connects(&self) -> usize {
        self.connects.load(SeqCst)
    }

    pub(crate) fn pings(&self) -> usize {
        self.pings.load(SeqCst)
    }

    /// Kills all connections.
    pub(crate) fn restart(&self) {
        self.restarts.fetch_add(1, SeqCst);
    }

    pub(crate) fn closes(&self) -> usize {
        self.closes.load(SeqCst)
    }

    pub(crate) fn present(&self) -> usize {
        self.present.load(SeqCst)
    }

    /// Those of this scope.
    pub(crate) fn present_in(&self, scope: &Scope) -> usize {
        let present = self.present_in.lock().unwrap();
        present.get(scope).copied().unwrap_or_default()
    }

    pub(crate) fn most_present(&self) -> usize {
        self.most_present.load(SeqCst)
    }

    pub(crate) fn set(reaction: &Mutex<Reaction>, to: Reaction) {
        *reaction.lock().unwrap() = to;
    }
}

/// Counts a connection as present until it is closed, or dropped.
#[derive(Debug)]
struct Presence {
    server: Arc<FakeServer>,
    scope: Scope,
    ended: AtomicBool,
}

impl Presence {
    fn new(server: &Arc<FakeServer>, scope: &Scope) -> Self {
        *server
            .present_in
            .lock()
            .unwrap()
            .entry(scope.clone())
            .or_default() += 1;
        let present = server.present.fetch_add(1, SeqCst) + 1;
        server.most_present.fetch_max(present, SeqCst);
        Self {
            server: Arc::clone(server),
            scope: scope.clone(),
            ended: AtomicBool::new(false),
        }
    }

    fn end(&self) {
        if !self.ended.swap(true, SeqCst) {
            self.server.present.fetch_sub(1, SeqCst);
            let mut present = self.server.present_in.lock().unwrap();
            *present.entry(self.scope.clone()).or_default() -= 1;
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.end();
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct FakeConnector(pub(crate) Arc<FakeServer>);

#[derive(Debug)]
pub(crate) struct FakeConnection {
    pub(crate) id: usize,
    pub(crate) scope: Scope,
    pub(crate) alive: AtomicBool,
    pub(crate) callers: AtomicUsize,
    turn: tokio::sync::Mutex<()>,
    restarts: usize,
    presence: Presence,
}

impl FakeConnection {
    /// A call that takes this long, and returns how many were on the connection.
    pub(crate) async fn call(&self, time: Duration) -> Result<usize, Error> {
        let callers = self.callers.fetch_add(1, SeqCst) + 1;
        let _leave = Leave(&self.callers);
        let serial = self.presence.server.serial.load(SeqCst);
        let _turn = if serial {
            Some(self.turn.lock().await)
        } else {
            None
        };
        sleep(time).await;
        Ok(callers)
    }

    pub(crate) fn die(&self) {
        self.alive.store(false, SeqCst);
    }
}

struct Leave<'c>(&'c AtomicUsize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Connector for FakeConnector {
    type Connection = FakeConnection;

    async fn connect(&self, scope: &Scope) -> Result<FakeConnection, Error> {
        let id = self.0.connects.fetch_add(1, SeqCst);
        let presence = Presence::new(&self.0, scope);
        drop(self.0.door.lock().await);
        let reaction = *self.0.on_connect.lock().unwrap();
        reaction.happen(ErrorKind::ConnectFailed).await?;
        Ok(FakeConnection {
            id,
            scope: scope.clone(),
            alive: AtomicBool::new(!self.0.stillborn.load(SeqCst)),
            callers: AtomicUsize::new(0),
            turn: tokio::sync::Mutex::default(),
            restarts: self.0.restarts.load(SeqCst),
            presence,
        })
    }
}

impl Connection for FakeConnection {
    fn is_open(&self) -> bool {
        assert!(!self.presence.server.confused.load(SeqCst), "is it open?");
        self.alive.load(SeqCst) && self.restarts == self.presence.server.restarts.load(SeqCst)
    }

    fn is_stateless(&self) -> bool {
        self.presence.server.stateless.load(SeqCst)
    }

    fn max_in_flight(&self) -> usize {
        match self.presence.server.carries.load(SeqCst) {
            0 => usize::MAX,
            calls => calls,
        }
    }

    async fn ping(&self) -> Result<(), Error> {
        self.presence.server.pings.fetch_add(1, SeqCst);
        let reaction = *self.presence.server.on_ping.lock().unwrap();
        reaction.happen(ErrorKind::Disconnected).await
    }

    async fn close(&self) -> Result<(), Error> {
        let reaction = *self.presence.server.on_close.lock().unwrap();
        self.die();
        let result = reaction.happen(ErrorKind::Closed).await;
        self.presence.end();
        self.presence.server.closes.fetch_add(1, SeqCst);
        result
    }
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A pool with one server, and the fake behind it.
pub(crate) struct Set {
    pub(crate) fake: Arc<FakeServer>,
    pub(crate) pool: Pool<FakeConnector>,
    pub(crate) server: Server<FakeConnector>,
}

pub(crate) fn set(settings: SettingsBuilder) -> Set {
    let fake = Arc::new(FakeServer::default());
    let pool = Pool::new(settings.build().unwrap());
    let server = pool.server("fake", FakeConnector(Arc::clone(&fake))).add();
    Set { fake, pool, server }
}

pub(crate) fn exclusive(max: usize) -> Set {
    let settings = Settings::builder().max_connections(max);
    set(settings.sharing(mcp_pool::Sharing::Exclusive))
}

/// Lets every task that can run do so.
pub(crate) async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// At rest the figures add up, and there is nothing that they do not know of.
#[track_caller]
pub(crate) fn check_books(set: &Set, checkouts: u64) {
    let stats: PoolStats = set.pool.stats();
    assert_eq!(
        stats.opened,
        stats.closed.total() + stats.total_connections,
        "{stats:?}"
    );
    assert_eq!(
        stats.hits + stats.shares + stats.waits + stats.connects,
        checkouts,
        "{stats:?}"
    );
    assert_eq!(stats.active_connections, 0, "{stats:?}");
    assert_eq!(stats.available_connections, stats.total_connections);
    assert_eq!(set.fake.present() as u64, stats.total_connections);
}
