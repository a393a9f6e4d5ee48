//! Python's literals, good and bad, and whatever else there may be.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, expected: impl Into<Value>) {
    let literal = parse(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(literal.into_value(), expected.into(), "{text}");
}

fn decimal(digits: &str) -> Value {
    Value::Decimal(digits.parse().unwrap())
}

fn json(text: &str) -> Value {
    Json::new(text).unwrap().into()
}

#[test]
fn plain_values() {
    check("None", Value::Null);
    check(" True ", true);
    check("-42", -42);
    check("9007199254740993", 9_007_199_254_740_993_i64);
    check("12345678901234567890", decimal("12345678901234567890"));
    check("1.5e-07", 1.5e-7);
    check("1e+16", 1e16);
    check("inf", f64::INFINITY);
    check("-inf", f64::NEG_INFINITY);
    check("Infinity", "Infinity");
}

#[test]
fn strings_and_bytes() {
    check(r"'it\'s'", "it's");
    check("\"it's \\\"\"", "it's \"");
    check(r"'\\ \n\t\x41\u00ef\U0001f600'", "\\ \n\tAï😀");
    check(r"'\ud800'", "\u{fffd}");
    check("'表'", "表");
    check(r"b'\x00\xff\'A'", vec![0, 255, b'\'', b'A']);
    check(r#"bytearray(b"\x01")"#, vec![1]);
}

#[test]
fn what_drivers_write() {
    check("Decimal('3.50')", decimal("3.50"));
    check("Decimal('NaN')", decimal("NaN"));
    check(
        "datetime.date(2026, 11, 21)",
        Value::Date("2026-11-21".into()),
    );
    check("datetime.time(8, 30)", Value::Time("08:30:00".into()));
    for (zone, offset) in [
        ("", ""),
        (", tzinfo=datetime.timezone.utc", "Z"),
        (", tzinfo=zoneinfo.ZoneInfo(key='Etc/UTC')", "Z"),
        (
            ", tzinfo=zoneinfo.ZoneInfo(key='Europe/Berlin')",
            "[Europe/Berlin]",
        ),
        (
            ", tzinfo=datetime.timezone(datetime.timedelta(seconds=3600))",
            "+01:00",
        ),
        (
            ", tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=66600))",
            "-05:30",
        ),
        (", 5, fold=1", ".000005"),
    ] {
        let expected = Value::Timestamp(format!("2026-11-21T08:30:01{offset}"));
        check(
            &format!("datetime.datetime(2026, 11, 21, 8, 30, 1{zone})"),
            expected,
        );
    }
    check("datetime.timedelta(days=1, seconds=7384)", "P1DT7384S");
    check("datetime.timedelta(microseconds=500000)", "P0DT0.5S");
    check("UUID('6a0f')", "6a0f");
    check("IPv4Address('10.0.0.1')", "10.0.0.1");
    // What is not known stays as it was written.
    check("Range(1, 5, '[)')", "Range(1, 5, '[)')");
    check("datetime.date('x')", "datetime.date('x')");
}

#[test]
fn lists_and_documents() {
    check("[1, None, 'x']", json("[1,null,\"x\"]"));
    check("(1,)", json("[1]"));
    check(
        "{'a': {'b': [True]}, 2: Decimal('1.50')}",
        json("{\"a\":{\"b\":[true]},\"2\":1.50}"),
    );
    check("{1, 2}", json("[1,2]"));
    check("{}", json("{}"));
    check("[12345678901234567890.5]", json("[12345678901234567890.5]"));
    check("[inf]", json("[\"inf\"]"));
}

#[test]
fn what_is_not_a_literal_is_refused() {
    for bad in [
        "",
        "[",
        "[1",
        "[1,,2]",
        "[1 2]",
        "'open",
        "b'\u{e9}'",
        r"'\q'",
        r"'\x4'",
        "1 2",
        "{1: 2, 3}",
        "{1, 2: 3}",
        "f(",
        "f(1",
        "f(1 2)",
        "<memory at 0x7f>",
        "-",
        "+",
        ")",
        r"'\x4é'",
        r"b'\x4",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
    let deep = "[".repeat(100_000);
    assert!(parse(&deep).is_err());
    assert!(parse(&"f(".repeat(100_000)).is_err());
}

#[test]
fn rows_are_lists_of_dictionaries() {
    let read = rows("[{'a': 1, 'b': 'x'}, {'b': 'y', 'c': None, 'a': 2}]").unwrap();
    let names: Vec<&str> = read.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(read.rows[0], [1.into(), "x".into(), Value::Null]);
    assert_eq!(read.rows[1], [2.into(), "y".into(), Value::Null]);
    assert_eq!(rows("[]").unwrap(), Rows::default());
    for bad in ["{}", "[1]", "[{1: 2}]", "None"] {
        assert!(rows(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".*") {
        let _ = rows(&text);
    }

    #[test]
    fn any_text_of_python_is_read_or_refused(
        text in r#"([\[\](){}'",:=.\\bx0-9eE+-]|None|True|Decimal|datetime\.| |é){0,60}"#,
    ) {
        if let Ok(literal) = parse(&text) {
            let _ = literal.into_value();
        }
    }

    #[test]
    fn text_survives_its_quotes(text in ".*") {
        let quoted = text.replace('\\', r"\\").replace('\'', r"\'").replace('\n', r"\n");
        prop_assert_eq!(parse(&format!("'{quoted}'")).unwrap().into_value(), text.as_str());
    }
}
