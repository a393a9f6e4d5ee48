//! An agent's session as it really goes, cold and pooled.

use std::{ops::Range, sync::Arc};

use mcp_domain::{Connection as _, Connector as _, Error, Operation, Scope};
use mcp_pool::{Pool, Server, Settings};
use mcp_transport::{Client, ClientConnector};
use tokio::{task::JoinSet, time::Instant};

use self::plan::{ALONE, FAN_OUT, PREPARE, SLOW, Step};
use crate::{
    bench::Bench,
    connection::CLOSE,
    sample::Samples,
    section::{Cell, Section, column},
    servers::Transport,
    turns::{by_turns, timed},
    work::wrong,
};

mod plan;

const STEP: Operation = Operation::new("step").repeatable();
const AGENTS: usize = 10;

/// What an agent's calls run on.
#[derive(Clone, Debug)]
enum Desk {
    /// A session for each call.
    PerCall(ClientConnector),
    /// A session that is open.
    Session(Arc<Client>),
    Pool(Server<ClientConnector>),
}

impl Desk {
    /// Takes one step, and makes sure that it did its work.
    async fn take(&self, step: Step) -> Result<(), Error> {
        let answer = match self {
            Self::PerCall(connector) => {
                let client = connector.connect(&Scope::default()).await?;
                let answer = step.ask(&client).await;
                client.close().await?;
                answer
            }
            Self::Session(client) => step.ask(client).await,
            Self::Pool(server) => {
                let ask = |client: Arc<Client>| async move { step.ask(&client).await };
                server.run(STEP, ask).await
            }
        };
        step.check(answer)
    }

    async fn one_by_one(&self, steps: &[Step]) -> Result<(), Error> {
        for step in steps {
            self.take(*step).await?;
        }
        Ok(())
    }

    async fn in_parallel(&self, steps: &[Step]) -> Result<(), Error> {
        let mut tasks = JoinSet::new();
        for step in steps.iter().copied() {
            let desk = self.clone();
            tasks.spawn(async move { desk.take(step).await });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(|_| wrong("a parallel step"))??;
        }
        Ok(())
    }
}

/// The two shapes of a session.
#[derive(Clone, Copy, Debug)]
enum Shape {
    OneByOne,
    FanOut,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::OneByOne => "10 calls, one at a time",
            Self::FanOut => "9 calls, 4 of them in parallel",
        }
    }

    async fn run(self, desk: &Desk) -> Result<(), Error> {
        desk.one_by_one(&PREPARE).await?;
        match self {
            Self::OneByOne => desk.one_by_one(&ALONE).await,
            Self::FanOut => desk.in_parallel(&FAN_OUT).await,
        }
    }
}

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Section>, Error> {
    Ok(vec![sessions(bench).await?, ten_agents(bench).await?])
}

async fn sessions(bench: &Bench) -> Result<Section, Error> {
    let columns = [
        column("transport", "transport"),
        column("shape", "an agent's session"),
        column("per_call_us", "a session per call"),
        column("cold_us", "a session per agent"),
        column("pooled_us", "pooled"),
        column("over_per_call", "per call / pooled").judged(),
        column("over_cold", "per agent / pooled").judged(),
        column("samples", "samples"),
    ];
    let mut section = Section::new("agent", "An agent's session", &columns).about(&[
        "List the tools, list the tables, describe three, three selects, one that fails and its correction; or, after describing, four selects in parallel.",
        "*A session per agent* is opened for the calls and closed after them: the best that can be done without a pool.",
        "There is no time to think between the calls.",
    ]);
    for transport in Transport::ALL {
        let connector = bench.servers.connector(transport)?;
        let pool = Pool::new(Settings::default());
        let server = pool.server("measured", connector.clone()).add();
        for shape in [Shape::OneByOne, Shape::FanOut] {
            let desks = (Desk::PerCall(connector.clone()), Desk::Pool(server.clone()));
            let row = bench.row(&format!("agent: {transport}"), 500);
            let per_call = || timed(shape.run(&desks.0));
            let per_agent = || timed(cold(&connector, shape));
            let pooled = || timed(shape.run(&desks.1));
            let times = by_turns(2, row, [&per_call, &per_agent, &pooled]).await?;
            section.row(vec![
                Cell::word(transport.name()),
                Cell::word(shape.name()),
                Cell::times(&times[0]),
                Cell::times(&times[1]),
                Cell::times(&times[2]),
                Cell::ratio(&times[0], &times[2]),
                Cell::ratio(&times[1], &times[2]),
                Cell::count(times[0].len()),
            ]);
        }
        pool.close(CLOSE).await;
    }
    Ok(section)
}

/// A session of its own, for all calls of one agent.
async fn cold(connector: &ClientConnector, shape: Shape) -> Result<(), Error> {
    let client = Arc::new(connector.connect(&Scope::default()).await?);
    shape.run(&Desk::Session(Arc::clone(&client))).await?;
    client.close().await
}

async fn ten_agents(bench: &Bench) -> Result<Section, Error> {
    let columns = [
        column("transport", "transport"),
        column("what", "what takes"),
        column("per_call_us", "a session per call"),
        column("one_us", "one session for all"),
        column("pooled_us", "pooled"),
        column("over_per_call", "per call / pooled").judged(),
        column("over_one", "one for all / pooled").judged(),
        column("samples", "samples"),
    ];
    let mut section = Section::new("ten-agents", "Ten agents, one with a slow query", &columns)
        .about(&[
            "Nine agents go through the session of 10 calls at the same time, while the tenth runs one slow query on the same server: what does it do to the nine?",
            "*A session per call* is direct: every call opens its own, and closes it. *One session for all*: a single one, held open, that nobody checks, limits or replaces. All three by turns.",
            "The slow query takes one core of the machine in any case, and most of its time is the database's.",
        ]);
    for transport in [Transport::Stdio, Transport::Http] {
        let connector = bench.servers.connector(transport)?;
        let pool = Pool::new(Settings::default());
        let server = pool.server("measured", connector.clone()).add();
        let shared = Arc::new(connector.connect(&Scope::default()).await?);
        let desks = [
            Desk::PerCall(connector.clone()),
            Desk::Session(Arc::clone(&shared)),
            Desk::Pool(server),
        ];
        for desk in &desks {
            // Not counted; a slow query warms nothing.
            round(
                desk,
                1..AGENTS,
                &mut Samples::default(),
                &mut Samples::default(),
            )
            .await?;
        }
        let mut nine: [Samples; 3] = Default::default();
        let mut slow: [Samples; 3] = Default::default();
        let mut row = bench.row(&format!("ten agents: {transport}"), 20);
        while row.goes_on() {
            for (index, desk) in desks.iter().enumerate() {
                round(desk, 0..AGENTS, &mut nine[index], &mut slow[index]).await?;
            }
        }
        for (what, times) in [("each of the nine", &nine), ("the slow query", &slow)] {
            section.row(vec![
                Cell::word(transport.name()),
                Cell::word(what),
                Cell::times(&times[0]),
                Cell::times(&times[1]),
                Cell::times(&times[2]),
                Cell::ratio(&times[0], &times[2]),
                Cell::ratio(&times[1], &times[2]),
                Cell::count(times[0].len()),
            ]);
        }
        drop(desks);
        shared.close().await?;
        pool.close(CLOSE).await;
    }
    Ok(section)
}

/// These agents at once, of which the first one has the slow query; each is a sample.
async fn round(
    desk: &Desk,
    agents: Range<usize>,
    nine: &mut Samples,
    slow: &mut Samples,
) -> Result<(), Error> {
    let mut tasks = JoinSet::new();
    for agent in agents {
        let desk = desk.clone();
        tasks.spawn(async move {
            let start = Instant::now();
            let result = match agent {
                0 => desk.take(SLOW).await,
                _ => Shape::OneByOne.run(&desk).await,
            };
            (agent, start.elapsed(), result)
        });
    }
    while let Some(ended) = tasks.join_next().await {
        let (agent, took, result) = ended.map_err(|_| wrong("an agent"))?;
        result?;
        if agent == 0 {
            slow.push(took);
        } else {
            nine.push(took);
        }
    }
    Ok(())
}
