//! The tables of the regimes.

use super::{Measured, Pair, Regime};
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
    let rtt = words::time(regime.rtt.as_secs_f64() * 1e6);
    Cell::Word(format!("{}: {rtt}", regime.name))
}

/// The rows of the case studies, and ours.
pub(super) fn beside(all: &[Measured]) -> Section {
    let columns = [
        column("study", "case study"),
        column("figure", "figure"),
        column("theirs", "there"),
        column("ours", "here"),
    ];
    let mut section = Section::new("case-studies", "Beside the case studies", &columns).about(&[
        ADDED,
        "The round trip is chosen so that a direct connect (`initialize`) takes as long as theirs did. What theirs was made of they do not say: a server that starts, signs in or wakes up would cost a pool's first connection as much, and its later operations nothing. So the checkout can be compared, and the operations only as far as theirs, too, were waiting for a network.",
    ]);
    let mut row = |study: &Measured, figure: &str, theirs: &str, ours: Cell| {
        section.row(vec![
            Cell::word(study.regime.name),
            Cell::word(figure),
            Cell::word(theirs),
            ours,
        ]);
    };
    for (index, study) in all.iter().enumerate() {
        let Some((_, life)) = study.lives.first() else {
            continue;
        };
        if index == 0 {
            row(
                study,
                "connect, direct",
                "103 ms",
                Cell::times(&life.connect),
            );
            row(study, "pool, first", "102 ms", Cell::times(&life.first));
            row(study, "pool, reuse", "0.16 ms", Cell::times(&life.reuse));
            let improvement = Cell::ratio(&life.connect, &life.reuse);
            row(study, "improvement", "642x", improvement);
            for (work, pair) in &study.operations {
                let theirs = match work {
                    Work::Listing => ["(n/a) + 103 ms", "0 ms", "instantaneous"],
                    Work::Retrieval => ["variable + 103 ms", "variable", "103 ms saved"],
                    Work::Search => ["17 ms + 103 ms", "10 ms", "12x"],
                    Work::Query => continue,
                };
                let name = |what: &str| format!("{}, {what}", work.name());
                row(study, &name("direct"), theirs[0], Cell::times(&pair.direct));
                row(study, &name("pooled"), theirs[1], Cell::times(&pair.pooled));
                let improvement = Cell::ratio(&pair.direct, &pair.pooled);
                row(study, &name("improvement"), theirs[2], improvement);
            }
            let theirs = [
                ("103 ms", "0.16 ms"),
                ("309 ms", "0.48 ms"),
                ("515 ms", "0.8 ms"),
            ];
            for ((workers, _), (direct, pooled)) in study.workers.iter().zip(theirs) {
                let overhead = |samples: &Samples| {
                    samples.summary().map_or_else(
                        || Cell::Missing("not measured".to_owned()),
                        |one| Cell::Word(words::time(one.p50 * *workers as f64)),
                    )
                };
                let name = |what: &str| format!("connecting for {workers} in total, {what}");
                row(study, &name("direct"), direct, overhead(&life.connect));
                row(study, &name("pooled"), pooled, overhead(&life.reuse));
            }
        } else {
            row(
                study,
                "first operation",
                "2,168 ms",
                Cell::times(&life.first_query),
            );
            row(
                study,
                "on a reused connection",
                "318 ms",
                Cell::times(&life.next_query),
            );
            row(
                study,
                "saved",
                "85 %",
                saved(&life.first_query, &life.next_query),
            );
        }
    }
    section
}

fn saved(first: &Samples, next: &Samples) -> Cell {
    match (first.summary(), next.summary()) {
        (Some(first), Some(next)) => {
            Cell::Word(format!("{:.0} %", (1.0 - next.p50 / first.p50) * 100.0))
        }
        _ => Cell::Missing("not measured".to_owned()),
    }
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
        "As the operations above, with `initialize`: *direct* opens a session, asks and closes it.",
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
        "So many workers at once, each with one query: the time until the last of them is served.",
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
