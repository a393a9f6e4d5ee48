//! Rows as structs, tuples and single values.

use serde::Deserialize;

use super::*;
use crate::value::Decimal;

fn rows(names: &[&str], rows: Vec<Vec<Value>>) -> Rows {
    let columns = names.iter().map(|name| ResultColumn {
        name: (*name).to_owned(),
        declared_type: None,
    });
    Rows::new(columns.collect(), rows, false)
}

fn decimal(digits: &str) -> Value {
    Value::Decimal(digits.parse().unwrap())
}

#[test]
fn a_struct_is_read_by_the_names_of_the_columns() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Thing {
        name: String,
        id: u64,
        raw: Option<Vec<u8>>,
        #[serde(default)]
        missing: bool,
    }
    let answer = rows(
        &["id", "name", "raw", "more"],
        vec![
            vec![
                decimal("18446744073709551615"),
                "x".into(),
                vec![0, 255].into(),
                1.into(),
            ],
            vec![2.into(), "y".into(), Value::Null, Value::Null],
        ],
    );
    let things: Vec<Thing> = answer.parse().unwrap();
    let (id, raw) = (u64::MAX, Some(vec![0, 255]));
    let first = Thing {
        name: "x".into(),
        id,
        raw,
        missing: false,
    };
    assert_eq!(things[0], first);
    assert_eq!((things[1].id, &things[1].raw), (2, &None));
}

#[test]
fn a_tuple_is_read_in_the_order_of_the_columns() {
    let answer = rows(&["a", "b"], vec![vec![1.into(), Value::Null]]);
    let pairs: Vec<(i8, Option<String>)> = answer.parse().unwrap();
    assert_eq!(pairs, [(1, None)]);
    let error = answer.parse::<(i8,)>().unwrap_err().chain();
    assert!(
        error.contains("it has 2 columns, where 1 are wanted"),
        "{error}"
    );
}

#[test]
fn a_single_value_is_the_only_column() {
    let answer = rows(&["n"], vec![vec![7.into()], vec![Value::Null]]);
    assert_eq!(answer.parse::<Option<u8>>().unwrap(), [Some(7), None]);
    let two = rows(&["a", "b"], vec![vec![1.into(), 2.into()]]);
    let error = two.parse::<i64>().unwrap_err().chain();
    assert!(
        error.contains("2 columns, where one value is wanted"),
        "{error}"
    );
}

#[test]
fn numbers_as_text_are_numbers_and_what_does_not_fit_is_named() {
    let answer = rows(&["n"], vec![vec!["9007199254740993".into()]]);
    assert_eq!(answer.parse::<i64>().unwrap(), [9_007_199_254_740_993]);
    assert_eq!(answer.parse::<String>().unwrap(), ["9007199254740993"]);
    let error = answer.parse::<(u8,)>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadResponse);
    let error = error.chain();
    assert!(
        error.contains("row 1 of the answer") && error.contains("column `n`"),
        "{error}"
    );
}

#[test]
fn documents_booleans_and_enumerations_are_read() {
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum State {
        Open,
        Shut,
    }
    type Row = (bool, bool, State, Vec<u128>, f64, bool);
    let list = crate::Json::new("[170141183460469231731687303715884105727]").unwrap();
    let values = vec![
        1.into(),
        "true".into(),
        "shut".into(),
        list.into(),
        decimal("0.5"),
        "1".into(),
    ];
    let answer = rows(&["a", "b", "c", "d", "e", "f"], vec![values]);
    let read: Vec<Row> = answer.parse().unwrap();
    assert_eq!(
        read,
        [(
            true,
            true,
            State::Shut,
            vec![i128::MAX.unsigned_abs()],
            0.5,
            true
        )]
    );
    let error = rows(&["s"], vec![vec!["ajar".into()]]).parse::<State>();
    assert!(error.unwrap_err().chain().contains("ajar"));
    assert_ne!(State::Open, State::Shut);
}

#[test]
fn what_does_not_fit_is_told_in_words_of_databases() {
    #[derive(Debug, Deserialize)]
    struct Thing {
        #[expect(dead_code, reason = "it is read in vain")]
        id: i64,
    }
    let tells = |names: &[&str], row: Vec<Value>, why: &str| {
        let error = rows(names, vec![row]).parse::<Thing>().unwrap_err().chain();
        assert!(error.contains(why), "{error}");
    };
    tells(
        &["id"],
        vec![Value::Null],
        "column `id`: it is NULL, where i64 is wanted",
    );
    tells(&["it"], vec![1.into()], "there is no column `id`");
    let two = vec![1.into(), 2.into()];
    tells(&["id", "id"], two, "there is more than one column `id`");
    tells(
        &["id"],
        vec![vec![0].into()],
        "invalid type: byte array, expected i64",
    );
}

#[test]
fn bytes_are_read_as_bytes_as_arrays_and_as_json() {
    let answer = rows(&["raw"], vec![vec![vec![0, 255].into()]]);
    assert_eq!(answer.parse::<(Vec<u8>,)>().unwrap(), [(vec![0, 255],)]);
    assert_eq!(answer.parse::<([u8; 2],)>().unwrap(), [([0, 255],)]);
    assert!(answer.parse::<([u8; 1],)>().is_err());
    let any: Vec<serde_json::Value> = answer.parse().unwrap();
    assert_eq!(any[0]["raw"], serde_json::json!({ "$blob": "AP8=" }));
    assert_eq!(
        Value::from(any[0]["raw"].clone()),
        Value::from(vec![0_u8, 255])
    );
}

#[test]
fn a_row_knows_its_columns() {
    let answer = rows(&["a", "b"], vec![vec![1.into(), "x".into()]]);
    let row = answer.iter().next().unwrap();
    assert_eq!((&row["a"], &row[1]), (&1.into(), &"x".into()));
    assert_eq!(row.get("c"), None);
    assert_eq!(
        row.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(row.values().len(), 2);
    let _: Decimal = "1".parse().unwrap();
}
