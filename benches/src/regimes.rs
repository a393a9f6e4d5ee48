//! The regimes of the case studies: the same tables on a longer way.

use std::{sync::Arc, time::Duration};

use futures::future::try_join_all;
use mcp_domain::{Connection as _, Connector as _, Error, Operation, Scope};
use mcp_plugin_db::{Access, DatabasePlugin};
use mcp_pool::{Pool, Settings};
use mcp_transport::{ClientConnector, Lifecycle};
use tokio::time::Instant;

use crate::{
    bench::Bench,
    connection::{CLOSE, LIFECYCLES},
    crowd::at_once,
    plot::median,
    relay::Relay,
    sample::Samples,
    section::Section,
    servers::Place,
    words,
    work::{self, Work},
};

mod tables;

const CHECKOUT: Operation = Operation::new("checkout");

/// The workers of the case study.
const WORKERS: [usize; 3] = [1, 3, 5];

/// How many do the same at the same time, not to wait for one another: they all
/// wait for the way, and nobody for the machine. As many as an interval of a median needs,
/// so that on the longest way one turn of each is enough for it.
const LANES: usize = 6;

/// The sockets of one caller: those of a direct session and of a pooled one, of which each has
/// one for its calls and one to listen on, that is gone with it.
const SOCKETS: usize = 4;

/// The callers of all tables of a regime, in each lane.
const CALLERS: usize = LIFECYCLES.len() + Work::ALL.len() + WORKERS[0] + WORKERS[1] + WORKERS[2];

/// The case study of an agent, which has tables of its own.
const AGENT: &str = "case study A";

/// How long a direct connect took in the two case studies.
const STUDIES: [(&str, Duration); 2] = [
    (AGENT, Duration::from_millis(103)),
    ("case study B", Duration::from_millis(2168)),
];

/// A longer way.
#[derive(Clone, Copy, Debug)]
struct Regime {
    name: &'static str,
    rtt: Duration,
}

/// What was measured in one regime.
#[derive(Debug)]
struct Measured {
    regime: Regime,
    /// By lifecycle: `initialize`, which the case studies had, and `discover`.
    lives: Vec<(&'static str, Life)>,
    operations: Vec<(Work, Pair)>,
    workers: Vec<(usize, Pair)>,
}

/// The same, direct and pooled.
#[derive(Debug, Default)]
struct Pair {
    direct: Samples,
    pooled: Samples,
}

/// A session and a pool, from the beginning to the end.
#[derive(Debug, Default)]
struct Life {
    build: Samples,
    connect: Samples,
    close: Samples,
    first: Samples,
    reuse: Samples,
    first_query: Samples,
    next_query: Samples,
}

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Section>, Error> {
    let regimes = match bench.rtt {
        Some(rtt) => vec![Regime { name: "--rtt", rtt }],
        None => calibrated(bench).await?.to_vec(),
    };
    // At the same time: what is measured is waiting, and nobody waits for the machine.
    let measured = try_join_all(regimes.into_iter().map(|regime| one(bench, regime))).await?;
    let mut sections = Vec::new();
    if bench.rtt.is_none() {
        sections.push(tables::beside(&measured));
    }
    sections.extend([
        tables::connections(&measured),
        tables::operations(&measured),
        tables::workers(&measured),
    ]);
    Ok(sections)
}

/// The round trips that bring a direct connect to what the case studies had.
async fn calibrated(bench: &Bench) -> Result<[Regime; 2], Error> {
    const NEAR: Duration = Duration::from_millis(10);
    const FAR: Duration = Duration::from_millis(90);
    let (near, far) = tokio::try_join!(connect_time(bench, NEAR), connect_time(bench, FAR))?;
    // A connect takes so many whole round trips, and a rest that does not depend on the way.
    let trips = ((far - near) / (FAR - NEAR).as_secs_f64()).round().max(1.0);
    let rest = near - trips * NEAR.as_secs_f64();
    Ok(STUDIES.map(|(name, target)| Regime {
        name,
        rtt: Duration::from_secs_f64((target.as_secs_f64() - rest).max(0.0) / trips),
    }))
}

/// The median of a few direct connects without their close, in seconds.
async fn connect_time(bench: &Bench, rtt: Duration) -> Result<f64, Error> {
    let way = Way::open(bench, rtt, LANES * SOCKETS).await?;
    let connector = way.connector(Lifecycle::Initialize)?;
    let lives = whole_lives(connector, Duration::ZERO).await?;
    Ok(median(&lives.connect).unwrap_or_default() / 1e6)
}

/// All tables of one regime, at the same time.
async fn one(bench: &Bench, regime: Regime) -> Result<Measured, Error> {
    let shown = words::time(regime.rtt.as_secs_f64() * 1e6);
    let _bar = bench
        .progress
        .steps(&format!("with a round trip of {shown}"), 1);
    let way = Way::open(bench, regime.rtt, LANES * CALLERS * SOCKETS).await?;
    let time = bench.effort.time(Duration::from_secs(6));
    let lives = LIFECYCLES.map(|(lifecycle, name)| {
        let connector = way.connector(lifecycle);
        async move { Ok::<_, Error>((name, whole_lives(connector?, time).await?)) }
    });
    let operations = Work::ALL.map(|work| {
        let connector = way.connector(Lifecycle::Initialize);
        async move { Ok::<_, Error>((work, operation(connector?, work, time).await?)) }
    });
    let workers = WORKERS.map(|workers| {
        let connector = way.connector(Lifecycle::Initialize);
        async move { Ok::<_, Error>((workers, crowd(connector?, workers, time).await?)) }
    });
    let (lives, operations, workers) = tokio::try_join!(
        try_join_all(lives),
        try_join_all(operations),
        try_join_all(workers)
    )?;
    Ok(Measured {
        regime,
        lives,
        operations,
        workers,
    })
}

async fn whole_lives(connector: ClientConnector, time: Duration) -> Result<Life, Error> {
    let mut all = Life::default();
    let start = Instant::now();
    while all.connect.len() == 0 || start.elapsed() < time {
        for life in try_join_all((0..LANES).map(|_| live(connector.clone()))).await? {
            all.build.extend(life.build);
            all.connect.extend(life.connect);
            all.close.extend(life.close);
            all.first.extend(life.first);
            all.reuse.extend(life.reuse);
            all.first_query.extend(life.first_query);
            all.next_query.extend(life.next_query);
        }
    }
    Ok(all)
}

async fn live(connector: ClientConnector) -> Result<Life, Error> {
    let mut life = Life::default();
    let start = Instant::now();
    let client = connector.connect(&Scope::default()).await?;
    life.connect.since(start);
    let start = Instant::now();
    client.close().await?;
    life.close.since(start);

    let start = Instant::now();
    let pool = Pool::new(Settings::default());
    let server = pool.server("measured", connector.clone()).add();
    life.build.since(start);
    let start = Instant::now();
    drop(server.lease(CHECKOUT).await?);
    life.first.since(start);
    for _ in 0..100 {
        let start = Instant::now();
        let lease = server.lease(CHECKOUT).await?;
        life.reuse.since(start);
        drop(lease);
    }
    pool.close(CLOSE).await;

    let pool = Pool::new(Settings::default());
    let server = pool.server("measured", connector).add();
    for times in [&mut life.first_query, &mut life.next_query] {
        let start = Instant::now();
        work::pooled_query(&server).await?;
        times.since(start);
    }
    pool.close(CLOSE).await;
    Ok(life)
}

/// A plugin of each mode; the pooled one warm.
async fn plugins(connector: ClientConnector) -> Result<[Arc<DatabasePlugin>; 2], Error> {
    let plugin = |access| {
        let builder = DatabasePlugin::builder(connector.clone());
        Arc::new(builder.access(access).build())
    };
    let plugins = [Access::Direct, Access::Pooled].map(plugin);
    for _ in 0..2 {
        try_join_all((0..LANES).map(|_| Work::Query.run(&plugins[1]))).await?;
    }
    Ok(plugins)
}

/// One operation, direct and pooled by turns, in every lane.
async fn operation(connector: ClientConnector, work: Work, time: Duration) -> Result<Pair, Error> {
    let [direct, pooled] = plugins(connector).await?;
    let once = async || {
        let start = Instant::now();
        work.run(&direct).await?;
        let direct = start.elapsed();
        let start = Instant::now();
        work.run(&pooled).await?;
        Ok::<_, Error>((direct, start.elapsed()))
    };
    let mut pair = Pair::default();
    let start = Instant::now();
    while pair.direct.len() == 0 || start.elapsed() < time {
        for (direct, pooled) in try_join_all((0..LANES).map(|_| once())).await? {
            pair.direct.push(direct);
            pair.pooled.push(pooled);
        }
    }
    pooled.close(CLOSE).await;
    Ok(pair)
}

/// So many workers at once, direct and pooled by turns.
async fn crowd(connector: ClientConnector, workers: usize, time: Duration) -> Result<Pair, Error> {
    let mut all = Pair::default();
    let lanes = (0..LANES).map(|_| one_crowd(connector.clone(), workers, time));
    for pair in try_join_all(lanes).await? {
        all.direct.extend(pair.direct);
        all.pooled.extend(pair.pooled);
    }
    Ok(all)
}

/// A crowd with a pool of its own.
async fn one_crowd(
    connector: ClientConnector,
    workers: usize,
    time: Duration,
) -> Result<Pair, Error> {
    let plugins = plugins(connector).await?;
    let round = async |plugin: &Arc<DatabasePlugin>| {
        let call = || {
            let plugin = Arc::clone(plugin);
            async move { Work::Query.run(&plugin).await }
        };
        at_once(workers, call).await.served()
    };
    let mut pair = Pair::default();
    let start = Instant::now();
    while pair.direct.len() == 0 || start.elapsed() < time {
        pair.direct.push(round(&plugins[0]).await?);
        pair.pooled.push(round(&plugins[1]).await?);
    }
    plugins[1].close(CLOSE).await;
    Ok(pair)
}

/// The HTTP server behind a relay, with sockets open that lead there.
#[derive(Debug)]
struct Way(Relay);

impl Way {
    async fn open(bench: &Bench, rtt: Duration, sockets: usize) -> Result<Self, Error> {
        let server = bench.servers.http_address()?;
        let way = Self(Relay::start(server, rtt).await?);
        way.open_sockets(sockets).await?;
        Ok(way)
    }

    /// So that nobody pays for a new one.
    async fn open_sockets(&self, sockets: usize) -> Result<(), Error> {
        let connector = self.connector(Lifecycle::Discover)?;
        let open = (0..sockets).map(|_| async { connector.connect(&Scope::default()).await });
        let clients = try_join_all(open).await?;
        try_join_all(clients.iter().map(|client| client.close())).await?;
        Ok(())
    }

    fn connector(&self, lifecycle: Lifecycle) -> Result<ClientConnector, Error> {
        let place = Place::Http(format!("http://{}/mcp", self.0.address()));
        Ok(place.connector()?.with_lifecycle(lifecycle))
    }
}
