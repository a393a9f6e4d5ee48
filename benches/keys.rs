//! What many keys cost: finding one among 1, 1,000 and 100,000, evicting, and waiting.
//!
//! `cargo bench -p mcp-bench --bench keys`

use std::{sync::Arc, time::Duration};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::future::join_all;
use mcp_domain::{Error, Operation, Scope};
use mcp_pool::{Pool, Server, Settings};
use tokio::runtime::{Builder, Runtime};

#[path = "parts/nothing.rs"]
mod nothing;

use self::nothing::Opener;

const CALL: Operation = Operation::new("call");

#[expect(clippy::expect_used, reason = "nothing can be measured without them")]
fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
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

fn lookup(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one key of many, with its checkout");
    for scopes in [1, 1_000, 100_000] {
        let runtime = runtime();
        let server = crowded(&runtime, scopes, scopes + 10);
        let keys: Vec<_> = (0..scopes).map(scope).collect();
        let mut next = 0;
        group.bench_function(BenchmarkId::from_parameter(scopes), |bencher| {
            bencher.iter_batched(
                || {
                    // All over the place, as callers come.
                    next = (next + 7919) % scopes;
                    keys[next].clone()
                },
                |scope| {
                    runtime.block_on(async {
                        drop(server.scoped(scope).lease(CALL).await);
                    });
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// Every checkout opens a connection for a new scope, and the oldest one goes.
fn eviction(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a new key, which evicts the oldest of");
    for places in [100, 10_000] {
        let runtime = runtime();
        let server = crowded(&runtime, places, places);
        let mut next = places;
        group.bench_function(BenchmarkId::from_parameter(places), |bencher| {
            bencher.iter(|| {
                next += 1;
                runtime.block_on(async {
                    drop(server.scoped(scope(next)).lease(CALL).await);
                });
            });
        });
    }
    group.finish();
}

/// So many scopes wait for the only place, and have it one after another.
fn waiting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scopes that wait for the only place");
    group.sample_size(10);
    for scopes in [250, 1_000, 4_000, 16_000] {
        let runtime = runtime();
        let server = crowded(&runtime, 1, 1);
        let scopes: Vec<_> = (1..=scopes)
            .map(|number| server.scoped(scope(number)))
            .collect();
        group.throughput(Throughput::Elements(scopes.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(scopes.len()), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    let held = scopes[0].lease(CALL).await;
                    let all = join_all(scopes[1..].iter().map(|one| one.run(CALL, nothing)));
                    drop(futures::join!(all, async move { drop(held) }));
                });
            });
        });
    }
    group.finish();
}

async fn nothing(_: Arc<nothing::Nothing>) -> Result<(), Error> {
    Ok(())
}

criterion_group!(benches, lookup, eviction, waiting);
criterion_main!(benches);
