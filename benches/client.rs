//! What a call through our client costs beside the same call on the bare SDK.
//!
//! `cargo bench -p mcp-bench --bench client`
//!
//! Both speak to a server in this process, over the same kind of channel. The two are
//! measured in turns, call by call, so that whatever else the machine does slows both.

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use mcp_transport::Lifecycle;
use tokio::runtime::Builder;

#[path = "parts/quick.rs"]
mod quick;

use self::quick::{Bare, Ours};

/// The time of so many calls of one, with as many of the other in between.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures")]
async fn in_turns(calls: u64, measured: impl AsyncFn(), other: impl AsyncFn()) -> Duration {
    let mut took = Duration::ZERO;
    for _ in 0..calls {
        let start = Instant::now();
        measured().await;
        took += start.elapsed();
        other().await;
    }
    took
}

fn client(criterion: &mut Criterion) {
    let threads = [
        ("one thread", Builder::new_current_thread()),
        ("threads", Builder::new_multi_thread()),
    ];
    for (threads, mut builder) in threads {
        let runtime = builder.enable_all().build().expect("a runtime starts");
        for (name, lifecycle) in [
            ("initialize", Lifecycle::Initialize),
            ("discover", Lifecycle::Discover),
        ] {
            let ours = runtime.block_on(Ours::connect(lifecycle));
            let bare = runtime.block_on(Bare::connect(lifecycle));
            let call_ours = || ours.call();
            let call_bare = || bare.call();
            let mut group = criterion.benchmark_group(format!("call, {name}, {threads}"));
            group.bench_function("bare", |bencher| {
                let bencher = bencher.to_async(&runtime);
                { bencher }.iter_custom(|calls| in_turns(calls, call_bare, call_ours));
            });
            group.bench_function("client", |bencher| {
                let bencher = bencher.to_async(&runtime);
                { bencher }.iter_custom(|calls| in_turns(calls, call_ours, call_bare));
            });
            group.finish();
        }
    }
}

criterion_group!(benches, client);
criterion_main!(benches);
