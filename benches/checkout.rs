//! What it costs to take a connection, do nothing with it and give it back, beside
//! deadpool, bb8 and mobc: by one task and by many, on eight connections and two threads.
//!
//! Where calls suspend, most of 64 tasks wait for one of the eight connections.
//!
//! `cargo bench -p mcp-bench --bench checkout`

use std::{cell::Cell, future::poll_fn, io, sync::Arc, time::Duration};

use deadpool::{Runtime as Sleeper, managed};
use mcp_breaker::Breaker;
use mcp_domain::Operation;
use mcp_pool::{Pool, Server, Settings, Sharing};
use tokio::{
    runtime::{Builder, Runtime},
    task::{JoinSet, yield_now},
    time::Instant,
};

#[path = "parts/nothing.rs"]
mod nothing;
#[path = "parts/turns.rs"]
mod turns;

use self::{nothing::Opener, turns::Turns};

const CALL: Operation = Operation::new("call");
const SIZE: usize = 8;

/// The calls of one batch, shared by so many tasks.
const BATCH: usize = 12_800;

thread_local! {
    /// Rises with each turn that a task is given on this thread.
    static TURN: Cell<u64> = const { Cell::new(0) };
}

/// As long as no caller here ever waits.
const LONG: Duration = Duration::from_secs(35);

/// Who calls, and what a call does.
#[derive(Clone, Copy)]
struct Load {
    name: &'static str,
    tasks: usize,
    suspends: bool,
    /// How fast a `run` is to be, beside whom.
    aim: Option<(&'static str, f64)>,
}

const LOADS: [Load; 4] = [
    Load {
        name: "1 task, no call suspends",
        tasks: 1,
        suspends: false,
        aim: Some((DEADPOOL, 0.5)),
    },
    Load {
        name: "8 tasks, no call suspends",
        tasks: 8,
        suspends: false,
        aim: None,
    },
    Load {
        name: "64 tasks, no call suspends",
        tasks: 64,
        suspends: false,
        aim: Some((DEADPOOL, 0.9)),
    },
    Load {
        name: "64 tasks, each call suspends once",
        tasks: 64,
        suspends: true,
        aim: Some((DEADPOOL_TIMED, 0.9)),
    },
];

const DEADPOOL: &str = "deadpool";
const DEADPOOL_TIMED: &str = "deadpool with a wait timeout";
const EXCLUSIVE: &str = "mcp-pool: run, exclusive";
const SHARED: &str = "mcp-pool: run, shared";

impl Load {
    /// The time of a batch. Each task has the pool for itself, and `once` gives it back:
    /// to clone a handle is no part of a call.
    fn batch<P, F, Fut>(self, runtime: &Runtime, pool: &P, once: F) -> Duration
    where
        P: Clone + Send + 'static,
        F: Fn(P) -> Fut + Copy + Send + 'static,
        Fut: Future<Output = P> + Send,
    {
        runtime.block_on(async {
            let start = Instant::now();
            let mut set = JoinSet::new();
            for _ in 0..self.tasks {
                let mut pool = pool.clone();
                let mut task = Box::pin(async move {
                    for _ in 0..BATCH / self.tasks {
                        pool = once(pool).await;
                    }
                });
                set.spawn(poll_fn(move |context| {
                    TURN.set(TURN.get() + 1);
                    task.as_mut().poll(context)
                }));
            }
            while set.join_next().await.is_some() {}
            start.elapsed()
        })
    }
}

fn main() -> io::Result<()> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    for load in LOADS {
        measure(load, &runtime)?;
    }
    Ok(())
}

/// One call. It knows no more than it needs: what a call knows is moved with it.
async fn call(suspends: bool) {
    if suspends {
        let turn = TURN.get();
        // A pool may poll a call again at once, to watch a clock beside it.
        while TURN.get() == turn {
            yield_now().await;
        }
    }
}

/// Measures every way under one load.
#[expect(clippy::expect_used, reason = "nothing can be measured without them")]
fn measure(load: Load, runtime: &Runtime) -> io::Result<()> {
    let mut turns = Turns::new(load.name);
    let suspends = load.suspends;
    let semaphore = Arc::new(tokio::sync::Semaphore::new(SIZE));
    turns.way("floor: tokio's semaphore", BATCH, move || {
        load.batch(runtime, &semaphore, move |semaphore| async move {
            let permit = semaphore.acquire().await;
            call(suspends).await;
            drop(permit);
            semaphore
        })
    });
    for (name, wait) in [(DEADPOOL, None), (DEADPOOL_TIMED, Some(LONG))] {
        let pool = managed::Pool::<Opener>::builder(Opener)
            .max_size(SIZE)
            .wait_timeout(wait)
            .runtime(Sleeper::Tokio1)
            .build()
            .expect("a runtime for the timeouts");
        turns.way(name, BATCH, move || {
            load.batch(runtime, &pool, move |pool| async move {
                let connection = pool.get().await;
                call(suspends).await;
                drop(connection);
                pool
            })
        });
    }
    let builder = bb8::Pool::builder()
        .max_size(SIZE as u32)
        .test_on_check_out(true);
    let pool = runtime.block_on(builder.build(Opener)).expect("a pool");
    turns.way("bb8", BATCH, move || {
        load.batch(runtime, &pool, move |pool| async move {
            let connection = pool.get().await;
            call(suspends).await;
            drop(connection);
            pool
        })
    });
    let pool =
        runtime.block_on(async { mobc::Pool::builder().max_open(SIZE as u64).build(Opener) });
    turns.way("mobc", BATCH, move || {
        load.batch(runtime, &pool, move |pool| async move {
            let connection = pool.get().await;
            call(suspends).await;
            drop(connection);
            pool
        })
    });
    let server = server(Sharing::Exclusive, false);
    turns.way("mcp-pool: lease", BATCH, move || {
        load.batch(runtime, &server, move |server| async move {
            let lease = server.lease(CALL).await;
            call(suspends).await;
            drop(lease);
            server
        })
    });
    for (name, sharing, breaker) in [
        (EXCLUSIVE, Sharing::Exclusive, false),
        ("mcp-pool: run, with a breaker", Sharing::Exclusive, true),
        (SHARED, Sharing::Shared, false),
    ] {
        let server = self::server(sharing, breaker);
        turns.way(name, BATCH, move || {
            load.batch(runtime, &server, move |server| async move {
                let run = |_| async move {
                    call(suspends).await;
                    Ok(())
                };
                drop(server.run(CALL, run).await);
                server
            })
        });
    }
    if let Some((peer, speed)) = load.aim {
        turns.aim(EXCLUSIVE, peer, speed);
        turns.aim(SHARED, peer, speed);
    }
    turns.measure(&[DEADPOOL, DEADPOOL_TIMED])
}

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
