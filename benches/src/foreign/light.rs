//! How light our own server is beside those of others that serve databases: its start,
//! a trivial query, and its memory.

use mcp_domain::{Connection as _, Connector as _, Error, Scope};
use serde_json::json;
use tokio::time::Instant;

use super::{Call, Foreign, children_memory};
use crate::{
    bench::Bench,
    progress::Pace,
    sample::{Ratio, Samples, Summary},
    section::{Cell, Section, column},
    words,
};

/// What our server is to take at most: milliseconds, milliseconds, and MiB.
const AIMS: [f64; 3] = [3.0, 0.1, 16.0];

const FIGURES: [&str; 3] = [
    "process start and handshake",
    "a trivial query",
    "memory of its process",
];

/// What was seen of one server.
#[derive(Debug, Default)]
struct Weight {
    connect: Samples,
    query: Samples,
    memory: Vec<u64>,
}

impl Weight {
    /// Starts the server once, and asks it.
    async fn see(&mut self, foreign: &Foreign) -> Result<(), Error> {
        let before = children_memory();
        let start = Instant::now();
        let client = foreign.connector.connect(&Scope::default()).await?;
        self.connect.since(start);
        // The first query finds nothing prepared.
        let mut answered = foreign.call.ask(&client).await;
        for _ in 0..10 {
            if answered.is_ok() {
                let start = Instant::now();
                answered = foreign.call.ask(&client).await;
                self.query.since(start);
            }
        }
        self.memory.push(children_memory().saturating_sub(before));
        client.close().await?;
        answered
    }

    /// In the order of [`FIGURES`]: microseconds, microseconds, and bytes.
    fn figures(&self) -> [Option<Summary>; 3] {
        let memory = self.memory.iter().map(|bytes| *bytes as f64);
        let (connect, query) = (self.connect.summary(), self.query.summary());
        [connect, query, Summary::of(memory)]
    }
}

/// Our server by turns with each of the others.
pub(super) async fn beside(bench: &Bench, others: &[Foreign]) -> Result<Section, Error> {
    let ours = Foreign {
        name: "mcp-db".to_owned(),
        connector: bench.servers.stdio().connector()?,
        call: Call::Tool {
            name: "query".to_owned(),
            arguments: json!({ "sql": "select 40 + 2 as n" }),
            expected: "42".to_owned(),
        },
        _folder: None,
    };
    let mut weight = Weight::default();
    let mut weights: Vec<_> = others.iter().map(|_| Weight::default()).collect();
    let pace = Pace {
        least: if bench.effort.quick { 2 } else { 5 },
        most: 20,
        time: bench.effort.time(std::time::Duration::from_secs(10)),
    };
    let mut row = bench.progress.pace("our server beside the others", pace);
    while row.goes_on() {
        weight.see(&ours).await?;
        for (other, theirs) in others.iter().zip(&mut weights) {
            theirs.see(other).await?;
            weight.see(&ours).await?;
        }
    }
    let names = others.iter().map(|other| other.name.as_str());
    let others: Vec<_> = names.zip(weights.iter().map(Weight::figures)).collect();
    Ok(table(&weight.figures(), &others))
}

/// Our figures, each beside the best of the others.
fn table(ours: &[Option<Summary>; 3], others: &[(&str, [Option<Summary>; 3])]) -> Section {
    let columns = [
        column("what", "what"),
        column("ours", "mcp-db"),
        column("best", "best of the others"),
        column("whose", "whose"),
        column("ratio", "theirs / ours").judged(),
        column("aim", "aim"),
    ];
    let title = "Our server beside those of others";
    let mut section = Section::new("third-party-light", title, &columns).about(&[
        "The servers of databases above and ours, each started as a child process and asked, by turns, for a statement that reads no table; ours once after each of the others.",
        "*memory of its process*: what it has for itself after eleven queries.",
    ]);
    for (index, (what, aim)) in FIGURES.iter().zip(AIMS).enumerate() {
        let missing = || Cell::Missing("not measured".to_owned());
        let cell = |summary: &Summary| match index {
            2 => Cell::Bytes(vec![summary.p50 as u64]),
            _ => Cell::Times(Box::new(*summary)),
        };
        let theirs = others.iter();
        let theirs = theirs.filter_map(|(name, figures)| Some((*name, figures[index]?)));
        let best = theirs.min_by(|(_, one), (_, other)| one.p50.total_cmp(&other.p50));
        let ratio = best
            .zip(ours[index])
            .map(|((_, best), ours)| best.times(&ours));
        let aim = match index {
            2 => Aim {
                most: aim * 1024.0 * 1024.0,
                shown: format!("{aim:.0} MiB"),
            },
            _ => Aim {
                most: aim * 1e3,
                shown: words::time(aim * 1e3),
            },
        };
        if let Some(summary) = &ours[index] {
            let verdict = if summary.p50 <= aim.most {
                "kept"
            } else {
                "missed"
            };
            section.remarks.push(format!(
                "The aim for {what}, at most {}, is {verdict}.",
                aim.shown
            ));
        }
        if let Some(Ratio { value, .. }) = ratio.filter(|ratio| ratio.value < 1.0) {
            section.remarks.push(format!(
                "Ours is not ahead in {what}: the best of the others takes {} of it.",
                words::factor(value)
            ));
        }
        section.row(vec![
            Cell::word(*what),
            ours[index].as_ref().map_or_else(missing, cell),
            best.as_ref().map_or_else(missing, |(_, best)| cell(best)),
            Cell::word(best.map_or("–", |(name, _)| name)),
            ratio.map_or_else(missing, Cell::Ratio),
            Cell::word(aim.shown),
        ]);
    }
    section
}

/// What is to be reached at most.
struct Aim {
    /// Microseconds, or bytes.
    most: f64,
    shown: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_set_beside_the_best_and_a_missed_aim_is_named() {
        let figures = |connect: f64, query: f64, mib: f64| {
            let one = |value: f64| Summary::of([value].into_iter());
            [one(connect), one(query), one(mib * 1024.0 * 1024.0)]
        };
        let others = [
            ("heavy", figures(900_000.0, 500.0, 80.0)),
            ("light", figures(90_000.0, 60.0, 15.0)),
        ];
        let section = table(&figures(4500.0, 80.0, 3.0), &others);
        let row: Vec<_> = section.rows[0].iter().map(words::cell).collect();
        assert_eq!(
            row,
            [
                "process start and handshake",
                "4.50 ms / 4.50 ms",
                "90.0 ms / 90.0 ms",
                "light",
                "20x (one sample)",
                "3.00 ms"
            ]
        );
        assert_eq!(
            section.remarks,
            [
                "The aim for process start and handshake, at most 3.00 ms, is missed.",
                "The aim for a trivial query, at most 100 µs, is kept.",
                "Ours is not ahead in a trivial query: the best of the others takes 0.75 of it.",
                "The aim for memory of its process, at most 16 MiB, is kept.",
            ]
        );
        // Where none is installed, ours is shown alone.
        assert_eq!(table(&figures(1.0, 1.0, 1.0), &[]).remarks.len(), 3);
    }
}
