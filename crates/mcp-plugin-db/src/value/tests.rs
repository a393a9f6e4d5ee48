//! Values from JSON text and from the types of columns, to the digit.

use serde_json::json;

use super::{json::from_json, *};

fn decimal(digits: &str) -> Value {
    Value::Decimal(digits.parse().unwrap())
}

#[test]
fn numbers_of_json_text_keep_every_digit() {
    for (text, expected) in [
        ("1", Value::Integer(1)),
        ("-9223372036854775808", Value::Integer(i64::MIN)),
        ("9007199254740993", Value::Integer(9_007_199_254_740_993)),
        ("12345678901234567890", decimal("12345678901234567890")),
        (
            "12345678901234567890.1234",
            decimal("12345678901234567890.1234"),
        ),
        ("3.0000", decimal("3.0000")),
        ("3.0", Value::Real(3.0)),
        ("0.1", Value::Real(0.1)),
        ("0.0", Value::Real(0.0)),
        ("-1.5e-7", Value::Real(-1.5e-7)),
        ("-1.5e-07", Value::Real(-1.5e-7)),
        ("1e21", Value::Real(1e21)),
        ("1200.0", Value::Real(1200.0)),
        (
            "0.1000000000000000000001",
            decimal("0.1000000000000000000001"),
        ),
        ("1e999", decimal("1e999")),
        ("\"1\"", Value::Text("1".into())),
        ("null", Value::Null),
        ("true", Value::Bool(true)),
    ] {
        assert_eq!(from_json(text), Some(expected), "{text}");
    }
    for nonsense in ["", "x", "\"", "-", "1 2", "--1", "0x1"] {
        assert_eq!(from_json(nonsense), None, "{nonsense}");
    }
}

#[test]
fn the_type_of_a_column_tells_what_a_string_is() {
    for (declared, text, expected) in [
        ("numeric(20,4)", "3.0000", decimal("3.0000")),
        ("DATE", "2026-11-21", Value::Date("2026-11-21".into())),
        (
            "time without time zone",
            "08:30:00.5",
            Value::Time("08:30:00.5".into()),
        ),
        (
            "TIMESTAMP",
            "2026-11-21 08:30",
            Value::Timestamp("2026-11-21T08:30:00".into()),
        ),
        (
            "timestamptz",
            "2026-11-21 08:30:00.25+00",
            Value::Timestamp("2026-11-21T08:30:00.25+00:00".into()),
        ),
        (
            "datetime",
            "2026-11-21T08:30:00Z",
            Value::Timestamp("2026-11-21T08:30:00Z".into()),
        ),
        (
            "int8",
            "9007199254740993",
            Value::Integer(9_007_199_254_740_993),
        ),
        ("double precision", "inf", Value::Real(f64::INFINITY)),
        (
            "jsonb",
            "{\"a\": 1}",
            Json::new("{\"a\": 1}").unwrap().into(),
        ),
        // What does not look like its type, and what has none, is text.
        ("timestamp", "yesterday", "yesterday".into()),
        ("date", "2026-11-21T", "2026-11-21T".into()),
        ("timestamp", "2026-11-21é08:30", "2026-11-21é08:30".into()),
        ("numeric", "a lot", "a lot".into()),
        ("integer", "0.5", "0.5".into()),
        ("json", "{", "{".into()),
        ("varchar", "2026-11-21", "2026-11-21".into()),
    ] {
        let value = typed(text.into(), Some(declared));
        assert_eq!(value, expected, "{declared} {text}");
    }
    assert_eq!(typed(7.into(), Some("date")), 7);
    assert_eq!(typed("7".into(), None), "7");
}

#[test]
fn a_value_is_json_and_back() {
    for (value, wire) in [
        (Value::Null, json!(null)),
        (i64::MIN.into(), json!(i64::MIN)),
        (0.5.into(), json!(0.5)),
        ("x".into(), json!("x")),
        (true.into(), json!(true)),
        (vec![0, 255, 65].into(), json!({ "$blob": "AP9B" })),
        (Json::new("[1,{}]").unwrap().into(), json!([1, {}])),
    ] {
        assert_eq!(serde_json::to_value(&value).unwrap(), wire);
        assert_eq!(Value::from(wire), value);
    }
    assert_eq!(json!(decimal("1.50")), json!("1.50"));
    assert_eq!(json!(Value::Real(f64::NEG_INFINITY)), json!("-inf"));
    // Space between goes, space within stays.
    let spaced = Json::new(" { \"a b\\\" c\" : [ 1 , \"\\\\\" ] } ").unwrap();
    assert_eq!(spaced.as_str(), "{\"a b\\\" c\":[1,\"\\\\\"]}");
}

#[test]
fn a_document_is_written_in_its_order_and_to_the_digit() {
    let written = |text: &str| {
        let value = Value::from(Json::new(text).unwrap());
        serde_json::to_string(&value).unwrap()
    };
    for text in [
        "{\"b\":1,\"a\":[true,false,null],\"b\":{}}",
        "[-9223372036854775808,18446744073709551615,0.1,-1.5e-7,1e+300,5e-324]",
        "[\"1.50\",\"\\\"é\\n\",[[]]]",
    ] {
        assert_eq!(written(text), text);
    }
    // As decimals are.
    let long = "[12345678901234567890.5,0.1000000000000000000001,1e999,1e-999]";
    let strings = "[\"12345678901234567890.5\",\"0.1000000000000000000001\",\"1e999\",\"1e-999\"]";
    assert_eq!(written(long), strings);
    assert_eq!(
        written("[1.50,100.0e0,0.0,\"\\u0061\"]"),
        "[1.5,100.0,0.0,\"a\"]"
    );
}

#[test]
fn a_document_too_deep_for_others_is_written_as_text() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let written = |text: &str| serde_json::to_value(Json::new(text).unwrap()).unwrap();
    assert_eq!(written(&nested(127)).to_string(), nested(127));
    for depth in [128, 500_000] {
        assert_eq!(written(&nested(depth)), json!(nested(depth)));
    }
    // Half of a character is none.
    assert_eq!(written("[\"\\ud800\"]"), json!("[\"\\ud800\"]"));
}

#[test]
fn rust_values_become_values_and_compare_with_them() {
    assert_eq!(Value::from(7_u8), 7);
    assert_eq!(Value::from(u64::MAX), decimal("18446744073709551615"));
    assert_eq!(Value::from(i128::from(i64::MAX)), i64::MAX);
    assert_eq!(Value::from(0.5_f32), 0.5);
    assert_eq!(Value::from(Some("x")), "x");
    assert_eq!(Value::from(None::<i32>), Value::Null);
    assert_eq!(decimal("42").as_i64(), Some(42));
    assert_eq!(decimal("1.5").as_f64(), Some(1.5));
    assert_ne!(Value::from("7"), 7);
    assert_eq!(Value::from(vec![1_u8]).as_bytes(), Some(&[1][..]));
}

#[test]
fn people_read_values_without_guessing() {
    for (value, shown) in [
        (Value::Null, "NULL"),
        (3.0.into(), "3.0"),
        (vec![0, 255].into(), "x'00ff'"),
        (decimal("3.0000"), "3.0000"),
        (Value::Date("2026-11-21".into()), "2026-11-21"),
    ] {
        assert_eq!(value.to_string(), shown);
    }
}

#[test]
fn decimals_are_numbers() {
    for good in [
        "1",
        "-1.50",
        "+.5",
        "1.",
        "1e-7",
        "1.5E+3",
        "NaN",
        "-Infinity",
    ] {
        assert!(good.parse::<Decimal>().is_ok(), "{good}");
    }
    for bad in ["", ".", "e5", "1e", "1.2.3", "0x1", "1,5", "--1", "é"] {
        assert!(bad.parse::<Decimal>().is_err(), "{bad}");
    }
}
