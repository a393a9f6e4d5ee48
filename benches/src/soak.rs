//! A long storm on real servers, which must leave nothing behind.
//!
//! Callers of many scopes call, give up, take leases and throw connections away,
//! while servers are killed and stopped at random. Each round has a pool of its own.
//! What the process has after the first round is what it must have after the last:
//! as much memory, as many descriptors, threads and children, within [bounds](Bounds).

mod faults;
mod storm;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use mcp_domain::{Error, ErrorKind};
use tokio::time::{Instant, sleep};

use self::storm::Tally;
use crate::{
    process::{self, Usage},
    servers::Servers,
    words,
};

/// How long a round is, of a short soak.
const ROUND: Duration = Duration::from_secs(5);

/// Of a long one, this part.
const ROUNDS: u32 = 60;

/// What is given time to go away: threads that wait for work do so for ten seconds.
const SETTLE: Duration = Duration::from_secs(30);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How long the storm lasts; the first round comes before.
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = minutes)]
    minutes: f64,

    /// The program that serves the database; `cargo xtask soak` fills it in.
    #[arg(long, value_name = "PROGRAM")]
    program: PathBuf,
}

fn minutes(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(minutes) if (0.05..=100_000.0).contains(&minutes) => Ok(minutes),
        _ => Err("it must be a number of minutes from 0.05 to 100000".to_owned()),
    }
}

pub(crate) async fn soak(args: Args) -> Result<(), Error> {
    let time = Duration::from_secs_f64(args.minutes * 60.0);
    let round = ROUND.max(time / ROUNDS).min(time);
    // Whatever is made once and kept is made here.
    rounds(&args.program, 1, round).await?;
    let begin = settled(|_| true).await?;
    tell(&format!("begin: {begin}"));
    let number = time.div_duration_f64(round).ceil() as u32;
    let total = rounds(&args.program, number, round).await?;
    let bounds = Bounds::from(&begin);
    let end = settled(|state| bounds.exceeded(state).is_empty()).await?;
    tell(&format!("end:   {end}\n{number} rounds: {total}"));
    match bounds.exceeded(&end).as_slice() {
        [] => Ok(()),
        more => {
            let open = process::descriptors()?.join(", ");
            tell(&format!("descriptors at the end: {open}"));
            let message = format!("something was left behind: {}", more.join(", "));
            Err(Error::new(ErrorKind::BadResponse, message))
        }
    }
}

/// So many rounds on servers that are stopped afterwards: what is kept open to them
/// in case that it is needed again is not counted as left behind.
async fn rounds(program: &Path, number: u32, round: Duration) -> Result<Tally, Error> {
    let servers = Servers::start(program).await?;
    let mut total = Tally::default();
    for _ in 0..number {
        let tally = storm::run(&servers, round).await?;
        tell(&format!("{tally}; {}", State::now()?));
        total += tally;
    }
    servers.stop().await?;
    Ok(total)
}

/// The process when it is as it should be, or when it had time enough to become so.
async fn settled(good: impl Fn(&State) -> bool) -> Result<State, Error> {
    let start = Instant::now();
    let mut last = State::now()?;
    // Still for a while: nothing comes or goes any more.
    let mut still = 0;
    while start.elapsed() < SETTLE && !(still >= 20 && good(&last)) {
        sleep(Duration::from_millis(100)).await;
        let now = State::now()?;
        still = if now.counts() == last.counts() {
            still + 1
        } else {
            0
        };
        last = now;
    }
    Ok(last)
}

/// What the process has.
#[derive(Clone, Copy, Debug)]
struct State {
    usage: Usage,
    threads: u64,
}

impl State {
    fn now() -> Result<Self, Error> {
        let state = || -> io::Result<Self> {
            let usage = Usage::of_this_process()?;
            let threads = std::fs::read_dir("/proc/self/task")?.count() as u64;
            Ok(Self { usage, threads })
        };
        state().map_err(|error| {
            Error::new(ErrorKind::Unsupported, "this process cannot be looked at")
                .with_source(error)
        })
    }

    fn counts(&self) -> [u64; 3] {
        [self.usage.descriptors, self.usage.children, self.threads]
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [descriptors, children, threads] = self.counts();
        let memory = words::bytes(self.usage.memory);
        write!(
            f,
            "{memory}, {descriptors} descriptors, {children} children, {threads} threads"
        )
    }
}

/// What the process may have at the end.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// 8 MiB more than at the beginning: an allocator keeps what it may need again. A
    /// leak of a kilobyte for each session is more than that, after a minute.
    memory: u64,
    /// Not one more.
    counts: [u64; 3],
}

impl From<&State> for Bounds {
    fn from(begin: &State) -> Self {
        Self {
            memory: begin.usage.memory + (8 << 20),
            counts: begin.counts(),
        }
    }
}

impl Bounds {
    fn exceeded(&self, end: &State) -> Vec<String> {
        let mut more = Vec::new();
        if end.usage.memory > self.memory {
            let (is, may) = (words::bytes(end.usage.memory), words::bytes(self.memory));
            more.push(format!("{is} of memory (at most {may})"));
        }
        for ((is, may), what) in
            end.counts()
                .into_iter()
                .zip(self.counts)
                .zip(["descriptors", "children", "threads"])
        {
            if is > may {
                more.push(format!("{is} {what} (at most {may})"));
            }
        }
        more
    }
}

#[expect(clippy::print_stdout, reason = "a program speaks to its user")]
fn tell(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(memory: u64, descriptors: u64, children: u64, threads: u64) -> State {
        let usage = Usage {
            memory: memory << 20,
            descriptors,
            children,
            children_memory: 0,
            children_resident_memory: 0,
        };
        State { usage, threads }
    }

    #[test]
    fn what_is_left_behind_is_named() {
        let bounds = Bounds::from(&state(40, 20, 1, 3));
        assert!(bounds.exceeded(&state(48, 20, 1, 3)).is_empty());
        assert!(bounds.exceeded(&state(10, 9, 0, 1)).is_empty());
        assert_eq!(
            bounds.exceeded(&state(49, 20, 1, 3)),
            ["49.0 MiB of memory (at most 48.0 MiB)"]
        );
        assert_eq!(
            bounds.exceeded(&state(40, 21, 2, 4)),
            [
                "21 descriptors (at most 20)",
                "2 children (at most 1)",
                "4 threads (at most 3)"
            ]
        );
    }
}
