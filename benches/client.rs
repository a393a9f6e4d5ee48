//! What a call through our client costs beside the same call on the bare SDK.
//!
//! `cargo bench -p mcp-bench --bench client`
//!
//! Both speak to a server in this process, over the same kind of channel.

use std::{io, time::Duration};

use mcp_transport::Lifecycle;
use tokio::{runtime::Builder, time::Instant};

#[path = "parts/quick.rs"]
mod quick;
#[path = "parts/turns.rs"]
mod turns;

use self::{
    quick::{Bare, Ours},
    turns::Turns,
};

const BARE: &str = "bare SDK";
const CLIENT: &str = "client";

/// So few that both of a pair have the same machine.
const BATCH: usize = 20;

async fn batch(once: impl AsyncFn()) -> Duration {
    let start = Instant::now();
    for _ in 0..BATCH {
        once().await;
    }
    start.elapsed()
}

fn main() -> io::Result<()> {
    let threads = [
        ("on one thread", Builder::new_current_thread()),
        ("on several threads", Builder::new_multi_thread()),
    ];
    for (threads, mut builder) in threads {
        let runtime = builder.enable_all().build()?;
        for (name, lifecycle) in [
            ("initialize", Lifecycle::Initialize),
            ("discover", Lifecycle::Discover),
        ] {
            let bare = runtime.block_on(Bare::connect(lifecycle));
            let ours = runtime.block_on(Ours::connect(lifecycle));
            let mut turns = Turns::new(format!("A call after {name}, {threads}"));
            turns.way(BARE, BATCH, || runtime.block_on(batch(|| bare.call())));
            turns.way(CLIENT, BATCH, || runtime.block_on(batch(|| ours.call())));
            // At most 3 % more.
            turns.aim(CLIENT, BARE, 1.0 / 1.03);
            turns.measure(&[BARE])?;
        }
    }
    Ok(())
}
