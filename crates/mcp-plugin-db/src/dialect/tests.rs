//! The dialects, on answers of servers that others wrote: how those are read.

use std::{collections::BTreeMap, sync::Arc};

use mcp_transport::{Content, ToolResult};
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::{Column, ForeignKey};

mod recorded;
mod unrecorded;

#[derive(Deserialize)]
struct Recording {
    server: String,
    version: String,
    tools: Vec<String>,
    /// What they say of themselves, where that matters.
    #[serde(default)]
    says: BTreeMap<String, String>,
    answers: BTreeMap<String, Answer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    content: Vec<Block>,
    #[serde(default)]
    is_error: bool,
    rpc: Option<Rpc>,
}

#[derive(Deserialize)]
struct Block {
    text: String,
}

#[derive(Deserialize)]
struct Rpc {
    code: i32,
    message: String,
}

/// A server, as it was recorded.
struct Recorded {
    dialect: Arc<dyn Dialect>,
    answers: BTreeMap<String, Answer>,
}

impl Recorded {
    fn new(json: &str) -> Self {
        let recording: Recording = serde_json::from_str(json).unwrap();
        let tools = recording.tools.into_iter().map(|tool| {
            let says = recording.says.get(&tool).cloned().unwrap_or_default();
            (tool, says)
        });
        let peer = Peer {
            name: recording.server,
            version: recording.version,
            tools: tools.collect(),
        };
        Self {
            dialect: DialectChoice::default().choose(&peer).unwrap(),
            answers: recording.answers,
        }
    }

    /// What comes of a request that is answered like this, one after another.
    fn ask<T>(&self, request: Result<Request<T>, Error>, answers: &[&str]) -> Result<T, Error> {
        let request = request?;
        let mut given = Vec::new();
        for key in answers {
            let recorded = &self.answers[*key];
            let answer = match &recorded.rpc {
                Some(rpc) => {
                    let message = format!("{} (code {})", rpc.message, rpc.code);
                    Err(Error::new(ErrorKind::Rpc(rpc.code), message))
                }
                None => {
                    let mut answer = ToolResult::default();
                    let texts = recorded.content.iter().map(|block| &block.text);
                    answer.content = texts.cloned().map(Content::Text).collect();
                    answer.is_error = recorded.is_error;
                    Ok(answer)
                }
            };
            given.push(judge(&*self.dialect, "a tool", answer)?);
            if let Next::Done(result) = request.next(&given)? {
                assert_eq!(given.len(), answers.len(), "answers are left");
                return Ok(result);
            }
        }
        panic!("{} wants more than {answers:?}", self.dialect.name());
    }

    fn query(&self, answer: &str) -> Result<Rows, Error> {
        self.ask(self.dialect.query("SELECT", &[]), &[answer])
    }

    #[track_caller]
    fn refuses(&self, answer: &str, why: &str) {
        let error = self.query(answer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ToolFailed, "{answer}");
        assert_eq!(error.to_string(), why, "{answer}");
    }
}

fn decimal(digits: &str) -> Value {
    Value::Decimal(digits.parse().unwrap())
}

fn timestamp(text: &str) -> Value {
    Value::Timestamp(text.to_owned())
}

/// Checks the two rows of `things`: these columns, and NULL or these in the second.
#[track_caller]
fn check_rows(server: &Recorded, first: &[(&str, Value)], second: &[(&str, Value)]) {
    let rows = server.query("rows").unwrap();
    let seen: Vec<_> = rows
        .iter()
        .map(|row| row.iter().collect::<Vec<_>>())
        .collect();
    let expected: Vec<_> = first.iter().map(|(name, value)| (*name, value)).collect();
    assert_eq!(seen[0], expected);
    for (name, value) in &seen[1] {
        let expected = second.iter().find(|(n, _)| n == name);
        assert_eq!(
            *value,
            expected.map_or(&Value::Null, |(_, value)| value),
            "{name}"
        );
    }
    assert!(!rows.truncated);
    let none = server.query("none").unwrap();
    assert!(none.is_empty() && !none.truncated);
    let one = server.query("one").unwrap();
    assert_eq!(one.parse::<u8>().unwrap(), [1]);
}

const NAME: &str = "it's \"quoted\", naïve 表\n2nd";
const BIG: i64 = 9_007_199_254_740_993;

fn raw() -> Value {
    vec![0, 255, 65].into()
}

/// The second row of `things` in SQLite.
fn second() -> Vec<(&'static str, Value)> {
    vec![
        ("id", 2.into()),
        ("big", i64::MIN.into()),
        ("price", 3.into()),
        ("ratio", (-1.5e-7).into()),
        ("name", "plain".into()),
    ]
}

/// The second row of `things` in PostgreSQL.
fn second_of_postgres(price: Value, big: Value) -> Vec<(&'static str, Value)> {
    let mut second = second();
    second[1].1 = big;
    second[2].1 = price;
    second.push(("ok", false.into()));
    second
}

#[track_caller]
fn check_tables(server: &Recorded, answers: &[&str], expected: &[(&str, &str)]) {
    let tables = server.ask(server.dialect.tables(), answers).unwrap();
    let seen: Vec<_> = tables
        .iter()
        .map(|t| (t.name.as_str(), t.kind.as_str()))
        .collect();
    assert_eq!(seen, expected);
}

const TABLES: &[(&str, &str)] = &[("makers", "table"), ("things", "table")];
const WITH_VIEW: &[(&str, &str)] = &[("cheap", "view"), ("makers", "table"), ("things", "table")];

/// Which of these does the server tell of a table?
struct Tells {
    id_nullable: bool,
    key: bool,
    foreign_key: bool,
    index: bool,
    default: Option<&'static str>,
}

#[track_caller]
fn check_table(server: &Recorded, answers: &[&str], tells: &Tells) {
    let table = server
        .ask(server.dialect.describe("things"), answers)
        .unwrap();
    assert_eq!(
        (table.name.as_str(), table.kind.as_str()),
        ("things", "table")
    );
    let column = |name: &str| -> &Column {
        let mut columns = table.columns.iter();
        columns.find(|column| column.name == name).unwrap()
    };
    assert_eq!(column("id").nullable, tells.id_nullable);
    assert_eq!(column("id").primary_key, tells.key.then_some(1));
    // MariaDB tells its width with it.
    let declared = column("big").declared_type.to_lowercase();
    assert!(declared.starts_with("bigint"), "{declared}");
    assert!(!column("big").nullable && column("ratio").nullable);
    assert_eq!(column("name").default.as_deref(), tells.default);
    let key = ForeignKey::new("maker".into(), "makers".into(), Some("id".into()));
    let keys = if tells.foreign_key { vec![key] } else { vec![] };
    assert_eq!(table.foreign_keys, keys);
    let index = table
        .indexes
        .iter()
        .find(|index| index.name == "things_name");
    assert_eq!(index.is_some(), tells.index);
    assert!(index.is_none_or(|index| index.unique && index.columns == ["name"]));
}
