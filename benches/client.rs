//! What a call through our client costs beside the same call on the bare SDK.
//!
//! `cargo bench -p mcp-bench --bench client`
//!
//! Both speak to a server in this process, over the same kind of channel. The two are
//! measured in turns, call by call, so that whatever else the machine does slows both.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use mcp_domain::{Connector as _, Scope};
use mcp_transport::{Client, ClientConnector, Lifecycle};
use rmcp::{
    ErrorData, Peer, RoleClient, RoleServer, ServerHandler, ServiceExt as _,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ClientConfig, ContentBlock,
        JsonObject, ServerCapabilities, ServerConfig,
    },
    service::{ClientLifecycleMode, ClientServiceExt as _, RequestContext, RunningService},
};
use serde_json::json;
use tokio::{io::DuplexStream, runtime::Runtime};

/// A tool that answers at once.
#[derive(Clone)]
struct Quick;

impl ServerHandler for Quick {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::success(vec![ContentBlock::text("done")]).into())
    }
}

async fn serve(stream: DuplexStream) {
    if let Ok(service) = Quick.serve(stream).await {
        let _ = service.waiting().await;
    }
}

fn arguments() -> JsonObject {
    let arguments = json!({ "table": "products", "where": { "price": 12.5 }, "limit": 20 });
    arguments.as_object().cloned().unwrap_or_default()
}

async fn ours(lifecycle: Lifecycle) -> Client {
    let connector = ClientConnector::in_process(serve).with_lifecycle(lifecycle);
    connector
        .connect(&Scope::default())
        .await
        .expect("ours connects")
}

type Bare = RunningService<RoleClient, ClientConfig>;

async fn bare(mode: ClientLifecycleMode) -> Bare {
    let (here, there) = tokio::io::duplex(64 * 1024);
    tokio::spawn(serve(there));
    let client = ClientConfig::default()
        .serve_with_lifecycle(here, mode)
        .await;
    client.expect("the bare one connects")
}

async fn call_ours(client: &Client) {
    let answer = client.call_tool("any", arguments()).await;
    black_box(answer.expect("ours answers"));
}

async fn call_bare(peer: &Peer<RoleClient>) {
    let mut params = CallToolRequestParams::new("any".to_owned());
    params.arguments = Some(arguments());
    let answer = peer.call_tool_once(params).await;
    black_box(answer.expect("the bare one answers"));
}

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
    let runtime = Runtime::new().expect("a runtime starts");
    let lifecycles = [
        (
            "initialize",
            Lifecycle::Initialize,
            ClientLifecycleMode::Initialize,
        ),
        (
            "discover",
            Lifecycle::Discover,
            ClientLifecycleMode::Discover {
                preferred_versions: vec![rmcp::model::ProtocolVersion::V_2026_07_28],
            },
        ),
    ];
    for (name, lifecycle, mode) in lifecycles {
        let (ours, bare) = runtime.block_on(async { (ours(lifecycle).await, bare(mode).await) });
        let (ours, bare) = (&ours, &bare);
        let call_ours = || call_ours(ours);
        let call_bare = || call_bare(bare);
        let mut group = criterion.benchmark_group(format!("call, {name}"));
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

criterion_group!(benches, client);
criterion_main!(benches);
