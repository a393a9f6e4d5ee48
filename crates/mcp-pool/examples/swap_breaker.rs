//! The same pool with the workspace's breaker, with none, and with one of thirty lines.
//!
//! `cargo run -p mcp-pool --example swap_breaker`

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use mcp_breaker::Breaker;
use mcp_domain::{
    BreakerSnapshot, BreakerState, CircuitBreaker, Connection, Connector, Error, ErrorKind,
    Operation, Outcome, Rejected, Scope, Ticket,
};
use mcp_pool::{Pool, Settings};

/// Opens after three failures in a row, for good: the simplest breaker there is.
#[derive(Debug, Default)]
struct Fuse {
    failures: AtomicU64,
}

impl CircuitBreaker for Fuse {
    fn try_admit(&self) -> Result<Ticket, Rejected> {
        if self.failures.load(Relaxed) < 3 {
            Ok(Ticket::new(0))
        } else {
            Err(Rejected { retry_after: None })
        }
    }

    fn settle(&self, _: Ticket, outcome: Outcome) {
        match outcome {
            // Once it has blown, a late success does not mend it.
            Outcome::Success => {
                let intact = |failures| (failures < 3).then_some(0);
                let _ = self.failures.fetch_update(Relaxed, Relaxed, intact);
            }
            Outcome::Failure { .. } => drop(self.failures.fetch_add(1, Relaxed)),
            _ => {}
        }
    }

    fn snapshot(&self) -> BreakerSnapshot {
        let failures = self.failures.load(Relaxed);
        let mut snapshot = BreakerSnapshot::new(match failures {
            0..3 => BreakerState::Closed,
            _ => BreakerState::Open,
        });
        snapshot.failure_count = failures;
        snapshot
    }
}

/// A server that is down: nobody gets through to it.
struct Down;

impl Connector for Down {
    type Connection = Nothing;

    async fn connect(&self, _: &Scope) -> Result<Nothing, Error> {
        Err(Error::new(ErrorKind::ConnectFailed, "the server is down"))
    }
}

struct Nothing;

impl Connection for Nothing {
    fn is_open(&self) -> bool {
        false
    }

    async fn ping(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    const CALL: Operation = Operation::new("call");
    let pool = Pool::new(Settings::builder().retry_attempts(0).build()?);
    let breaker = Breaker::builder()
        .failure_threshold(3)
        .on_change(|change| {
            let _ = writeln!(std::io::stdout(), "guarded    {change}");
        })
        .build()?;
    let servers = [
        pool.server("guarded", Down)
            .breaker(Arc::new(breaker))
            .add(),
        pool.server("fused", Down)
            .breaker(Arc::new(Fuse::default()))
            .add(),
        pool.server("unguarded", Down).add(),
    ];
    let mut output = std::io::stdout();
    for server in &servers {
        for _ in 0..5 {
            if let Err(error) = server.run(CALL, |_| async { Ok(()) }).await {
                writeln!(output, "{:10} {}", server.name(), error.chain())?;
            }
        }
        let stats = server.stats();
        writeln!(
            output,
            "{:10} breaker {}, {} calls refused, {} connects tried\n",
            server.name(),
            stats.circuit_breaker_state,
            stats.refusals,
            stats.failed_connects,
        )?;
    }
    pool.close(Duration::from_secs(1)).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fuse_that_has_blown_stays_so() {
        let fuse = Fuse::default();
        let call = || fuse.try_admit().unwrap();
        let late = call();
        for _ in 0..2 {
            fuse.settle(call(), Outcome::failure());
        }
        fuse.settle(call(), Outcome::Success);
        for _ in 0..3 {
            fuse.settle(call(), Outcome::failure());
        }
        fuse.settle(late, Outcome::Success);
        assert!(fuse.try_admit().is_err());
        assert_eq!(fuse.snapshot().state, BreakerState::Open);
    }
}
