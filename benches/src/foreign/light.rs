//! How light our own server is beside those of others that serve databases: its start,
//! a trivial query, and its memory.

use mcp_domain::{Connection as _, Connector as _, Error, Scope};
use serde_json::json;
use tokio::time::Instant;

use super::{Call, Foreign, usage};
use crate::{
    bench::Bench,
    plot::Unit,
    progress::Pace,
    sample::{Samples, Summary},
    section::{Cell, Section, column},
    words,
};

/// So many queries are asked before any is timed: the first ones of a process find
/// nothing prepared, and its code not yet read into memory.
const COLD: usize = 20;

/// So many are timed of each process.
const TIMED: usize = 200;

/// One thing that is told of every server.
struct Measure {
    what: &'static str,
    /// That of the figures, which are microseconds if they are times.
    unit: Unit,
    of: fn(&Weight) -> Option<Summary>,
    /// What our server is to take at most, if that was ever said.
    aim: Option<f64>,
}

const MIB: f64 = 1024.0 * 1024.0;

const MEASURES: [Measure; 4] = [
    Measure {
        what: "process start and handshake",
        unit: Unit::Time,
        of: |weight| weight.connect.summary(),
        aim: Some(3_000.0),
    },
    Measure {
        what: "a trivial query",
        unit: Unit::Time,
        of: |weight| weight.query.summary(),
        aim: Some(100.0),
    },
    Measure {
        what: "resident memory of its process",
        unit: Unit::Bytes,
        of: |weight| Summary::of(weight.resident.iter().map(|bytes| *bytes as f64)),
        aim: Some(16.0 * MIB),
    },
    Measure {
        what: "of that, for itself alone",
        unit: Unit::Bytes,
        of: |weight| Summary::of(weight.own.iter().map(|bytes| *bytes as f64)),
        aim: None,
    },
];

/// What was seen of one server.
#[derive(Debug, Default)]
struct Weight {
    connect: Samples,
    query: Samples,
    /// Bytes.
    resident: Vec<u64>,
    /// Bytes.
    own: Vec<u64>,
}

impl Weight {
    /// Starts the server once, and asks it.
    async fn see(&mut self, foreign: &Foreign) -> Result<(), Error> {
        let before = usage();
        let start = Instant::now();
        let client = foreign.connector.connect(&Scope::default()).await?;
        self.connect.since(start);
        let mut answered = Ok(());
        for asked in 0..COLD + TIMED {
            let start = Instant::now();
            answered = foreign.call.ask(&client).await;
            if answered.is_err() {
                break;
            }
            if asked >= COLD {
                self.query.since(start);
            }
        }
        let after = usage();
        let more = |after: u64, before: u64| after.saturating_sub(before);
        self.resident.push(more(
            after.children_resident_memory,
            before.children_resident_memory,
        ));
        self.own
            .push(more(after.children_memory, before.children_memory));
        client.close().await?;
        answered
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
    let servers: Vec<_> = std::iter::once(&ours).chain(others).collect();
    let mut weights: Vec<_> = servers.iter().map(|_| Weight::default()).collect();
    let pace = Pace {
        least: if bench.effort.quick { 2 } else { 10 },
        most: 50,
        time: bench.effort.time(std::time::Duration::from_secs(20)),
    };
    let mut row = bench.progress.pace("our server beside the others", pace);
    while row.goes_on() {
        for (server, weight) in servers.iter().zip(&mut weights) {
            // What the one before has left in the processor's caches, a heavy one most of
            // all, is not this one's weight: the first start puts its own there.
            Weight::default().see(server).await?;
            weight.see(server).await?;
        }
    }
    let names = others.iter().map(|other| other.name.as_str());
    let (ours, theirs) = weights.split_at(1);
    let theirs: Vec<_> = names.zip(theirs).collect();
    Ok(table(&ours[0], &theirs))
}

/// Our figures, each beside the best of the others.
fn table(ours: &Weight, others: &[(&str, &Weight)]) -> Section {
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
        "The servers of databases above and ours, each started as a child process, by turns, and twice in a row, of which the second time counts: the first one pays for what the server before has left in the processor's caches.",
        "Each is asked for a statement that reads no table, 20 times unseen and then 200 times.",
        "*of that, for itself alone*: without what it shares with other processes of the same program.",
    ]);
    for measure in MEASURES {
        let figure = |summary: &Summary| match measure.unit {
            Unit::Bytes => Cell::Bytes(vec![summary.p50 as u64]),
            _ => Cell::Times(Box::new(*summary)),
        };
        let cell = |summary: Option<&Summary>| {
            summary.map_or_else(|| Cell::Missing("not measured".to_owned()), figure)
        };
        let ours = (measure.of)(ours);
        let theirs = others.iter();
        let theirs = theirs.filter_map(|(name, weight)| Some((*name, (measure.of)(weight)?)));
        let best = theirs.min_by(|(_, one), (_, other)| one.p50.total_cmp(&other.p50));
        let ratio = best.zip(ours).map(|((_, best), ours)| best.times(&ours));
        if let Some((ours, aim)) = ours.zip(measure.aim) {
            let verdict = if ours.p50 <= aim { "kept" } else { "missed" };
            section.remarks.push(format!(
                "The aim for {}, at most {}, is {verdict}.",
                measure.what,
                measure.unit.show(aim)
            ));
        }
        if let Some(ratio) = ratio.filter(|ratio| ratio.value < 1.0) {
            section.remarks.push(format!(
                "Ours is not ahead in {}: the best of the others takes {} of it.",
                measure.what,
                words::factor(ratio.value)
            ));
        }
        let shown = |aim| Cell::word(measure.unit.show(aim));
        section.row(vec![
            Cell::word(measure.what),
            cell(ours.as_ref()),
            cell(best.as_ref().map(|(_, best)| best)),
            Cell::word(best.map_or("–", |(name, _)| name)),
            ratio.map_or_else(|| Cell::Missing("not measured".to_owned()), Cell::Ratio),
            measure.aim.map_or_else(|| Cell::word("–"), shown),
        ]);
    }
    section
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn weight(connect_ms: f64, query_us: f64, mib: u64) -> Weight {
        let mut weight = Weight::default();
        weight
            .connect
            .push(Duration::from_secs_f64(connect_ms / 1e3));
        weight.query.push(Duration::from_secs_f64(query_us / 1e6));
        weight.resident.push(mib << 20);
        weight.own.push(mib << 19);
        weight
    }

    #[test]
    fn ours_is_set_beside_the_best_and_a_missed_aim_is_named() {
        let (heavy, light) = (weight(900.0, 500.0, 80), weight(90.0, 60.0, 15));
        let others = [("heavy", &heavy), ("light", &light)];
        let section = table(&weight(4.5, 80.0, 3), &others);
        let row = |row: usize| -> Vec<_> { section.rows[row].iter().map(words::cell).collect() };
        assert_eq!(
            row(0),
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
            row(3),
            [
                "of that, for itself alone",
                "1.50 MiB",
                "7.50 MiB",
                "light",
                "5.0x (one sample)",
                "–"
            ]
        );
        assert_eq!(
            section.remarks,
            [
                "The aim for process start and handshake, at most 3.00 ms, is missed.",
                "The aim for a trivial query, at most 100 µs, is kept.",
                "Ours is not ahead in a trivial query: the best of the others takes 0.75 of it.",
                "The aim for resident memory of its process, at most 16.0 MiB, is kept.",
            ]
        );
        // Where none is installed, ours is shown alone.
        assert_eq!(table(&weight(1.0, 1.0, 1), &[]).remarks.len(), 3);
    }
}
