//! The peers: what others offer for the same job, on the same server and with the
//! same call.
//!
//! Every client runs in a process of its own and obeys the same commands (see
//! `benches/peers/driver.py`), ours too. They take turns, a few samples at a time.

use std::collections::BTreeMap;

use mcp_domain::Error;
use serde_json::json;

use self::{
    driver::{Driver, Load, Memory, Opened, Times, Version},
    install::PEERS,
};
use crate::{bench::Bench, sample::Samples, section::Section};

mod driver;
mod install;
pub(crate) mod ours;
mod tables;

/// Callers of the throughput columns.
const CALLERS: [usize; 3] = [1, 8, 64];

/// How often the throughput is measured, at full length.
const ROUNDS: usize = 3;

/// What was measured of one client.
#[derive(Debug, Default)]
struct Figures {
    name: &'static str,
    version: String,
    per_call: Samples,
    acquire: Samples,
    call: Samples,
    loads: BTreeMap<usize, Vec<Load>>,
    memory: Option<u64>,
    /// What is to be known of these figures.
    note: Option<&'static str>,
    /// What it could not do, and why.
    failed: Option<String>,
}

/// A client with its figures so far.
#[derive(Debug)]
struct Client {
    driver: Option<Driver>,
    figures: Figures,
}

impl Client {
    /// Takes an answer to a command, or notes that it failed, and is not asked again.
    async fn ask<T: serde::de::DeserializeOwned>(
        &mut self,
        command: serde_json::Value,
    ) -> Option<T> {
        let driver = self.driver.as_mut()?;
        match driver.ask(&command).await {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.figures.failed = Some(error.chain().to_string());
                None
            }
        }
    }
}

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Section>, Error> {
    let mut clients = start(bench).await?;
    for client in &mut clients {
        if let Some(Version { version }) = client.ask(json!({ "do": "hello" })).await {
            client.figures.version = version;
        }
        // Loads what the first connect needs.
        let _: Option<Times> = client.ask(json!({ "do": "per_call", "count": 2 })).await;
        let _: Option<Opened> = client.ask(json!({ "do": "open" })).await;
        let _: Option<Times> = client.ask(json!({ "do": "call", "count": 50 })).await;
    }
    let rounds = bench.effort.of(20);
    let mut bar = bench.progress.steps("peers: latency", rounds);
    for _ in 0..rounds {
        for client in &mut clients {
            for (what, count) in [("per_call", 3), ("acquire", 100), ("call", 30)] {
                let command = json!({ "do": what, "count": count });
                if let Some(times) = client.ask::<Times>(command).await {
                    let figures = &mut client.figures;
                    let samples = match what {
                        "per_call" => &mut figures.per_call,
                        "acquire" => &mut figures.acquire,
                        _ => &mut figures.call,
                    };
                    samples.extend(times.samples());
                }
            }
        }
        bar.step();
    }
    throughput(bench, &mut clients).await;
    for client in &mut clients {
        let count = bench.effort.of(50);
        let command = json!({ "do": "memory", "count": count });
        let memory = client.ask::<Memory>(command).await;
        client.figures.memory = memory.map(|memory| memory.bytes / memory.count.max(1));
    }
    let mut all = Vec::new();
    for client in clients {
        if let Some(driver) = client.driver {
            driver.end().await?;
        }
        all.push(client.figures);
    }
    Ok(tables::of(&all))
}

async fn throughput(bench: &Bench, clients: &mut [Client]) {
    let rounds = if bench.effort.quick { 1 } else { ROUNDS };
    let seconds = if bench.effort.quick { 0.2 } else { 1.0 };
    let mut bar = bench
        .progress
        .steps("peers: throughput", rounds * CALLERS.len());
    for _ in 0..rounds {
        for callers in CALLERS {
            for client in clients.iter_mut() {
                let command = json!({ "do": "load", "callers": callers, "seconds": seconds });
                if let Some(load) = client.ask::<Load>(command).await {
                    client.figures.loads.entry(callers).or_default().push(load);
                }
            }
            bar.step();
        }
    }
}

/// Ours, the bare SDK, and those of the others that can be installed.
async fn start(bench: &Bench) -> Result<Vec<Client>, Error> {
    let url = bench.servers.url();
    let mut clients = Vec::new();
    let from_uri = "bare rmcp builds an HTTP client for each session, as the SDK's own `from_uri` does, which is in the time of *connect, call, close*; ours builds one for all.";
    for (name, kind, note) in [
        ("mcp-pool", "pool", None),
        ("bare rmcp", "rmcp", Some(from_uri)),
    ] {
        clients.push(Client {
            driver: Some(Driver::ours(kind, url)?),
            figures: Figures {
                name,
                note,
                ..Figures::default()
            },
        });
    }
    for peer in PEERS {
        let mut figures = Figures {
            name: peer.name,
            note: peer.note,
            ..Figures::default()
        };
        // Takes minutes where nothing is there yet.
        let shown = bench.progress.wait(&format!("installing {}", peer.name));
        let driver = match peer.install().await {
            Ok(command) => Some(Driver::start(command, url)?),
            Err(why) => {
                figures.failed = Some(why);
                None
            }
        };
        drop(shown);
        clients.push(Client { driver, figures });
    }
    Ok(clients)
}
