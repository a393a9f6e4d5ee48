//! The tables of the regimes.

use super::{AGENT, Life, Measured, Pair, Regime, WORKERS};
use crate::{
    plot::{Bars, Plot, Tone, Unit, median},
    sample::Samples,
    section::{Cell, Column, Section, column},
    words,
    work::Work,
};

/// What the relay does to the figures, in plain words.
const ADDED: &str = "The way to the HTTP server leads through a relay that delivers every byte half a round trip late, and takes one round trip more for each new TCP connection. Nothing else is added: no loss, no bandwidth limit, no TLS.";

fn way(regime: &Regime) -> Cell {
    Cell::Word(format!("{}: {}", regime.name, trip(regime)))
}

fn trip(regime: &Regime) -> String {
    words::time(regime.rtt.as_secs_f64() * 1e6)
}

/// The rows of the case studies, and ours.
pub(super) fn beside(all: &[Measured]) -> Section {
    let columns = [
        column("study", "case study"),
        column("figure", "figure"),
        column("their_direct", "there, direct"),
        column("their_pooled", "there, pooled"),
        column("their_gain", "there, gain"),
        column("direct_us", "here, direct"),
        column("pooled_us", "here, pooled"),
        column("gain", "here, gain").judged(),
        column("samples", "samples"),
    ];
    let mut section = Section::new("case-studies", "Beside the case studies", &columns).about(&[
        "*A*: an agent that opened a connection for each request, and then pooled them; 642x is its best known figure. *B*: a plugin that reached a database through a remote server; it set its first operation beside those on a reused connection, and saved 85 %.",
        ADDED,
        "The round trip is chosen so that a direct connect (`initialize`) takes as long as theirs did.",
        "*direct*, of operations: open a session, ask, close it. Theirs name no close.",
        "*building a pool*: without one there is nothing to build, so that there is no gain to tell.",
        "*connecting for 3*: three connections, one after the other, without close; there, three times the overhead of one.",
    ]);
    for study in all {
        let Some((_, life)) = study.lives.first() else {
            continue;
        };
        let figures = match study.regime.name {
            AGENT => of_agent(study, life),
            _ => of_plugin(life),
        };
        for Figure {
            name,
            theirs,
            direct,
            pooled,
        } in figures
        {
            let none = || Cell::Missing("–".to_owned());
            let mut row = vec![Cell::word(study.regime.name), Cell::word(name)];
            row.extend(theirs.map(|told| Cell::Told(told.to_owned())));
            row.push(direct.as_ref().map_or_else(none, Cell::times));
            row.push(Cell::times(&pooled));
            let gain = direct.as_ref().map(|direct| Cell::ratio(direct, &pooled));
            row.push(gain.unwrap_or_else(none));
            row.push(Cell::count(direct.as_ref().unwrap_or(&pooled).len()));
            section.row(row);
        }
    }
    section.remarks = why(all);
    section
}

/// A figure of a case study, and ours for the same.
struct Figure {
    name: String,
    /// Direct, pooled, and what was gained.
    theirs: [&'static str; 3],
    direct: Option<Samples>,
    pooled: Samples,
}

impl Figure {
    fn new(name: impl Into<String>, theirs: [&'static str; 3], ours: [&Samples; 2]) -> Self {
        let [direct, pooled] = ours.map(Samples::clone);
        Self {
            name: name.into(),
            theirs,
            direct: Some(direct),
            pooled,
        }
    }
}

fn of_agent(study: &Measured, life: &Life) -> Vec<Figure> {
    let Life {
        connect,
        first,
        reuse,
        ..
    } = life;
    let reused = ["103 ms", "0.16 ms", "642x"];
    let mut figures = vec![
        Figure::new("connecting", reused, [connect, reuse]),
        Figure::new(
            "a pool's first",
            ["103 ms", "102 ms", "none"],
            [connect, first],
        ),
    ];
    for (work, Pair { direct, pooled }) in &study.operations {
        let theirs = match work {
            Work::Listing => ["n/a + 103 ms", "0 ms", "instantaneous"],
            Work::Retrieval => ["variable + 103 ms", "variable", "103 ms saved"],
            Work::Search => ["17 ms + 103 ms", "10 ms", "12x"],
            Work::Query => continue,
        };
        figures.push(Figure::new(work.name(), theirs, [direct, pooled]));
    }
    let theirs = [
        reused,
        ["309 ms", "0.48 ms", "scales linearly"],
        ["515 ms", "0.8 ms", "no exhaustion"],
    ];
    for (workers, theirs) in WORKERS.into_iter().zip(theirs) {
        let [direct, pooled] = [connect, reuse].map(|one| one.sums(workers));
        let name = format!("connecting for {workers}");
        figures.push(Figure::new(name, theirs, [&direct, &pooled]));
    }
    figures
}

fn of_plugin(life: &Life) -> Vec<Figure> {
    let build = Figure {
        name: "building a pool".to_owned(),
        theirs: ["–", "1 ms", "–"],
        direct: None,
        pooled: life.build.clone(),
    };
    let name = "first operation, and on a reused connection";
    let theirs = ["2,168 ms", "318 ms", "6.8x, saved 85 %"];
    let operation = Figure::new(name, theirs, [&life.first_query, &life.next_query]);
    vec![build, operation]
}

/// Why their figures and ours differ, by what theirs imply.
fn why(all: &[Measured]) -> Vec<String> {
    let mut remarks = vec![
        "The checkout needs no network, there or here: it does not depend on how long a connect takes.".to_owned(),
    ];
    for study in all {
        let Some((_, life)) = study.lives.first() else {
            continue;
        };
        let summaries = life.first_query.summary().zip(life.next_query.summary());
        let Some((first, next)) = summaries else {
            continue;
        };
        let saved = (1.0 - next.p50 / first.p50) * 100.0;
        let (name, trip) = (study.regime.name, trip(&study.regime));
        let theirs = if name == AGENT {
            "Their pooled search took 10 ms, so that a round trip took no longer, and a connect of 103 ms as long as ten of them"
        } else {
            "Theirs saved 85 %: their pooled operation took 318 ms, so that a round trip took no longer, and the 1,850 ms that a connect cost as long as nearly six of them"
        };
        remarks.push(format!(
            "{name}: here the way alone is long, {trip} a round trip. A first operation takes three of them, two to open a session and one for the call, and the next ones take one, so that a pool cannot save more than two thirds of the waiting; saved here, with what the machine itself took: {saved:.0} %. {theirs}. Opening a session takes two: the rest was something else that only a connect has, such as the handshakes of TCP and TLS, or a server that starts or signs somebody in. A pool saves that as well, but this relay does not add it, for what it was is not known."
        ));
    }
    remarks
}

pub(super) fn connections(all: &[Measured]) -> Section {
    let columns = [
        column("way", "round trip added"),
        column("lifecycle", "lifecycle"),
        column("connect_us", "direct, connect"),
        column("close_us", "direct, close"),
        column("first_us", "pool, first"),
        column("reuse_us", "pool, reuse"),
        column("improvement", "connect / reuse").judged(),
        column("samples", "samples"),
    ];
    let title = "Connection time on a longer way";
    let mut section = Section::new("far-connection", title, &columns).about(&[
        ADDED,
        "Direct and pooled sessions alike find sockets open that earlier ones have used.",
    ]);
    let mut groups = Vec::new();
    for measured in all {
        for (lifecycle, life) in &measured.lives {
            section.row(vec![
                way(&measured.regime),
                Cell::word(*lifecycle),
                Cell::times(&life.connect),
                Cell::times(&life.close),
                Cell::times(&life.first),
                Cell::times(&life.reuse),
                Cell::ratio(&life.connect, &life.reuse),
                Cell::count(life.connect.len()),
            ]);
            let medians = [&life.connect, &life.first, &life.reuse].map(median);
            let name = format!("{}, {lifecycle}", measured.regime.name);
            groups.push((name, medians.into()));
        }
    }
    let bars = Bars {
        unit: Unit::Time,
        names: vec![
            ("direct, connect".to_owned(), Tone::Direct),
            ("pool, first".to_owned(), Tone::First),
            ("pool, reuse".to_owned(), Tone::Pooled),
        ],
        groups,
    };
    section
        .plots
        .push(Plot::bars("far-connection", title, bars));
    section
}

pub(super) fn operations(all: &[Measured]) -> Section {
    let columns = pair_columns(column("operation", "operation"));
    let title = "Operations on a longer way";
    let mut section = Section::new("far-operations", title, &columns).about(&[
        "As the operations above, with `initialize`: *direct* opens a session, asks and closes it, four round trips in all.",
        "A connection that has been idle for more than half a second is asked for a sign of life before it is handed out. Where the direct operation, which has its turn between two pooled ones, takes longer than that, a pooled one takes two round trips instead of one: `MCP_POOL_CHECK_AFTER_IDLE` sets that time.",
    ]);
    for measured in all {
        for (work, pair) in &measured.operations {
            section.row(pair_row(&measured.regime, Cell::word(work.name()), pair));
        }
    }
    section
}

pub(super) fn workers(all: &[Measured]) -> Section {
    let columns = pair_columns(column("workers", "workers"));
    let title = "Workers on a longer way";
    let mut section = Section::new("far-workers", title, &columns).about(&[
        "So many workers at once, each with one query: the time until the last of them is served. The sign of life counts here, too.",
    ]);
    for measured in all {
        for (workers, pair) in &measured.workers {
            section.row(pair_row(&measured.regime, Cell::count(*workers), pair));
        }
    }
    section
}

fn pair_columns(what: Column) -> [Column; 6] {
    [
        column("way", "round trip added"),
        what,
        column("direct_us", "direct"),
        column("pooled_us", "pooled"),
        column("improvement", "improvement").judged(),
        column("samples", "samples"),
    ]
}

fn pair_row(regime: &Regime, what: Cell, pair: &Pair) -> Vec<Cell> {
    vec![
        way(regime),
        what,
        Cell::times(&pair.direct),
        Cell::times(&pair.pooled),
        Cell::ratio(&pair.direct, &pair.pooled),
        Cell::count(pair.direct.len()),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn samples(millis: u64, count: usize) -> Samples {
        let mut samples = Samples::default();
        (0..count).for_each(|_| samples.push(Duration::from_millis(millis)));
        samples
    }

    fn study(name: &'static str) -> Measured {
        let life = Life {
            build: samples(1, 6),
            connect: samples(2000, 6),
            close: samples(1000, 6),
            first: samples(2000, 6),
            reuse: samples(1, 600),
            first_query: samples(3001, 6),
            next_query: samples(1001, 6),
        };
        let pair = || Pair {
            direct: samples(4000, 6),
            pooled: samples(1000, 6),
        };
        Measured {
            regime: Regime {
                name,
                rtt: Duration::from_secs(1),
            },
            lives: vec![("initialize", life)],
            operations: Work::ALL.map(|work| (work, pair())).into(),
            workers: WORKERS.map(|workers| (workers, pair())).into(),
        }
    }

    #[test]
    fn a_figure_of_a_case_study_stands_beside_ours_with_its_samples_and_the_reason() {
        let section = beside(&[study(AGENT), study("case study B")]);
        let rows: Vec<Vec<_>> = section
            .rows
            .iter()
            .map(|row| row.iter().map(words::cell).collect())
            .collect();
        let last = [
            "case study B",
            "first operation, and on a reused connection",
            "2,168 ms",
            "318 ms",
            "6.8x, saved 85 %",
            "3.00 s / 3.00 s",
            "1.00 s / 1.00 s",
            "3.0x",
            "6",
        ];
        assert_eq!(rows.last().unwrap(), &last);
        // Of five connections one after the other, six give one sample.
        let five = rows
            .iter()
            .find(|row| row[1] == "connecting for 5")
            .unwrap();
        assert_eq!(
            five[5..],
            [
                "10.0 s / 10.0 s",
                "5.00 ms / 5.00 ms",
                "2000x (one sample)",
                "1"
            ]
        );
        let why = &section.remarks[2];
        assert!(
            why.starts_with("case study B") && why.contains("took: 67 %"),
            "{why}"
        );
    }
}
