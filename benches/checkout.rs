//! What it costs to take an idle connection and give it back, beside bare deadpool.
//!
//! `cargo bench -p mcp-bench --bench checkout`

use std::{sync::Arc, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use deadpool::managed::{self, Metrics, RecycleResult};
use mcp_breaker::Breaker;
use mcp_domain::{Connection, Connector, Error, Operation, Scope};
use mcp_pool::{Pool, Settings, Sharing};
use tokio::runtime::Runtime;

const CALL: Operation = Operation::new("call");
const SIZE: usize = 8;

/// A connection that is always fine, to a server that is always there.
struct Nothing;

impl Connection for Nothing {
    fn is_open(&self) -> bool {
        true
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

struct NothingConnector;

impl Connector for NothingConnector {
    type Connection = Nothing;

    async fn connect(&self, _: &Scope) -> Result<Nothing, Error> {
        Ok(Nothing)
    }
}

impl managed::Manager for NothingConnector {
    type Type = Nothing;
    type Error = Error;

    async fn create(&self) -> Result<Nothing, Error> {
        Ok(Nothing)
    }

    async fn recycle(&self, _: &mut Nothing, _: &Metrics) -> RecycleResult<Error> {
        Ok(())
    }
}

fn server(sharing: Sharing, breaker: bool) -> mcp_pool::Server<NothingConnector> {
    let settings = Settings::builder().max_connections(SIZE).sharing(sharing);
    let settings = settings.check_after_idle(Duration::MAX).build();
    let pool = Pool::new(settings.unwrap_or_default());
    let server = pool.server("nothing", NothingConnector);
    if breaker {
        server.breaker(Arc::new(Breaker::default())).add()
    } else {
        server.add()
    }
}

fn one_task(criterion: &mut Criterion) {
    #[expect(clippy::expect_used, reason = "nothing can be measured without one")]
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("checkout, one task");
    let bare = managed::Pool::<NothingConnector>::builder(NothingConnector)
        .max_size(SIZE)
        .build();
    if let Ok(bare) = bare {
        group.bench_function("deadpool: get and return", |bencher| {
            bencher
                .to_async(&runtime)
                .iter(async || drop(bare.get().await));
        });
    }
    let exclusive = server(Sharing::Exclusive, false);
    group.bench_function("lease", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(async || drop(exclusive.lease(CALL).await));
    });
    group.bench_function("run, exclusive", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(async || exclusive.run(CALL, |_| async { Ok(()) }).await.is_ok());
    });
    let shared = server(Sharing::Shared, false);
    group.bench_function("run, shared", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(async || shared.run(CALL, |_| async { Ok(()) }).await.is_ok());
    });
    let guarded = server(Sharing::Exclusive, true);
    group.bench_function("run, exclusive, with a breaker", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(async || guarded.run(CALL, |_| async { Ok(()) }).await.is_ok());
    });
    group.finish();
}

criterion_group!(benches, one_task);
criterion_main!(benches);
