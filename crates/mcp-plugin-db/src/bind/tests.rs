//! Values in statements: placed where they belong, and nothing but values.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(sql: &str, parameters: &[usize]) {
    let found: Vec<usize> = places(sql).iter().map(|place| place.parameter).collect();
    assert_eq!(found, parameters, "{sql}");
}

#[test]
fn placeholders_are_found_where_they_are() {
    check("SELECT ?, ?", &[0, 1]);
    check("SELECT $2, $1, $1", &[1, 0, 0]);
    check("SELECT ?2, ?, ?1", &[1, 2, 0]);
    check("SELECT a$1, $0, $, $99999", &[]);
    check("SELECT '?', ? \"?\", `?`", &[0]);
    check("SELECT 'it''s ?', ?", &[0]);
    check("SELECT -- ? '\n ? /* ? ' */ ?", &[0, 1]);
    check("SELECT /* /* ? */ ? */ ?", &[0]);
    check("SELECT $$ ? ' $$, $tag$ ? $$ $tag$, ?", &[0]);
    check("SELECT E'\\'?', ?, e'\\\\', ?", &[0, 1]);
    check("SELECT namE'\\', ?", &[0]);
    check("SELECT 'open ?", &[]);
    check("SELECT $open$ ?", &[]);
    check("SELECT 表?", &[0]);
    check("SELECT doc ? 'a', doc ?| $2 FROM t WHERE id = $1", &[1, 0]);
}

#[track_caller]
fn written(value: impl Into<Value>, of: Sql) -> String {
    inline("?", &[value.into()], of).unwrap()
}

#[test]
fn values_are_written_as_each_kind_of_sql_has_them() {
    assert_eq!(written("it's", Sql::Unknown), "'it''s'");
    assert_eq!(written("a\\'b", Sql::Sqlite), "'a\\''b'");
    assert_eq!(written("a\\'b", Sql::Postgres), " E'a\\\\''b'");
    assert_eq!(written(vec![0, 255], Sql::Sqlite), "x'00ff'");
    assert_eq!(
        written(vec![0, 255], Sql::Postgres),
        "decode('00ff', 'hex')"
    );
    assert_eq!(written(vec![0, 255], Sql::DuckDb), "unhex('00ff')");
    assert_eq!(written(-1, Sql::Unknown), "(-1)");
    assert_eq!(
        written(i64::MIN, Sql::Unknown),
        "(-9223372036854775807 - 1)"
    );
    assert_eq!(written(1e300, Sql::Unknown), "(1e300)");
    assert_eq!(written(3.0, Sql::Unknown), "(3.0)");
    assert_eq!(written(true, Sql::Sqlite), "1");
    assert_eq!(written(true, Sql::Postgres), "TRUE");
    assert_eq!(written(Value::Null, Sql::Unknown), "NULL");
    assert_eq!(written(u64::MAX, Sql::Unknown), "(18446744073709551615)");
    assert_eq!(written("it's", Sql::MariaDb), "'it''s'");
    assert_eq!(written("a\\'b", Sql::MariaDb), " _utf8mb4 x'615c2762'");
    assert_eq!(written(vec![0, 255], Sql::MariaDb), "x'00ff'");
    assert_eq!(written(-3.0, Sql::MariaDb), "(-3e0)");
    assert_eq!(written(true, Sql::MariaDb), "1");
}

#[test]
fn names_are_quoted_as_each_kind_of_sql_has_them() {
    assert_eq!(Sql::MariaDb.quoted("a`b\"c"), "`a``b\"c`");
    for sql in [Sql::DuckDb, Sql::Postgres, Sql::Sqlite, Sql::Unknown] {
        assert_eq!(sql.quoted("a`b\"c"), "\"a`b\"\"c\"");
    }
}

#[test]
fn what_cannot_be_written_safely_is_refused() {
    let refused = |sql: &str, value: Value, of| {
        let error = inline(sql, &[value], of).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        error.to_string()
    };
    assert!(refused("?", "a\\".into(), Sql::Unknown).contains("backslash"));
    assert!(refused("'\\' ?", "a".into(), Sql::Unknown).contains("`\\` or `#`"));
    for of in [Sql::MariaDb, Sql::Unknown] {
        assert!(refused("# '\n '?'", "a".into(), of).contains("`\\` or `#`"));
    }
    assert!(refused("?", "a\0".into(), Sql::Sqlite).contains("NUL"));
    assert!(refused("?", vec![1_u8].into(), Sql::Unknown).contains("bytes"));
    assert!(refused("?", f64::NAN.into(), Sql::Sqlite).contains("finite"));
    assert!(refused("?, ?", 1.into(), Sql::Sqlite).contains("2 parameters, but 1 were given"));
    assert!(refused("SELECT 1", 1.into(), Sql::Sqlite).contains("0 parameters, but 1"));
    assert_eq!(inline("a ? b", &[], Sql::Postgres).unwrap(), "a ? b");
    let error = inline("SELECT ?", &[], Sql::Sqlite)
        .unwrap_err()
        .to_string();
    assert!(error.contains("1 parameters, but 0 were given"), "{error}");
    let nan = Value::Decimal("NaN".parse().unwrap());
    assert_eq!(written(nan, Sql::Postgres), "'NaN'");
}

/// Where text ends that is quoted as the standard has it.
fn ends_where_it_should(literal: &str) -> bool {
    let inner = literal
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    inner.is_some_and(|inner| !inner.replace("''", "").contains('\''))
}

proptest! {
    #[test]
    fn no_text_gets_out_of_its_quotes(text in "[^\0]*") {
        let literal = written(text.as_str(), Sql::Sqlite);
        prop_assert!(ends_where_it_should(&literal), "{literal}");
        let literal = written(text.as_str(), Sql::MariaDb);
        let plain = literal.strip_prefix(" _utf8mb4 x").unwrap_or(&literal);
        prop_assert!(ends_where_it_should(plain) && !plain.contains('\\'), "{plain}");
        let literal = written(text.as_str(), Sql::Postgres);
        let plain = match literal.strip_prefix(" E") {
            Some(escaped) => escaped.replace("\\\\", ""),
            None => literal,
        };
        prop_assert!(ends_where_it_should(&plain) && !plain.contains('\\'), "{plain}");
    }

    #[test]
    fn any_statement_is_read_to_its_end(sql in ".*") {
        let places = places(&sql);
        prop_assert!(places.iter().all(|place| sql.get(place.span.clone()).is_some()));
        prop_assert!(places.windows(2).all(|two| two[0].span.end <= two[1].span.start));
    }
}
