//! Ours among the peers: the pool, and the bare SDK, as clients that obey the same
//! commands as the others.

use std::{sync::Arc, time::Duration};

use mcp_domain::{Connection as _, Connector as _, Error, Operation, Scope};
use mcp_pool::{Pool, Server, Settings, Sharing};
use mcp_transport::ClientConnector;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    sync::OnceCell,
    task::JoinSet,
    time::Instant,
};

use super::driver::{Load, Memory, Times, broken};
use crate::{
    bare::Bare,
    connection::CLOSE,
    process::Usage,
    servers::Place,
    work::{self, Work},
};

const LEASE: Operation = Operation::new("lease");

/// The arguments of such a client.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    kind: Kind,
    url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    Pool,
    Rmcp,
}

/// What it may be told.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Command {
    Acquire { count: usize },
    Call { count: usize },
    Hello,
    Load { callers: usize, seconds: f64 },
    Memory { count: usize },
    Open,
    PerCall { count: usize },
}

/// Obeys until its input ends.
pub(crate) async fn serve(args: Args) -> Result<(), Error> {
    let client = Arc::new(Client::new(args)?);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut output = tokio::io::stdout();
    while let Some(line) = lines.next_line().await.map_err(broken)? {
        let answer = match serde_json::from_str(&line) {
            Ok(command) => client.obey(command).await,
            Err(error) => Err(broken(error.into())),
        };
        let answer = answer.unwrap_or_else(|error| json!({ "error": error.chain().to_string() }));
        let line = format!("{answer}\n");
        output.write_all(line.as_bytes()).await.map_err(broken)?;
        output.flush().await.map_err(broken)?;
    }
    client.pool.close(CLOSE).await;
    Ok(())
}

#[derive(Debug)]
struct Client {
    kind: Kind,
    place: Place,
    connector: ClientConnector,
    pool: Pool<ClientConnector>,
    server: Server<ClientConnector>,
    bare: OnceCell<Bare>,
}

impl Client {
    fn new(args: Args) -> Result<Self, Error> {
        let place = Place::Http(args.url);
        let connector = place.connector()?;
        let pool = Pool::new(Settings::default());
        Ok(Self {
            kind: args.kind,
            server: pool.server("measured", connector.clone()).add(),
            place,
            connector,
            pool,
            bare: OnceCell::new(),
        })
    }

    async fn bare(&self) -> Result<&Bare, Error> {
        self.bare.get_or_try_init(|| Bare::open(&self.place)).await
    }

    async fn obey(self: &Arc<Self>, command: Command) -> Result<Value, Error> {
        let answer = match command {
            Command::Hello => return Ok(json!({ "version": self.version() })),
            Command::Open => {
                self.call().await?;
                return Ok(json!({}));
            }
            Command::PerCall { count } => {
                serde_json::to_value(repeat(count, || self.per_call()).await?)
            }
            // An open session of the bare SDK is nothing that could be acquired.
            Command::Acquire { .. } if self.kind == Kind::Rmcp => {
                serde_json::to_value(Times { ns: Vec::new() })
            }
            Command::Acquire { count } => {
                let acquire = async || self.server.lease(LEASE).await.map(drop);
                serde_json::to_value(repeat(count, acquire).await?)
            }
            Command::Call { count } => serde_json::to_value(repeat(count, || self.call()).await?),
            Command::Load { callers, seconds } => {
                let lasts = Duration::from_secs_f64(seconds);
                serde_json::to_value(self.load(callers, lasts).await?)
            }
            Command::Memory { count } => serde_json::to_value(self.memory(count).await?),
        };
        answer.map_err(|error| broken(error.into()))
    }

    fn version(&self) -> String {
        let ours = env!("CARGO_PKG_VERSION");
        match self.kind {
            Kind::Pool => format!("mcp-pool {ours}"),
            Kind::Rmcp => "rmcp 3.9".to_owned(),
        }
    }

    /// A session for this call alone.
    async fn per_call(&self) -> Result<(), Error> {
        if self.kind == Kind::Rmcp {
            let bare = Bare::open(&self.place).await?;
            bare.run(Work::Query).await?;
            return bare.close().await;
        }
        let client = self.connector.connect(&Scope::default()).await?;
        work::query(&client).await?;
        client.close().await
    }

    async fn call(&self) -> Result<(), Error> {
        match self.kind {
            Kind::Pool => work::pooled_query(&self.server).await,
            Kind::Rmcp => self.bare().await?.run(Work::Query).await,
        }
    }

    /// So many callers, each with one call after the other.
    async fn load(self: &Arc<Self>, callers: usize, lasts: Duration) -> Result<Load, Error> {
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let client = Arc::clone(self);
            tasks.spawn(async move {
                let mut ns = Vec::new();
                let mut failures = Vec::new();
                while start.elapsed() < lasts {
                    let begin = Instant::now();
                    match client.call().await {
                        Ok(()) => ns.push(begin.elapsed().as_nanos() as u64),
                        Err(error) => failures.push(error.chain().to_string()),
                    }
                }
                (ns, failures)
            });
        }
        let (mut ns, mut failures) = (Vec::new(), Vec::new());
        while let Some(ended) = tasks.join_next().await {
            let (more, failed) = ended.map_err(|_| work::wrong("a caller"))?;
            ns.extend(more);
            failures.extend(failed);
        }
        Ok(Load {
            times: Times { ns },
            lasted: start.elapsed().as_nanos() as u64,
            failed: failures.len(),
            stuck: 0,
            first_failure: failures.into_iter().next(),
        })
    }

    /// What so many open sessions take, each of which has been used.
    async fn memory(&self, count: usize) -> Result<Memory, Error> {
        let resident = || Usage::of_this_process().map(|usage| usage.memory);
        let before = resident().map_err(broken)?;
        let after = match self.kind {
            Kind::Rmcp => {
                let mut open = Vec::new();
                for _ in 0..count {
                    let bare = Bare::open(&self.place).await?;
                    bare.run(Work::Query).await?;
                    open.push(bare);
                }
                let after = resident().map_err(broken)?;
                for bare in open {
                    bare.close().await?;
                }
                after
            }
            Kind::Pool => {
                let settings = Settings::builder()
                    .max_connections(count)
                    .sharing(Sharing::Exclusive)
                    .build();
                let pool = Pool::new(settings.unwrap_or_default());
                let server = pool.server("many", self.connector.clone()).add();
                let mut leases = Vec::new();
                for _ in 0..count {
                    let lease = server.lease(LEASE).await?;
                    work::query(&lease).await?;
                    leases.push(lease);
                }
                let after = resident().map_err(broken)?;
                drop(leases);
                pool.close(CLOSE).await;
                after
            }
        };
        Ok(Memory {
            bytes: after.saturating_sub(before),
            count: count as u64,
        })
    }
}

async fn repeat<F, Fut>(count: usize, once: F) -> Result<Times, Error>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(), Error>>,
{
    let mut ns = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        once().await?;
        ns.push(start.elapsed().as_nanos() as u64);
    }
    Ok(Times { ns })
}
