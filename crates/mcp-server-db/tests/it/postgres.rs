//! PostgreSQL: what is told of it, and how.

use std::time::Duration;

use mcp_server_db::{Limits, Options};
use serde_json::{Value, json};

use crate::{
    client::{Client, ask, refused},
    cluster::Cluster,
};

async fn cell(client: &Client, sql: &str) -> Value {
    let answer = ask(client, "query", json!({ "sql": sql })).await;
    answer["rows"][0][0].clone()
}

#[tokio::test]
async fn tables_are_listed_and_described() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let client = cluster.client(&Options::default()).await;
    let schemas = ask(&client, "list_schemas", json!({})).await;
    let expected = json!([{ "name": "archive", "tables": 2 }, { "name": "public", "tables": 5 }]);
    assert_eq!(schemas["schemas"], expected);
    let answer = ask(&client, "list_tables", json!({})).await;
    let tables = answer["tables"].as_array().unwrap();
    let names: Vec<_> = tables.iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "archive.Odd \"name\"/%",
            "archive.orders",
            "customers",
            "events",
            "order_totals",
            "orders",
            "reviews"
        ]
    );
    assert_eq!(tables[4]["kind"], "view");
    // Every name that is told can be asked about.
    for name in names {
        ask(&client, "describe_table", json!({ "table": name })).await;
    }
    let orders = ask(
        &client,
        "describe_table",
        json!({ "table": "public.orders" }),
    )
    .await;
    assert_eq!(orders["name"], "orders");
    assert_eq!(orders["row_estimate"], 200);
    assert_eq!(
        orders["columns"][2],
        json!({ "name": "status", "type": "status", "nullable": false,
                "default": "'open'::status", "primary_key": null })
    );
    assert_eq!(orders["columns"][0]["primary_key"], 1);
    let key = json!({ "column": "customer_id", "references_table": "customers",
                      "references_column": "id" });
    assert_eq!(orders["foreign_keys"], json!([key]));
    assert_eq!(orders["indexes"][0]["columns"], json!(["customer_id"]));
    let archived = ask(
        &client,
        "describe_table",
        json!({ "table": "archive.orders" }),
    )
    .await;
    assert_eq!(archived["columns"][0]["primary_key"], 2);
    let unknown = refused(&client, "describe_table", json!({ "table": "nope" })).await;
    assert!(unknown.starts_with("no such table: nope"), "{unknown}");
}

#[tokio::test]
async fn values_keep_their_types() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let client = cluster.client(&Options::default()).await;
    for (sql, expected) in [
        ("9007199254740993::int8", json!(9_007_199_254_740_993_i64)),
        ("(-32768)::int2", json!(-32768)),
        ("4294967295::oid", json!(4_294_967_295_u32)),
        ("true", json!(true)),
        ("0.1::float4", json!(0.1)),
        ("1e300::float8", json!(1e300)),
        ("'NaN'::float8", json!("NaN")),
        ("'-Infinity'::float4", json!("-inf")),
        (
            "123456789012345678901234567890.10",
            json!("123456789012345678901234567890.10"),
        ),
        ("-0.00001234::numeric", json!("-0.00001234")),
        ("10000::numeric", json!("10000")),
        ("0::numeric(5,2)", json!("0.00")),
        ("'NaN'::numeric", json!("NaN")),
        ("'naïve 表 🐈'", json!("naïve 表 🐈")),
        ("'a'::char(3)", json!("a  ")),
        ("'\\x00ff'::bytea", json!({ "$blob": "AP8=" })),
        ("NULL::int", Value::Null),
        ("date '2024-02-29'", json!("2024-02-29")),
        ("date 'infinity'", json!("infinity")),
        ("date '0044-03-15 BC'", json!("0044-03-15 BC")),
        ("time '23:59:59.5'", json!("23:59:59.5")),
        (
            "timestamp '2024-01-02 03:04:05.000006'",
            json!("2024-01-02T03:04:05.000006"),
        ),
        (
            "timestamptz '2024-01-02 03:04:05+02'",
            json!("2024-01-02T01:04:05Z"),
        ),
        (
            "interval '1 year 2 mons -3 days 04:05:06.7'",
            json!("P1Y2M-3DT4H5M6.7S"),
        ),
        (
            "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid",
            json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ),
        (
            "'{\"a\": [1, null, 9007199254740993]}'::jsonb",
            json!({ "a": [1, null, 9_007_199_254_740_993_i64] }),
        ),
        ("'{\"a\":  1}'::json", json!({ "a": 1 })),
        (
            "'1234567890.1234567890'::jsonb",
            json!("1234567890.1234567890"),
        ),
        ("array[1, NULL, 3]", json!([1, null, 3])),
        ("array[[1.5, 2.50]]", json!([["1.5", "2.50"]])),
        ("'{}'::text[]", json!([])),
        ("array['\\x00ff'::bytea]", json!([{ "$blob": "AP8=" }])),
        ("'paid'::status", json!("paid")),
        ("array['paid'::status]", json!(["paid"])),
        ("3.5::amount", json!("3.50")),
        // These have no form here, and are PostgreSQL's own text.
        ("'10.0.0.1/8'::inet", json!("10.0.0.1/8")),
        ("int4range(1, 5)", json!("[1,5)")),
        ("row(1, 'x')", json!("(1,x)")),
        ("point(1, 2)", json!("(1,2)")),
        ("'orders'::regclass", json!("orders")),
        ("time with time zone '03:04:05+02'", json!("03:04:05+02")),
    ] {
        let told = cell(&client, &format!("SELECT {sql}")).await;
        assert_eq!(told, expected, "{sql}");
    }
    // Also beside others, with a comment at the end.
    let mixed = "SELECT id, '10.0.0.1'::inet, total FROM orders ORDER BY id LIMIT 2; -- two";
    let mixed = ask(&client, "query", json!({ "sql": mixed.replace(';', "") })).await;
    assert_eq!(
        mixed["rows"],
        json!([[1, "10.0.0.1/32", "1.25"], [2, "10.0.0.1/32", "2.50"]])
    );
    assert_eq!(
        mixed["columns"][1],
        json!({ "name": "inet", "type": "inet" })
    );
}

#[tokio::test]
async fn parameters_are_bound_and_not_read_as_sql() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let client = cluster.client(&Options::default()).await;
    let attack = "x' OR 1=1 --";
    let asked = json!({
        "sql": "SELECT $1::text, $2::int8, $3::numeric, $4::int, $5::bytea, $6::int[], $7::jsonb, \
                $8::timestamptz, $9::bool, $10",
        "parameters": [attack, 9_007_199_254_740_993_i64, "1.10", null, { "$blob": "AP8=" },
                       [1, null], { "k": [1] }, "2024-01-02T03:04:05Z", true, "text"],
    });
    let row = ask(&client, "query", asked).await["rows"][0].clone();
    let expected = json!([
        attack, 9_007_199_254_740_993_i64, "1.10", null, { "$blob": "AP8=" }, [1, null],
        { "k": [1] }, "2024-01-02T03:04:05Z", true, "text"
    ]);
    assert_eq!(row, expected);
    let few = refused(
        &client,
        "query",
        json!({ "sql": "SELECT $1, $2", "parameters": [1] }),
    )
    .await;
    assert_eq!(few, "the statement has 2 parameters, but 1 were given");
    let odd = json!({ "sql": "SELECT $1::int", "parameters": ["x"] });
    let odd = refused(&client, "query", odd).await;
    assert_eq!(odd, "invalid input syntax for type integer: \"x\"");
}

#[tokio::test]
async fn plans_searches_and_resources_are_told() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let client = cluster.client(&Options::default()).await;
    let asked = json!({ "sql": "SELECT * FROM orders WHERE id = $1", "parameters": [7] });
    let plan = ask(&client, "explain", asked).await["plan"].clone();
    assert!(plan[0].as_str().unwrap().contains("Scan"), "{plan}");

    let ranked = json!({ "text": "kettles", "table": "reviews" });
    let hits = ask(&client, "search", ranked).await["hits"].clone();
    // By stem, and the better match first.
    assert_eq!(hits[0]["key"], json!({ "id": 2 }));
    assert_eq!(hits[1]["key"], json!({ "id": 1 }));
    assert!(
        hits[0]["snippet"].as_str().unwrap().contains("[kettles]"),
        "{hits}"
    );
    let scanned = json!({ "text": "CUSTOMER 17" });
    let hits = ask(&client, "search", scanned).await["hits"].clone();
    let hit = json!({ "table": "customers", "row": null, "key": { "id": 17 },
                      "snippet": "Customer 17 · c17@shop.example" });
    assert_eq!(hits, json!([hit]));
    for text in ["100% cotton_wool", "%", "' --", "\\", "a & b | !c:*"] {
        let arguments = json!({ "text": text, "table": "customers" });
        assert_eq!(
            ask(&client, "search", arguments).await["hits"],
            json!([]),
            "{text}"
        );
    }

    let resources = client.list_all_resources().await.unwrap();
    assert_eq!(resources.len(), 14);
    for resource in resources {
        let params = rmcp::model::ReadResourceRequestParams::new(resource.uri);
        client.read_resource(params).await.unwrap();
    }
}

#[tokio::test]
async fn a_table_that_cannot_be_searched_takes_no_other_along() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let bad = "CREATE TABLE a_bad (id int PRIMARY KEY, t text);
               INSERT INTO a_bad VALUES (1, 'customer 17');
               ALTER TABLE a_bad ENABLE ROW LEVEL SECURITY;
               CREATE POLICY bad ON a_bad USING (1 / (id - 1) = 1)";
    cluster.admin().await.batch_execute(bad).await.unwrap();
    let client = cluster.client(&Options::default()).await;
    let everywhere = json!({ "text": "CUSTOMER 17" });
    let found = ask(&client, "search", everywhere).await;
    assert_eq!(found["hits"][0]["table"], "customers", "{found}");
    let why = "division by zero";
    let not_searched = json!([{ "table": "a_bad", "why": why }]);
    assert_eq!(found["not_searched"], not_searched);
    let alone = json!({ "text": "CUSTOMER 17", "table": "a_bad" });
    let refusal = refused(&client, "search", alone).await;
    assert_eq!(refusal, format!("`a_bad` cannot be searched: {why}"));
}

#[tokio::test]
async fn what_was_cut_goes_on_and_what_is_too_big_is_refused() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let limits = Limits {
        rows: 30,
        bytes: 100_000,
        ..Limits::default()
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    let client = cluster.client(&options).await;
    let mut question = json!({ "sql": "SELECT id FROM orders ORDER BY id" });
    let mut ids = Vec::new();
    loop {
        let page = ask(&client, "query", question.clone()).await;
        ids.extend(
            page["rows"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row[0].as_i64().unwrap()),
        );
        question["cursor"] = page["next_cursor"].clone();
        if question["cursor"].is_null() {
            break;
        }
    }
    assert_eq!(ids, (1..=200).collect::<Vec<_>>());
    let many = json!({ "sql": "SELECT repeat('x', 40000) FROM generate_series(1, 20)" });
    let many = ask(&client, "query", many).await;
    assert_eq!(
        (&many["row_count"], &many["truncated"]),
        (&json!(2), &json!(true))
    );
    for sql in [
        "SELECT repeat('x', 30000000)",
        "SELECT repeat('x', 30000000) FROM generate_series(1, 2)",
        "SELECT repeat('x', 10000000)::int",
    ] {
        let big = refused(&client, "query", json!({ "sql": sql })).await;
        assert!(big.contains("is too big: the limit is"), "{sql}: {big}");
    }
    assert_eq!(cell(&client, "SELECT 1").await, 1);
}

#[tokio::test]
async fn an_unreachable_database_is_told_and_one_that_comes_back_is_used() {
    let Some(mut cluster) = Cluster::start().await else {
        return;
    };
    let client = cluster.client(&Options::default()).await;
    assert_eq!(cell(&client, "SELECT 1").await, 1);
    cluster.stop();
    let gone = refused(&client, "query", json!({ "sql": "SELECT 1" })).await;
    assert!(!gone.contains("kept-secret"), "{gone}");
    cluster.start_again().await;
    let end = tokio::time::Instant::now() + Duration::from_secs(20);
    // What was open when it stopped is replaced, one call each at most.
    while crate::client::call(&client, "query", json!({ "sql": "SELECT 1" }))
        .await
        .is_error
        != Some(false)
    {
        assert!(tokio::time::Instant::now() < end);
    }
}

#[tokio::test]
async fn credentials_are_never_told() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    for url in [
        cluster.url("nobody", "postgres"),
        cluster.url("reader", "nope"),
        "postgres://reader:kept-secret@127.0.0.1:1/postgres".to_owned(),
        "postgres://reader:kept-secret@127.0.0.1/postgres?sslmode=require".to_owned(),
    ] {
        let server = mcp_server_db::DatabaseServer::open(&url, &Options::default()).unwrap();
        assert!(!format!("{server:?}").contains("kept-secret"));
        let mode = rmcp::service::ClientLifecycleMode::Initialize;
        let client = crate::cluster::connect(server, mode).await;
        let answer = refused(&client, "query", json!({ "sql": "SELECT 1" })).await;
        assert!(
            answer.starts_with("cannot connect to the database 127.0.0.1"),
            "{answer}"
        );
        assert!(!answer.contains("kept-secret"), "{answer}");
    }
    for wrong in [
        "postgres://reader:kept-secret@127.0.0.1:x/",
        "postgres://kept-secret@[/?y=kept-secret",
    ] {
        let error = mcp_server_db::DatabaseServer::open(wrong, &Options::default()).unwrap_err();
        assert!(!error.chain().contains("kept-secret"), "{}", error.chain());
    }
}
