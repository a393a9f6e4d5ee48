//! Measures several ways to do the same, by turns, so that whatever else the machine does
//! strikes all of them alike; and tells it as a Markdown table.
//!
//! The least of many batches is what it costs when nothing comes between; the median is
//! what it cost in this run. Speeds are compared round by round, so that both of a pair
//! had the same machine, and the median of those is told.
//!
//! With `-- --quick` a tenth of the time is spent; `-- --json` writes every sample, for
//! `cargo xtask bench --parts` to report.

use std::{
    env,
    io::{self, Write as _},
    time::Duration,
};

use serde_json::json;
use tokio::time::Instant;

/// How long one table is measured, and how many rounds at the least.
const A_WHILE: Duration = Duration::from_secs(8);
const AT_LEAST: usize = 20;

/// Some ways to do the same, in one situation.
pub(crate) struct Turns<'t> {
    situation: String,
    ways: Vec<Way<'t>>,
    aims: Vec<Aim<'t>>,
    /// What is to be said below the table.
    pub(crate) remarks: Vec<String>,
}

struct Way<'t> {
    name: String,
    /// How many times a batch does it.
    calls: usize,
    /// Does it that many times, and tells how long all of them took.
    batch: Box<dyn FnMut() -> Duration + 't>,
    /// Nanoseconds for once, in each round.
    nanos: Vec<f64>,
}

/// How fast a way is to be, beside another.
struct Aim<'t> {
    way: &'t str,
    beside: &'t str,
    speed: f64,
}

impl<'t> Turns<'t> {
    pub(crate) fn new(situation: impl Into<String>) -> Self {
        Self {
            situation: situation.into(),
            ways: Vec::new(),
            aims: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// Adds a way to do it, whose batches do it so many times and tell the whole time.
    pub(crate) fn way(
        &mut self,
        name: impl Into<String>,
        calls: usize,
        batch: impl FnMut() -> Duration + 't,
    ) {
        self.ways.push(Way {
            name: name.into(),
            calls,
            batch: Box::new(batch),
            nanos: Vec::new(),
        });
    }

    /// This way is to be at least so many times as fast as that one.
    pub(crate) fn aim(&mut self, way: &'t str, beside: &'t str, speed: f64) {
        self.aims.push(Aim { way, beside, speed });
    }

    /// Measures all of them, and writes the table: their speed beside that of each of
    /// `peers`.
    pub(crate) fn measure(mut self, peers: &[&str]) -> io::Result<()> {
        let asked = |what: &str| env::args().any(|arg| arg == what);
        // `cargo test --benches`, which asks for nothing, wants to know that it runs.
        let tried = !(asked("--bench") || asked("--json"));
        let (a_while, at_least) = if asked("--quick") {
            (A_WHILE / 10, AT_LEAST / 4)
        } else {
            (A_WHILE, AT_LEAST)
        };
        let begin = Instant::now();
        let mut round = 0;
        while round <= at_least || begin.elapsed() < a_while {
            for way in &mut self.ways {
                let time = (way.batch)();
                // The first round warms up.
                if tried || round > 0 {
                    way.nanos.push(time.as_secs_f64() * 1e9 / way.calls as f64);
                }
            }
            round += 1;
            if tried {
                break;
            }
        }
        if asked("--json") {
            self.write_json(peers)
        } else {
            self.write(peers)
        }
    }

    fn write_json(&self, peers: &[&str]) -> io::Result<()> {
        let ways = self.ways.iter();
        let ways = ways.map(|way| json!({ "name": way.name, "nanos": way.nanos }));
        let aims = self.aims.iter();
        let aims =
            aims.map(|aim| json!({ "way": aim.way, "beside": aim.beside, "speed": aim.speed }));
        let table = json!({
            "situation": self.situation,
            "peers": peers,
            "ways": ways.collect::<Vec<_>>(),
            "aims": aims.collect::<Vec<_>>(),
            "remarks": self.remarks,
        });
        writeln!(io::stdout().lock(), "{table}")
    }

    fn write(&self, peers: &[&str]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let rounds = self.ways.first().map_or(0, |way| way.nanos.len());
        writeln!(out, "\n{} ({rounds} rounds)\n", self.situation)?;
        let heads: Vec<_> = peers
            .iter()
            .map(|peer| format!(" speed beside {peer} |"))
            .collect();
        writeln!(out, "| way | least | median |{}", heads.concat())?;
        writeln!(
            out,
            "| --- | ---: | ---: |{}",
            " ---: |".repeat(peers.len())
        )?;
        for way in &self.ways {
            let nanos = sorted(way.nanos.clone());
            let (least, median) = (nanos[0], nanos[nanos.len() / 2]);
            write!(out, "| {} | {least:.1} ns | {median:.1} ns |", way.name)?;
            for peer in peers {
                let peer = self.ways.iter().find(|way| way.name == *peer);
                match peer.map(|peer| way.speed_beside(peer)) {
                    Some(speed) => write!(out, " {speed:.2} |")?,
                    None => write!(out, " – |")?,
                }
            }
            writeln!(out)?;
        }
        for remark in &self.remarks {
            writeln!(out, "\n{remark}")?;
        }
        Ok(())
    }
}

impl Way<'_> {
    /// The median of how many times faster it was than another in the same round.
    fn speed_beside(&self, peer: &Self) -> f64 {
        let rounds = peer.nanos.iter().zip(&self.nanos);
        let speeds = sorted(rounds.map(|(peer, this)| peer / this).collect());
        speeds[speeds.len() / 2]
    }
}

fn sorted(mut figures: Vec<f64>) -> Vec<f64> {
    figures.sort_unstable_by(f64::total_cmp);
    figures
}
