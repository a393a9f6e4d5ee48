//! The parts: what a checkout, a key, the breaker and the client cost by themselves, beside
//! what others offer for the same.
//!
//! Each is a benchmark of its own (`cargo bench -p mcp-bench`), which tells its samples
//! when it is asked for them; `cargo xtask bench` builds them and tells where they are.

use std::{path::PathBuf, process::Stdio, str::FromStr};

use mcp_domain::{Error, ErrorKind};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::process::Command;

use crate::{
    bench::Bench,
    sample::{Ratio, Summary},
    section::{Cell, Section, column},
    words,
};

/// A benchmark that is built, as `NAME=PROGRAM`.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    name: String,
    program: PathBuf,
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, program) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` is not NAME=PROGRAM"))?;
        Ok(Self {
            name: name.to_owned(),
            program: program.into(),
        })
    }
}

/// What a benchmark tells of one situation.
#[derive(Debug, Deserialize)]
struct Table {
    situation: String,
    peers: Vec<String>,
    ways: Vec<Way>,
    aims: Vec<Aim>,
    remarks: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Way {
    name: String,
    /// The time of one call, in each round.
    nanos: Vec<f64>,
}

/// How fast a way is to be, beside another.
#[derive(Debug, Deserialize)]
struct Aim {
    way: String,
    beside: String,
    speed: f64,
}

/// What the benchmark of the instructions tells of one path.
#[derive(Debug, Deserialize)]
struct Path {
    name: String,
    instructions: f64,
    beside: Option<String>,
}

/// The one that counts instead of taking the time.
const INSTRUCTIONS: &str = "instructions";

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Section>, Error> {
    if bench.parts.is_empty() {
        let message = "the parts are built by `cargo xtask bench --parts`";
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let mut bar = bench.progress.steps("parts", bench.parts.len());
    let mut sections = Vec::new();
    for part in &bench.parts {
        if part.name == INSTRUCTIONS {
            sections.push(instructions(&told(bench, part).await?));
        } else {
            let tables: Vec<Table> = told(bench, part).await?;
            sections.extend(tables.iter().map(|table| times(&part.name, table)));
        }
        bar.step();
    }
    Ok(sections)
}

/// Runs a benchmark, and reads what it tells, a line for each table or path.
async fn told<T: DeserializeOwned>(bench: &Bench, part: &Part) -> Result<Vec<T>, Error> {
    let failed = |why: String| {
        let message = format!("the benchmark `{}` failed: {why}", part.name);
        Error::new(ErrorKind::BadResponse, message)
    };
    let output = Command::new(&part.program)
        .arg("--json")
        .args(bench.effort.quick.then_some("--quick"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let told: Result<_, serde_json::Error> = text.lines().map(serde_json::from_str).collect();
    told.map_err(|error| failed(error.to_string()))
}

/// One situation: the least and the median of each way, and its speed beside its peers.
fn times(part: &str, table: &Table) -> Section {
    let mut columns = vec![
        column("way", "way"),
        column("least", "least"),
        column("time_us", "median / p99"),
    ];
    for peer in &table.peers {
        columns.push(column(peer.clone(), format!("speed beside {peer}")).compared());
    }
    columns.push(column("rounds", "rounds"));
    let id = format!("{part}-{}", slug(&table.situation));
    let title = format!("Part {part}: {}", table.situation);
    let mut section = Section::new(id, title, &columns).about(&[
        "All ways by turns, a batch of calls each; the time of one call. *least*: the fastest batch, where nothing came between.",
        "*speed beside*: how many times faster it was in the same round, the median of all rounds; more is faster.",
    ]);
    let find = |name: &str| table.ways.iter().find(|way| way.name == name);
    for way in &table.ways {
        let micros = || way.nanos.iter().map(|nanos| nanos / 1e3);
        let least = micros().reduce(f64::min);
        let time = Summary::of(micros()).map(|summary| Cell::Times(Box::new(summary)));
        let missing = || Cell::Missing("not measured".to_owned());
        let mut row = vec![
            Cell::word(way.name.clone()),
            least.map_or_else(missing, |least| Cell::Word(words::time(least))),
            time.unwrap_or_else(missing),
        ];
        for peer in &table.peers {
            let speed = find(peer).and_then(|peer| speed(way, peer));
            row.push(speed.map_or_else(missing, Cell::Ratio));
        }
        row.push(Cell::count(way.nanos.len()));
        section.row(row);
    }
    for Aim {
        way: name,
        beside,
        speed: aim,
    } in &table.aims
    {
        let reached = find(name).zip(find(beside));
        if let Some(reached) = reached.and_then(|(way, beside)| speed(way, beside)) {
            let verdict = verdict(*aim, &reached);
            let (aim, reached) = (words::factor(*aim), words::cell(&Cell::Ratio(reached)));
            section.remarks.push(format!(
                "Aim for `{name}`: {aim}x the speed of `{beside}`. {verdict}: {reached}."
            ));
        }
    }
    section.remarks.extend(table.remarks.iter().cloned());
    section
}

/// How many times faster one way was than another, round by round.
fn speed(way: &Way, peer: &Way) -> Option<Ratio> {
    let rounds = peer.nanos.iter().zip(&way.nanos);
    let speeds = Summary::of(rounds.map(|(peer, way)| peer / way))?;
    Some(speeds.ratio())
}

fn verdict(aim: f64, reached: &Ratio) -> &'static str {
    if reached.value < aim {
        "Missed"
    } else if reached.low < aim {
        "Kept, if narrowly"
    } else {
        "Kept"
    }
}

fn instructions(paths: &[Path]) -> Section {
    let columns = [
        column("path", "path"),
        column("instructions", "instructions"),
        column("beside", "beside"),
        column("fewer", "its instructions, as a multiple").compared(),
    ];
    let title = "Part instructions: the hot paths, on one thread";
    let mut section = Section::new(INSTRUCTIONS, title, &columns).about(&[
        "Counted by valgrind's callgrind, which the machine's mood does not move: the same path with many and with few repetitions, and the difference.",
        "The last column: how many times the instructions of this path the one beside it takes; more is better.",
    ]);
    for path in paths {
        let beside = path.beside.as_ref();
        let peer = beside.and_then(|name| paths.iter().find(|peer| peer.name == *name));
        let (name, ratio) = match peer {
            Some(peer) => {
                let value = peer.instructions / path.instructions;
                let (low, high) = (value, value);
                (
                    Cell::word(peer.name.clone()),
                    Cell::Ratio(Ratio {
                        value,
                        low,
                        high,
                        n: 0,
                        few: false,
                    }),
                )
            }
            None => (Cell::word("–"), Cell::Missing("–".to_owned())),
        };
        let count = path.instructions.round() as u64;
        section.row(vec![
            Cell::word(path.name.clone()),
            // No key of the row: it changes from run to run.
            Cell::Counts(vec![count]),
            name,
            ratio,
        ]);
    }
    if paths.is_empty() {
        let missing = "Skipped, for there is no valgrind (Debian: apt-get install valgrind).";
        section.remarks.push(missing.to_owned());
    }
    section
}

/// Words as they can stand in a name: `64-tasks-no-call-suspends`.
fn slug(text: &str) -> String {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join("-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let told = r#"{"situation": "64 tasks, none suspends", "peers": ["theirs"],
            "ways": [{"name": "theirs", "nanos": [100, 1000, 102]},
                     {"name": "ours", "nanos": [50, 500, 51]}],
            "aims": [{"way": "ours", "beside": "theirs", "speed": 1.5},
                     {"way": "theirs", "beside": "ours", "speed": 0.9}],
            "remarks": ["Said."]}"#;
        serde_json::from_str(told).unwrap()
    }

    #[test]
    fn ways_are_compared_round_by_round() {
        let section = times("checkout", &table());
        assert_eq!(section.id, "checkout-64-tasks-none-suspends");
        let row: Vec<_> = section.rows[1].iter().map(words::cell).collect();
        // One round of three was disturbed, and both ways with it.
        assert_eq!(row, ["ours", "50.0 ns", "51.0 ns / 500 ns", "2.0x", "3"]);
    }

    #[test]
    fn an_aim_is_said_to_be_kept_or_missed() {
        let section = times("checkout", &table());
        assert_eq!(
            section.remarks,
            [
                "Aim for `ours`: 1.50x the speed of `theirs`. Kept: 2.0x.",
                "Aim for `theirs`: 0.90x the speed of `ours`. Missed: 0.50x.",
                "Said.",
            ]
        );
    }

    #[test]
    fn instructions_are_compared_where_there_is_somebody_to_compare_with() {
        let path = |name: &str, instructions, beside: Option<&str>| Path {
            name: name.to_owned(),
            instructions,
            beside: beside.map(str::to_owned),
        };
        let section = instructions(&[
            path("bare", 300.0, None),
            path("client", 200.4, Some("bare")),
        ]);
        let row: Vec<_> = section.rows[1].iter().map(words::cell).collect();
        assert_eq!(row, ["client", "200", "bare", "1.50x"]);
        assert_eq!(section.ratios()[0].0, "instructions: client: fewer");
        assert!(instructions(&[]).remarks[0].contains("valgrind"));
    }
}
