//! Random stories on two servers with two scopes and the process-wide one each, and
//! what must hold after every step of them.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use mcp_domain::{Connection as _, ErrorKind, Operation, Scope};
use mcp_pool::{Lease, Pool, Server, Settings, Sharing};
use proptest::prelude::*;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::fake::{FakeConnection, FakeConnector, FakeServer, Reaction, settle};

const CALL: Operation = Operation::new("call").repeatable();
const MAX_CONNECTIONS: usize = 2;
const MAX_TOTAL: usize = 5;
const MAX_IN_FLIGHT: usize = 3;
/// The last of them is the process-wide one, for which a minimum is kept.
const SCOPES: usize = 3;
const MIN_CONNECTIONS: usize = 1;

/// Which server and which of its scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    server: usize,
    scope: usize,
}

#[derive(Clone, Debug)]
enum Step {
    /// A caller asks for a connection of its own.
    Lease(Key),
    /// The lease that was got first, second, ... ends.
    Release(usize),
    /// Its connection is not wanted back.
    Discard(usize),
    /// Its connection dies.
    Kill(usize),
    /// A call of so many milliseconds begins.
    Call(Key, u16),
    /// So many of them, one right after the other.
    Calls(Key, u16, u8),
    /// A caller gives up, at whatever point it is.
    GiveUp(usize),
    /// All connections of a server die, also those that nobody uses.
    Restart(usize),
    Connects(usize, Goes),
    Closes(usize, Goes),
    Pings(usize, Goes),
    /// Milliseconds go by.
    Wait(u16),
}

/// How connecting and closing goes from now on.
#[derive(Clone, Copy, Debug)]
enum Goes {
    Well,
    Slowly,
    Wrong,
}

impl Goes {
    fn reaction(self) -> Reaction {
        match self {
            Self::Well => Reaction::Ok,
            Self::Slowly => Reaction::After(Duration::from_millis(700)),
            Self::Wrong => Reaction::Fail,
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || (0..2usize, 0..SCOPES).prop_map(|(server, scope)| Key { server, scope });
    let goes =
        || prop_oneof![3 => Just(Goes::Well), 1 => Just(Goes::Slowly), 1 => Just(Goes::Wrong)];
    let step = prop_oneof![
        6 => key().prop_map(Step::Lease),
        5 => (0..8usize).prop_map(Step::Release),
        1 => (0..8usize).prop_map(Step::Discard),
        1 => (0..8usize).prop_map(Step::Kill),
        6 => (key(), 0..3000u16).prop_map(|(key, time)| Step::Call(key, time)),
        2 => (key(), 0..1500u16, 2..8u8).prop_map(|(key, time, calls)| Step::Calls(key, time, calls)),
        2 => (0..8usize).prop_map(Step::GiveUp),
        1 => (0..2usize).prop_map(Step::Restart),
        1 => (0..2usize, goes()).prop_map(|(server, goes)| Step::Connects(server, goes)),
        1 => (0..2usize, goes()).prop_map(|(server, goes)| Step::Closes(server, goes)),
        1 => (0..2usize, goes()).prop_map(|(server, goes)| Step::Pings(server, goes)),
        4 => (0..2000u16).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..80)
}

/// A caller who may still wait for its connection.
struct Caller {
    key: Key,
    /// Wants a lease; a call may also be pausing before it is repeated.
    leases: bool,
    since: Instant,
    task: JoinHandle<Result<Option<Lease<FakeConnector>>, ErrorKind>>,
}

struct World {
    sharing: Sharing,
    pool: Pool<FakeConnector>,
    fakes: [Arc<FakeServer>; 2],
    handles: HashMap<Key, Server<FakeConnector>>,
    callers: Vec<Caller>,
    leases: Vec<Lease<FakeConnector>>,
    /// Connections that were handed to somebody, as those saw it.
    checkouts: Arc<AtomicU64>,
}

impl World {
    fn new(sharing: Sharing) -> Self {
        let settings = Settings::builder()
            .max_connections(MAX_CONNECTIONS)
            .max_total(MAX_TOTAL)
            .max_in_flight(MAX_IN_FLIGHT)
            .min_connections(MIN_CONNECTIONS)
            .idle_timeout(Duration::from_secs(4))
            .health_check_interval(Duration::from_secs(3))
            .max_connection_age(Duration::from_secs(30))
            .sharing(sharing);
        let pool = Pool::new(settings.build().unwrap());
        let fakes = [Arc::<FakeServer>::default(), Arc::default()];
        let mut handles = HashMap::new();
        for (server, fake) in fakes.iter().enumerate() {
            let handle = pool
                .server(format!("server {server}"), FakeConnector(Arc::clone(fake)))
                .add();
            fake.stateless.store(sharing == Sharing::Auto, SeqCst);
            for scope in 0..SCOPES {
                let key = Key { server, scope };
                handles.insert(key, handle.scoped(Self::scope(key)));
            }
        }
        Self {
            sharing,
            pool,
            fakes,
            handles,
            callers: Vec::new(),
            leases: Vec::new(),
            checkouts: Arc::default(),
        }
    }

    fn scope(key: Key) -> Scope {
        match key.scope + 1 {
            SCOPES => Scope::default(),
            scope => Scope::new(format!("scope {scope}")),
        }
    }

    async fn play(&mut self, step: Step) {
        match step {
            Step::Lease(key) => self.lease(key),
            Step::Call(key, time) => self.calls(key, Duration::from_millis(time.into()), 1),
            Step::Calls(key, time, calls) => {
                self.calls(key, Duration::from_millis(time.into()), calls);
            }
            Step::Release(number) => drop(self.nth_lease(number)),
            Step::Discard(number) => {
                if let Some(lease) = self.nth_lease(number) {
                    lease.discard();
                }
            }
            Step::Kill(number) => {
                if let Some(lease) = self.nth_lease(number) {
                    lease.die();
                }
            }
            Step::GiveUp(number) => {
                if let Some(caller) = self.callers.get(number) {
                    caller.task.abort();
                }
            }
            Step::Restart(server) => self.fakes[server].restart(),
            Step::Connects(server, goes) => {
                FakeServer::set(&self.fakes[server].on_connect, goes.reaction());
            }
            Step::Closes(server, goes) => {
                FakeServer::set(&self.fakes[server].on_close, goes.reaction());
            }
            Step::Pings(server, goes) => {
                FakeServer::set(&self.fakes[server].on_ping, goes.reaction());
            }
            Step::Wait(time) => sleep(Duration::from_millis(time.into())).await,
        }
        settle().await;
        self.hear_from_callers().await;
    }

    fn nth_lease(&mut self, number: usize) -> Option<Lease<FakeConnector>> {
        (number < self.leases.len()).then(|| self.leases.remove(number))
    }

    fn lease(&mut self, key: Key) {
        let server = self.handles[&key].clone();
        let checkouts = Arc::clone(&self.checkouts);
        let task = tokio::spawn(async move {
            let lease = server.lease(CALL).await.map_err(|error| error.kind())?;
            checkouts.fetch_add(1, SeqCst);
            assert!(lease.is_open(), "a dead connection was handed out");
            assert_eq!(lease.scope, Self::scope(key));
            assert_eq!(lease.callers.load(SeqCst), 0, "a lease is not alone");
            Ok(Some(lease))
        });
        self.add_caller(key, true, task);
    }

    fn calls(&mut self, key: Key, time: Duration, calls: u8) {
        let server = self.handles[&key].clone();
        let checkouts = Arc::clone(&self.checkouts);
        let most = match self.sharing {
            Sharing::Exclusive => 1,
            _ => MAX_IN_FLIGHT,
        };
        let task = tokio::spawn(async move {
            let call = |connection: Arc<FakeConnection>| {
                checkouts.fetch_add(1, SeqCst);
                async move {
                    assert!(connection.is_open(), "a dead connection was handed out");
                    assert_eq!(connection.scope, Self::scope(key));
                    let callers = connection.call(time).await?;
                    assert!(callers <= most, "{callers} callers on one connection");
                    Ok(())
                }
            };
            for _ in 0..calls {
                let result = server.run(CALL, call).await;
                result.map_err(|error| error.kind())?;
            }
            Ok(None)
        });
        self.add_caller(key, false, task);
    }

    fn add_caller(
        &mut self,
        key: Key,
        leases: bool,
        task: JoinHandle<Result<Option<Lease<FakeConnector>>, ErrorKind>>,
    ) {
        self.callers.push(Caller {
            key,
            leases,
            since: Instant::now(),
            task,
        });
    }

    async fn hear_from_callers(&mut self) {
        let mut still = Vec::new();
        for caller in std::mem::take(&mut self.callers) {
            if !caller.task.is_finished() {
                still.push(caller);
                continue;
            }
            match caller.task.await {
                Ok(Ok(lease)) => self.leases.extend(lease),
                Ok(Err(kind)) => assert!(
                    matches!(
                        kind,
                        ErrorKind::ConnectFailed
                            | ErrorKind::ConnectTimeout
                            | ErrorKind::WaitTimeout
                    ),
                    "{kind:?} after {:?}",
                    caller.since.elapsed()
                ),
                Err(error) => assert!(error.is_cancelled(), "{error}"),
            }
        }
        self.callers = still;
        settle().await;
    }

    fn check(&self) {
        let stats = self.pool.stats();
        // The limits.
        let present = self.fakes.each_ref().map(|fake| fake.present());
        assert!(present.iter().sum::<usize>() <= MAX_TOTAL, "{stats:?}");
        for key in self.handles.keys() {
            let present = self.fakes[key.server].present_in(&Self::scope(*key));
            assert!(
                present <= MAX_CONNECTIONS,
                "{present} connections of {key:?}"
            );
        }
        // The books.
        assert_eq!(
            stats.opened,
            stats.closed.total() + stats.total_connections,
            "{stats:?}"
        );
        assert_eq!(
            stats.available_connections + stats.active_connections,
            stats.total_connections,
        );
        let checkouts = stats.hits + stats.shares + stats.waits + stats.connects;
        assert_eq!(checkouts, self.checkouts.load(SeqCst), "{stats:?}");
        assert!(stats.active_connections as usize >= self.leases.len());
        for (key, server) in &self.handles {
            let fake = &self.fakes[key.server];
            let stats = server.stats();
            let waits = |caller: &Caller| caller.key == *key && caller.leases;
            let waits = self.callers.iter().any(waits);
            let idle = stats.available_connections > 0 && stats.active_connections == 0;
            let answers = matches!(*fake.on_ping.lock().unwrap(), Reaction::Ok);
            let refuses = matches!(*fake.on_connect.lock().unwrap(), Reaction::Fail);
            // Nobody waits for what cannot come,
            let hopeless = refuses
                && fake.present_in(&Self::scope(*key)) == 0
                && present.iter().sum::<usize>() < MAX_TOTAL;
            assert!(!(waits && hopeless), "somebody waits in vain: {stats:?}");
            // nor beside an idle connection.
            assert!(
                !(waits && idle && answers),
                "somebody waits beside {stats:?}"
            );
        }
    }

    /// All that is wrong ends; then everybody is served, and everything can be closed.
    async fn end(mut self) {
        for fake in &self.fakes {
            FakeServer::set(&fake.on_connect, Reaction::Ok);
            FakeServer::set(&fake.on_close, Reaction::Ok);
            FakeServer::set(&fake.on_ping, Reaction::Ok);
        }
        while !self.callers.is_empty() || !self.leases.is_empty() {
            self.leases.clear();
            let oldest = self.callers.iter().map(|caller| caller.since).min();
            let waited = oldest.map_or(Duration::ZERO, |since| since.elapsed());
            assert!(waited < Duration::from_secs(70), "somebody waits for ever");
            sleep(Duration::from_millis(100)).await;
            self.hear_from_callers().await;
        }
        self.check();
        // Abandoned calls are drained by then, what is idle is closed, and minima are
        // restored, however long connects have failed.
        sleep(Duration::from_secs(60)).await;
        settle().await;
        assert_eq!(self.pool.stats().active_connections, 0);
        for (key, server) in &self.handles {
            let stats = server.stats();
            let is_kept = key.scope + 1 == SCOPES && stats.opened > 0;
            let kept = if is_kept { MIN_CONNECTIONS as u64 } else { 0 };
            assert_eq!(stats.total_connections, kept, "{key:?}: {stats:?}");
        }
        let report = self.pool.close(Duration::from_secs(30)).await;
        assert_eq!(report.abandoned, 0);
        assert_eq!(self.fakes.each_ref().map(|fake| fake.present()), [0, 0]);
        self.check();
    }
}

fn play(sharing: Sharing, steps: Vec<Step>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::new(sharing);
        for step in steps {
            world.play(step).await;
            world.check();
        }
        world.end().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn exclusive_connections_keep_every_promise(steps in steps()) {
        play(Sharing::Exclusive, steps);
    }

    #[test]
    fn connections_that_may_be_shared_keep_every_promise(steps in steps()) {
        play(Sharing::Auto, steps);
    }

    #[test]
    fn shared_connections_keep_every_promise(steps in steps()) {
        play(Sharing::Shared, steps);
    }
}
