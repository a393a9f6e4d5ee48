//! Values keep their types, there and back.

use mcp_domain::ErrorKind;
use mcp_plugin_db::{DatabasePlugin, Value};
use serde::Deserialize;

use crate::servers::stdio;

#[tokio::test]
async fn every_value_comes_back_as_it_was_sent() {
    let plugin = DatabasePlugin::builder(stdio()).build();
    let values: Vec<Value> = vec![
        9_007_199_254_740_993_i64.into(),
        i64::MIN.into(),
        0.1.into(),
        (-1.5e-300).into(),
        "it's \"quoted\", naïve 表\n? $1".into(),
        vec![0_u8, 255, 39].into(),
        Value::Null,
    ];
    let sql = "SELECT ?, ?, ?, ?, ?, ?, ?";
    let answer = plugin.query(sql, &values).await.unwrap();
    assert_eq!(answer.rows, [values]);
}

#[tokio::test]
async fn rows_are_read_into_types_of_the_users() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Thing {
        big: i64,
        huge: u64,
        price: Option<f64>,
        name: String,
        raw: Vec<u8>,
        ok: bool,
    }
    let plugin = DatabasePlugin::builder(stdio()).build();
    let sql = "SELECT 'x' AS name, 9007199254740993 AS big, '18446744073709551615' AS huge, \
               NULL AS price, x'00ff' AS raw, 1 AS ok";
    let things: Vec<Thing> = plugin.query_as(sql, &[]).await.unwrap();
    let thing = Thing {
        big: 9_007_199_254_740_993,
        huge: u64::MAX,
        price: None,
        name: "x".to_owned(),
        raw: vec![0, 255],
        ok: true,
    };
    assert_eq!(things, [thing]);
    let count: Vec<u32> = plugin
        .query_as("SELECT count(*) FROM orders", &[])
        .await
        .unwrap();
    assert_eq!(count, [10_000]);
    let error = plugin
        .query_as::<(u8, String)>("SELECT 300 AS n, 'x'", &[])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadResponse);
    assert!(error.chain().contains("column `n`"), "{}", error.chain());
}

#[tokio::test]
async fn the_types_of_columns_tell_dates_from_text() {
    let plugin = DatabasePlugin::builder(stdio()).build();
    let schema = plugin.describe("orders").await.unwrap();
    let dated = schema.columns.iter().find(|column| {
        let declared = column.declared_type.to_ascii_lowercase();
        declared.starts_with("timestamp") || declared.starts_with("date")
    });
    let column = &dated.expect("the sample has a column of dates").name;
    let sql = format!("SELECT {column} FROM orders LIMIT 1");
    let answer = plugin.query(&sql, &[]).await.unwrap();
    let value = &answer.rows[0][0];
    assert!(
        ["date", "timestamp"].contains(&value.type_name()),
        "{value:?}"
    );
}
