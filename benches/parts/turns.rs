//! Measures several ways to do the same, by turns, so that whatever else the machine does
//! strikes all of them alike; and tells it as a Markdown table.
//!
//! The least of many batches is what it costs when nothing comes between; the median is
//! what it cost in this run.

use std::{
    env,
    io::{self, Write as _},
    time::Duration,
};

use tokio::time::Instant;

/// How long one table is measured, and how many rounds at the least.
const A_WHILE: Duration = Duration::from_secs(8);
const AT_LEAST: usize = 20;

/// Some ways to do the same, in one situation.
pub(crate) struct Turns<'t> {
    situation: &'t str,
    ways: Vec<Way<'t>>,
}

struct Way<'t> {
    name: &'t str,
    /// Does it many times, and tells how long it took once.
    batch: Box<dyn FnMut() -> Duration + 't>,
    times: Vec<Duration>,
}

impl<'t> Turns<'t> {
    pub(crate) fn new(situation: &'t str) -> Self {
        Self {
            situation,
            ways: Vec::new(),
        }
    }

    /// Adds a way to do it.
    pub(crate) fn way(&mut self, name: &'t str, batch: impl FnMut() -> Duration + 't) {
        self.ways.push(Way {
            name,
            batch: Box::new(batch),
            times: Vec::new(),
        });
    }

    /// Measures all of them, and writes the table: their throughput beside that of each of
    /// `peers`, by the least.
    pub(crate) fn measure(mut self, peers: &[&str]) -> io::Result<()> {
        // `cargo test --benches` only wants to know that it runs.
        let tried = env::args().any(|arg| arg == "--test");
        let begin = Instant::now();
        let mut rounds = 0;
        while rounds < AT_LEAST || begin.elapsed() < A_WHILE {
            for way in &mut self.ways {
                let time = (way.batch)();
                // The first round warms up.
                if tried || rounds > 0 {
                    way.times.push(time);
                }
            }
            rounds += 1;
            if tried {
                break;
            }
        }
        self.write(rounds, peers)
    }

    fn write(&mut self, rounds: usize, peers: &[&str]) -> io::Result<()> {
        for way in &mut self.ways {
            way.times.sort_unstable();
        }
        let least = |name: &str| {
            let way = self.ways.iter().find(|way| way.name == name);
            way.map_or(f64::NAN, |way| nanos(way.times[0]))
        };
        let mut out = io::stdout().lock();
        writeln!(out, "\n{} ({rounds} rounds)\n", self.situation)?;
        let heads: Vec<_> = peers
            .iter()
            .map(|peer| format!(" throughput beside {peer} |"))
            .collect();
        writeln!(out, "| way | least | median |{}", heads.concat())?;
        writeln!(
            out,
            "| --- | ---: | ---: |{}",
            " ---: |".repeat(peers.len())
        )?;
        for way in &self.ways {
            let (time, median) = (nanos(way.times[0]), nanos(way.times[way.times.len() / 2]));
            write!(out, "| {} | {time:.0} ns | {median:.0} ns |", way.name)?;
            for peer in peers {
                write!(out, " {:.2} |", least(peer) / time)?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}
