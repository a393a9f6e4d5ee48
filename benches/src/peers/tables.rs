//! The tables of the peers.

use super::{CALLERS, Figures, ROUNDS};
use crate::{
    plot::{Bars, Plot, Tone, Unit, median},
    sample::{Ratio, Samples},
    section::{Cell, Section, column},
};

/// What the project aims at, against everyone who pools or reuses sessions in
/// another language: acquiring, a call, throughput with 64 callers.
const AIMS: [(&str, f64); 3] = [("acquiring", 14.0), ("a call", 5.0), ("64 callers", 15.0)];

pub(super) fn of(all: &[Figures]) -> Vec<Section> {
    let (Some(ours), others) = (all.first(), all.get(1..).unwrap_or_default()) else {
        return Vec::new();
    };
    vec![absolute(all), behind(ours, others)]
}

fn absolute(all: &[Figures]) -> Section {
    let columns = [
        column("client", "client"),
        column("per_call_us", "connect, call, close"),
        column("acquire_us", "acquire"),
        column("call_us", "a call, reused"),
        column("rate_1", "1 caller"),
        column("rate_8", "8 callers"),
        column("rate_64", "64 callers"),
        column("memory", "memory per connection"),
        column("samples", "samples"),
        column("version", "version"),
    ];
    let mut section = Section::new("peers", "Peers", &columns).about(&[
        "The same server (HTTP on this machine), the same query, each client in a process of its own, all by turns.",
        "*connect, call, close*: a session for each call. *acquire*: taking a session from a pool. *a call, reused*: on a session that is held open, or from the pool, acquiring included.",
        "A Python program uses one core; ours uses what it gets. The Python clients run as a program has it by default: Python's own event loop (no uvloop) and its garbage collector; their logging is off.",
        "*samples*: of a call; of *connect, call, close* a tenth, of *acquire* three times and a third as many. Throughput: the median of the rounds.",
        "*bare rmcp* is no pool: one session that is open, which nobody checks, limits or replaces.",
    ]);
    for client in all {
        if client.call.len() == 0 {
            let why = client.failed.clone().unwrap_or_default();
            let mut row = vec![Cell::word(client.name), Cell::Missing(why)];
            row.resize_with(columns.len(), || Cell::Missing(String::new()));
            section.row(row);
            continue;
        }
        let acquire = if client.acquire.len() == 0 {
            Cell::Missing("no pool".to_owned())
        } else {
            Cell::times(&client.acquire)
        };
        let mut row = vec![
            Cell::word(client.name),
            Cell::times(&client.per_call),
            acquire,
            Cell::times(&client.call),
        ];
        row.extend(CALLERS.map(|callers| throughput(client, callers)));
        row.push(client.memory.map_or_else(
            || Cell::Missing("not measured".to_owned()),
            |bytes| Cell::Bytes(vec![bytes]),
        ));
        row.push(Cell::count(client.call.len()));
        row.push(Cell::word(client.version.clone()));
        section.row(row);
        if let Some(why) = &client.failed {
            section.remarks.push(format!("{}: {why}.", client.name));
        }
        section.remarks.extend(client.note.map(str::to_owned));
        for (callers, loads) in &client.loads {
            let failed: usize = loads.iter().map(|load| load.failed).sum();
            let stuck: usize = loads.iter().map(|load| load.stuck).sum();
            let first = loads.iter().find_map(|load| load.first_failure.as_deref());
            if failed + stuck > 0 {
                section.remarks.push(format!(
                    "{} with {callers} callers: {failed} calls failed{}, and {stuck} callers (of all rounds) still waited when they were given up.",
                    client.name,
                    first.map(|first| format!(" ({first})")).unwrap_or_default()
                ));
            }
        }
    }
    section.plots.push(calls(all));
    section.plots.push(rates(all));
    section
}

fn calls(all: &[Figures]) -> Plot {
    let groups = all.iter().map(|client| {
        let values = [&client.per_call, &client.acquire, &client.call].map(median);
        (client.name.to_owned(), values.into())
    });
    let bars = Bars {
        unit: Unit::Time,
        names: vec![
            ("connect, call, close".to_owned(), Tone::Direct),
            ("acquire".to_owned(), Tone::First),
            ("a call, reused".to_owned(), Tone::Pooled),
        ],
        groups: groups.collect(),
    };
    Plot::bars("peers-time", "The same query on the same server", bars)
}

fn rates(all: &[Figures]) -> Plot {
    let groups = all.iter().map(|client| {
        let rate = |callers| Some(rate(client, callers)?.value);
        (client.name.to_owned(), CALLERS.map(rate).into())
    });
    let bars = Bars {
        unit: Unit::Count,
        names: vec![
            ("1 caller".to_owned(), Tone::First),
            ("8 callers".to_owned(), Tone::Limit),
            ("64 callers".to_owned(), Tone::Pooled),
        ],
        groups: groups.collect(),
    };
    Plot::bars("peers-rate", "Calls per second", bars)
}

/// The median of the rounds' rates.
fn rate(client: &Figures, callers: usize) -> Option<Ratio> {
    let loads = client.loads.get(&callers)?;
    let mut rates: Vec<_> = loads.iter().map(super::driver::Load::rate).collect();
    rates.sort_by(f64::total_cmp);
    Some(Ratio {
        value: *rates.get(rates.len() / 2)?,
        low: *rates.first()?,
        high: *rates.last()?,
        n: rates.len(),
        // A round has many calls, but one alone may be disturbed as a whole.
        few: rates.len() < ROUNDS,
    })
}

fn throughput(client: &Figures, callers: usize) -> Cell {
    rate(client, callers).map_or_else(
        || Cell::Missing("not measured".to_owned()),
        |rate| Cell::Rate(rate.value),
    )
}

/// How far each of the others is behind the pool.
fn behind(ours: &Figures, others: &[Figures]) -> Section {
    let columns = [
        column("client", "client"),
        column("default", "a session per call / pooled").judged(),
        column("acquire", "acquire").judged(),
        column("call", "a call, reused").judged(),
        column("rate_1", "1 caller").judged(),
        column("rate_8", "8 callers").judged(),
        column("rate_64", "64 callers").judged(),
        column("memory", "memory"),
    ];
    let title = "How many times faster the pool is";
    let mut section = Section::new("peers-behind", title, &columns).about(&[
        "The figures above, divided by the pool's (throughput: the other way round).",
        "Of throughput, the interval is not one of confidence: it reaches from the least to the most that the rounds allow.",
        "*memory*: per connection, of fifty that were open at the same time (five with `--quick`).",
        "The first column is what one gains who opens a session for each call, which is the default of the most used client of agents.",
    ]);
    for client in others.iter().filter(|client| client.call.len() > 0) {
        let acquire = times(&client.acquire, &ours.acquire);
        let call = times(&client.call, &ours.call);
        let rates = CALLERS.map(|callers| {
            let (ours, theirs) = (rate(ours, callers)?, rate(client, callers)?);
            Some(Ratio {
                value: ours.value / theirs.value,
                low: ours.low / theirs.high,
                high: ours.high / theirs.low,
                n: ours.n.min(theirs.n),
                few: ours.few || theirs.few,
            })
        });
        // The bare SDK is the floor that the pool stands on, not a peer.
        if client.name != "bare rmcp" {
            for ((what, aim), reached) in AIMS.iter().zip([acquire, call, rates[2]]) {
                if let Some(reached) = reached.filter(|reached| reached.value < *aim) {
                    section.remarks.push(format!(
                        "Beside {} the pool is {:.1}x as fast ({what}); the aim is {aim}x.",
                        client.name, reached.value
                    ));
                }
            }
        }
        let cell =
            |ratio: Option<Ratio>| ratio.map_or_else(|| Cell::Missing("–".to_owned()), Cell::Ratio);
        let mut row = vec![
            Cell::word(client.name),
            cell(times(&client.per_call, &ours.call)),
            cell(acquire),
            cell(call),
        ];
        row.extend(rates.map(cell));
        row.push(cell(memory(client, ours)));
        section.row(row);
    }
    section
}

/// How many times as much memory an open session takes there, by one reading of many.
fn memory(theirs: &Figures, ours: &Figures) -> Option<Ratio> {
    let (theirs, ours) = (theirs.memory?, ours.memory.filter(|bytes| *bytes > 0)?);
    let value = theirs as f64 / ours as f64;
    Some(Ratio {
        value,
        low: value,
        high: value,
        n: 1,
        few: true,
    })
}

fn times(theirs: &Samples, ours: &Samples) -> Option<Ratio> {
    Some(theirs.summary()?.times(&ours.summary()?))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;
    use crate::{
        peers::driver::{Load, Times},
        words,
    };

    fn samples(micros: u64) -> Samples {
        let mut samples = Samples::default();
        (0..10).for_each(|_| samples.push(Duration::from_micros(micros)));
        samples
    }

    /// A client whose calls take so long, and which leaves some callers waiting.
    fn client(name: &'static str, micros: u64, stuck: usize) -> Figures {
        let load = || Load {
            times: Times {
                ns: vec![micros * 1000; 100],
            },
            lasted: micros * 100_000,
            failed: 0,
            stuck,
            first_failure: None,
        };
        Figures {
            name,
            version: "1".to_owned(),
            per_call: samples(10 * micros),
            call: samples(micros),
            loads: CALLERS
                .map(|callers| (callers, (0..ROUNDS).map(|_| load()).collect()))
                .into(),
            memory: Some(micros << 10),
            ..Figures::default()
        }
    }

    #[test]
    fn what_cannot_be_installed_says_so_and_is_compared_with_nothing() {
        let missing = Figures {
            name: "missing",
            failed: Some("not installed: no such package".to_owned()),
            loads: BTreeMap::new(),
            ..Figures::default()
        };
        let sections = of(&[client("mcp-pool", 100, 0), missing]);
        let row: Vec<_> = sections[0].rows[1].iter().map(words::cell).collect();
        assert_eq!(row[..2], ["missing", "not installed: no such package"]);
        assert!(row[2..].iter().all(String::is_empty), "{row:?}");
        assert!(sections[1].rows.is_empty());
    }

    #[test]
    fn who_is_behind_and_who_waits_in_vain_is_told() {
        let slow = Figures {
            note: Some("Known of it."),
            ..client("slow", 300, 54)
        };
        let sections = of(&[client("mcp-pool", 100, 0), slow]);
        let remarks = &sections[0].remarks;
        assert_eq!(remarks[0], "Known of it.");
        assert!(remarks[3].contains("64 callers") && remarks[3].contains("162 callers"));
        let row: Vec<_> = sections[1].rows[0].iter().map(words::cell).collect();
        let expected = [
            "slow",
            "30x",
            "–",
            "3.0x",
            "3.0x",
            "3.0x",
            "3.0x",
            "3.0x (one sample)",
        ];
        assert_eq!(row, expected);
        // Behind, and not by as much as was aimed at.
        assert_eq!(
            sections[1].remarks,
            [
                "Beside slow the pool is 3.0x as fast (a call); the aim is 5x.",
                "Beside slow the pool is 3.0x as fast (64 callers); the aim is 15x."
            ]
        );
    }
}
