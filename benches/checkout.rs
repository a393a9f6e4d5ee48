//! What it costs to take an idle connection and give it back, beside deadpool, bb8 and
//! mobc with the same manager.
//!
//! `cargo bench -p mcp-bench --bench checkout`

use std::{sync::Arc, time::Duration};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use deadpool::managed;
use mcp_breaker::Breaker;
use mcp_domain::Operation;
use mcp_pool::{Pool, Server, Settings, Sharing};
use tokio::{runtime::Runtime, task::JoinSet, time::Instant};

#[path = "parts/nothing.rs"]
mod nothing;

use self::nothing::Opener;

const CALL: Operation = Operation::new("call");
const SIZE: usize = 8;
const TASKS: [usize; 3] = [1, 8, 64];

fn server(sharing: Sharing, breaker: bool) -> Server<Opener> {
    let settings = Settings::builder().max_connections(SIZE).sharing(sharing);
    let settings = settings.check_after_idle(Duration::MAX).build();
    let pool = Pool::new(settings.unwrap_or_default());
    let server = pool.server("nothing", Opener);
    if breaker {
        server.breaker(Arc::new(Breaker::default())).add()
    } else {
        server.add()
    }
}

/// The time of `iterations`, shared by so many tasks.
async fn shared_by<F, Fut>(tasks: usize, iterations: u64, once: F) -> Duration
where
    F: Fn() -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let each = iterations.div_ceil(tasks as u64);
    let start = Instant::now();
    let mut set = JoinSet::new();
    for _ in 0..tasks {
        let once = once.clone();
        set.spawn(async move {
            for _ in 0..each {
                once().await;
            }
        });
    }
    while set.join_next().await.is_some() {}
    // A little more was done, where the tasks do not share it evenly.
    let done = each * tasks as u64;
    start.elapsed().mul_f64(iterations as f64 / done as f64)
}

/// Measures one way, with few and with many tasks.
fn measure<F, Fut>(criterion: &mut Criterion, runtime: &Runtime, name: &str, once: F)
where
    F: Fn() -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let mut group = criterion.benchmark_group("checkout");
    for tasks in TASKS {
        let id = BenchmarkId::new(name, format!("{tasks} tasks"));
        group.bench_function(id, |bencher| {
            let once = &once;
            bencher
                .to_async(runtime)
                .iter_custom(|iterations| shared_by(tasks, iterations, once.clone()));
        });
    }
    group.finish();
}

#[expect(clippy::expect_used, reason = "nothing can be measured without them")]
fn pools(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let semaphore = Arc::new(tokio::sync::Semaphore::new(SIZE));
    measure(criterion, &runtime, "floor: tokio's semaphore", move || {
        let semaphore = Arc::clone(&semaphore);
        async move { drop(semaphore.acquire().await) }
    });
    let pool = managed::Pool::<Opener>::builder(Opener);
    let pool = pool
        .max_size(SIZE)
        .build()
        .expect("no timeouts, no runtime");
    measure(criterion, &runtime, "deadpool", move || {
        let pool = pool.clone();
        async move { drop(pool.get().await) }
    });
    let builder = bb8::Pool::builder()
        .max_size(SIZE as u32)
        .test_on_check_out(true);
    let pool = runtime.block_on(builder.build(Opener)).expect("a pool");
    measure(criterion, &runtime, "bb8", move || {
        let pool = pool.clone();
        async move { drop(pool.get().await) }
    });
    let pool =
        runtime.block_on(async { mobc::Pool::builder().max_open(SIZE as u64).build(Opener) });
    measure(criterion, &runtime, "mobc", move || {
        let pool = pool.clone();
        async move { drop(pool.get().await) }
    });
    let exclusive = server(Sharing::Exclusive, false);
    let leased = exclusive.clone();
    measure(criterion, &runtime, "mcp-pool: lease", move || {
        let server = leased.clone();
        async move { drop(server.lease(CALL).await) }
    });
    for (name, server) in [
        ("mcp-pool: run, exclusive", exclusive),
        ("mcp-pool: run, shared", server(Sharing::Shared, false)),
        (
            "mcp-pool: run, with a breaker",
            server(Sharing::Exclusive, true),
        ),
    ] {
        measure(criterion, &runtime, name, move || {
            let server = server.clone();
            async move { drop(server.run(CALL, |_| async { Ok(()) }).await) }
        });
    }
}

criterion_group!(benches, pools);
criterion_main!(benches);
