//! What is cut is what `serde_json` reads.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

/// The value of a text, put together again from its cuts.
fn whole(raw: Raw<'_>) -> Value {
    match raw.text().as_bytes()[0] {
        b'[' => raw.elements().unwrap().into_iter().map(whole).collect(),
        b'{' => {
            let entries = raw.entries().unwrap().into_iter();
            let entries: Map<_, _> = entries.map(|(key, raw)| (key, whole(raw))).collect();
            Value::Object(entries)
        }
        _ => serde_json::from_str(raw.text()).unwrap(),
    }
}

#[track_caller]
fn texts<'a>(raws: impl IntoIterator<Item = Raw<'a>>, expected: &[&str]) {
    let texts: Vec<&str> = raws.into_iter().map(Raw::text).collect();
    assert_eq!(texts, expected);
}

#[test]
fn values_are_cut_as_they_are_written() {
    let text = " [ 1.50 ,-0,1e+05, \"a,]\\\"\" ,null,{ \"}\" : [ ] }\n,[[],{}], true ]\t";
    let raw = Raw::new(text).unwrap();
    assert_eq!(raw.text(), text.trim());
    let elements = [
        "1.50",
        "-0",
        "1e+05",
        "\"a,]\\\"\"",
        "null",
        "{ \"}\" : [ ] }",
        "[[],{}]",
        "true",
    ];
    texts(raw.elements().unwrap(), &elements);
    for empty in ["[]", " [ ] "] {
        texts(Raw::new(empty).unwrap().elements().unwrap(), &[]);
    }
    assert_eq!(Raw::new("{ }").unwrap().entries().unwrap(), []);
}

#[test]
fn keys_keep_their_order_and_their_doubles_and_lose_their_escapes() {
    let raw = Raw::new(r#"{"b": 1, "\u0061\"\\": "2" ,"é:{":3,"b":[4],"":5}"#).unwrap();
    let entries = raw.entries().unwrap();
    let keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["b", "a\"\\", "é:{", "b", ""]);
    texts(
        entries.iter().map(|(_, raw)| *raw),
        &["1", "\"2\"", "3", "[4]", "5"],
    );
    assert_eq!(raw.get("b").unwrap().text(), "1");
    assert_eq!(raw.get("c").unwrap_err().to_string(), "no `c`");
}

#[test]
fn a_value_of_another_kind_is_refused() {
    for text in ["1", "\"[\"", "null", "{}"] {
        assert!(Raw::new(text).unwrap().elements().is_err(), "{text}");
    }
    for text in ["1", "\"{\"", "null", "[]", "{\"\\ud800\":1}"] {
        assert!(Raw::new(text).unwrap().entries().is_err(), "{text}");
    }
}

#[test]
fn text_that_is_broken_anywhere_is_refused() {
    let text = r#"{"a":[1.5e3,"\u00e9",{"b":null}],"c":[true,false]}"#;
    for end in 0..text.len() {
        assert!(Raw::new(&text[..end]).is_err(), "{}", &text[..end]);
        let (before, after) = text.split_at(end);
        let _ = Raw::new(&format!("{before}\u{1}{after}")).unwrap_err();
    }
    for behind in ["1", "]", ",", "x", "{}"] {
        assert!(Raw::new(&format!("{text}{behind}")).is_err(), "{behind}");
    }
}

#[test]
fn no_depth_is_too_deep() {
    let depth = 500_000;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let inner = format!("{}1{}", open.repeat(depth - 1), close.repeat(depth - 1));
        let text = format!("[{inner}]");
        texts(Raw::new(&text).unwrap().elements().unwrap(), &[&inner]);
        let unclosed = open.repeat(depth);
        assert!(Raw::new(&unclosed).is_err());
    }
}

/// Any JSON, less what is no number to `serde_json`.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        r#"[\[\]{},:"\\ a]{0,9}"#.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key = prop_oneof![any::<String>(), r#"[\[\]{},:"\\ a]{0,5}"#];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_cut_is_what_serde_json_reads(value in json(), pretty: bool) {
        let text = if pretty {
            serde_json::to_string_pretty(&value).unwrap()
        } else {
            value.to_string()
        };
        prop_assert_eq!(whole(Raw::new(&text).unwrap()), value);
    }

    #[test]
    fn what_serde_json_refuses_is_refused(text in r#"([\[\]{}",: \\u01e.-]|"a":|true|null){0,12}"#) {
        let read = serde_json::from_str::<IgnoredAny>(&text);
        prop_assert_eq!(Raw::new(&text).is_ok(), read.is_ok());
        if let Ok(raw) = Raw::new(&text) {
            let cut = raw.elements().is_ok() || raw.entries().is_ok();
            let open = ["[", "{"].iter().any(|open| raw.text().starts_with(open));
            prop_assert_eq!(cut, open);
        }
    }
}
