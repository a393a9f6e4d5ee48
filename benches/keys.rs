//! What many keys cost: finding one among 1, 1,000 and 100,000, evicting, waiting, and
//! the memory that each takes.
//!
//! `cargo bench -p mcp-bench --bench keys`

use std::{fs, io, sync::Arc, time::Duration};

use deadpool::managed;
use futures::future::join_all;
use mcp_domain::{Error, Operation, Scope};
use mcp_pool::{Pool, Server, Settings};
use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};

#[path = "parts/nothing.rs"]
mod nothing;
#[path = "parts/turns.rs"]
mod turns;

use self::{nothing::Opener, turns::Turns};

const CALL: Operation = Operation::new("call");

fn main() -> io::Result<()> {
    lookup()?;
    eviction()?;
    waiting()
}

/// A server with one open connection in each of so many scopes.
#[expect(clippy::expect_used, reason = "nothing can be measured without them")]
fn crowded(runtime: &Runtime, scopes: usize, max_total: usize) -> Server<Opener> {
    let settings = Settings::builder()
        .max_total(max_total)
        .check_after_idle(Duration::MAX)
        .build()
        .expect("settings that make sense");
    let server = Pool::new(settings).server("nothing", Opener).add();
    runtime.block_on(async {
        for number in 0..scopes {
            let lease = server.scoped(scope(number)).lease(CALL).await;
            drop(lease.expect("a connection"));
        }
    });
    server
}

fn scope(number: usize) -> Scope {
    Scope::new(format!("user:{number}"))
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// One key of many: the same again and again, and all over the place, as callers come. Then
/// most of what it takes is the way to memory, so that as many pools of deadpool's stand beside.
fn lookup() -> io::Result<()> {
    const BATCH: usize = 2_000;
    let runtime = runtime()?;
    let runtime = &runtime;
    let mut turns = Turns::new("One key of many");
    for (scopes, [same, found, bare], any) in [
        (
            1,
            [
                "run, 1 key",
                "look the scope up and run, 1 key",
                "deadpool, 1 pool",
            ],
            None,
        ),
        (
            1_000,
            [
                "run, the same of 1,000 keys",
                "look the scope up and run, any of 1,000 keys",
                "deadpool, any of 1,000 pools",
            ],
            Some("run, any of 1,000 keys"),
        ),
        (
            100_000,
            [
                "run, the same of 100,000 keys",
                "look the scope up and run, any of 100,000 keys",
                "deadpool, any of 100,000 pools",
            ],
            Some("run, any of 100,000 keys"),
        ),
    ] {
        let before = memory();
        let server = crowded(runtime, scopes, scopes + 10);
        let taken = memory().zip(before).map(|(after, before)| after - before);
        if let (Some(taken), true) = (taken, scopes > 1_000) {
            let each = taken / scopes as f64;
            turns.remarks.push(format!(
                "Each of {scopes} keys takes {each:.0} bytes of memory, with a connection that is idle."
            ));
        }
        let keys: Vec<_> = (0..scopes).map(scope).collect();
        let servers: Vec<_> = keys.iter().map(|key| server.scoped(key.clone())).collect();
        let pools = pools(runtime, scopes);
        let one = servers[0].clone();
        let mut next = 0;
        let mut number = move || {
            next = (next + 7919) % scopes;
            next
        };
        let (mut another, mut third) = (number, number);
        turns.way(same, BATCH, move || {
            let start = Instant::now();
            runtime.block_on(async {
                for _ in 0..BATCH {
                    drop(one.run(CALL, nothing).await);
                }
            });
            start.elapsed()
        });
        if let Some(any) = any {
            turns.way(any, BATCH, move || {
                let start = Instant::now();
                runtime.block_on(async {
                    for _ in 0..BATCH {
                        drop(servers[number()].run(CALL, nothing).await);
                    }
                });
                start.elapsed()
            });
        }
        turns.way(found, BATCH, move || {
            let keys: Vec<_> = (0..BATCH).map(|_| keys[another()].clone()).collect();
            let start = Instant::now();
            runtime.block_on(async {
                for key in keys {
                    drop(server.scoped(key).run(CALL, nothing).await);
                }
            });
            start.elapsed()
        });
        turns.way(bare, BATCH, move || {
            let start = Instant::now();
            runtime.block_on(async {
                for _ in 0..BATCH {
                    drop(pools[third()].get().await);
                }
            });
            start.elapsed()
        });
    }
    turns.aim("run, the same of 100,000 keys", "run, 1 key", 1.0 / 1.5);
    turns.aim("run, any of 100,000 keys", "run, 1 key", 1.0 / 1.5);
    turns.measure(&["run, 1 key", "deadpool, any of 100,000 pools"])
}

/// So many pools of deadpool's, each with one open connection.
#[expect(clippy::expect_used, reason = "nothing can be measured without them")]
fn pools(runtime: &Runtime, number: usize) -> Vec<managed::Pool<Opener>> {
    let pool = || managed::Pool::builder(Opener).max_size(1).build();
    let pools: Vec<_> = (0..number).map(|_| pool().expect("a pool")).collect();
    runtime.block_on(async {
        for pool in &pools {
            drop(pool.get().await.expect("a connection"));
        }
    });
    pools
}

/// Every checkout opens a connection for a new scope, and the oldest one goes.
fn eviction() -> io::Result<()> {
    const BATCH: usize = 200;
    let runtime = runtime()?;
    let runtime = &runtime;
    let mut turns = Turns::new("A new key takes the place of the one used least recently");
    for (places, name) in [
        (100, "100 places"),
        (1_000, "1,000 places"),
        (10_000, "10,000 places"),
    ] {
        let server = crowded(runtime, places, places);
        let mut next = places;
        turns.way(name, BATCH, move || {
            let start = Instant::now();
            runtime.block_on(async {
                for _ in 0..BATCH {
                    next += 1;
                    drop(server.scoped(scope(next)).lease(CALL).await);
                }
            });
            start.elapsed()
        });
    }
    turns.measure(&["100 places"])
}

/// So many scopes wait for the places of one, and have them one after another.
fn waiting() -> io::Result<()> {
    let runtime = runtime()?;
    let runtime = &runtime;
    let mut turns = Turns::new("Scopes that wait for a place, until all were served");
    for (scopes, places, name) in [
        (250, 1, "each of 250, for 1 place"),
        (4_000, 1, "each of 4,000, for 1 place"),
        (16_000, 1, "each of 16,000, for 1 place"),
        (4_000, 256, "each of 4,000, for 256 places"),
        (16_000, 256, "each of 16,000, for 256 places"),
    ] {
        let server = crowded(runtime, places, places);
        let holders: Vec<_> = (0..places).map(|one| server.scoped(scope(one))).collect();
        let scopes = places..places + scopes;
        let scopes: Vec<_> = scopes.map(|one| server.scoped(scope(one))).collect();
        turns.way(name, scopes.len(), move || {
            let start = Instant::now();
            runtime.block_on(async {
                let held = join_all(holders.iter().map(|one| one.lease(CALL))).await;
                let all = join_all(scopes.iter().map(|one| one.run(CALL, nothing)));
                drop(futures::join!(all, async move { drop(held) }));
            });
            start.elapsed()
        });
    }
    turns.measure(&["each of 250, for 1 place"])
}

async fn nothing(_: Arc<nothing::Nothing>) -> Result<(), Error> {
    Ok(())
}

/// What this process has in memory, where the system tells.
fn memory() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}
