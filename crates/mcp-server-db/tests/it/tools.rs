//! The tools: what they answer.

use mcp_server_db::Limits;
use rmcp::model::CallToolRequestParams;
use serde_json::{Value, json};

use crate::client::{ask, client, client_of, connect, lifecycles, refused};

#[tokio::test]
async fn both_lifecycles_are_served() {
    for (mode, revision) in lifecycles().into_iter().zip(["2025-11-25", "2026-07-28"]) {
        let client = connect(Limits::default(), mode).await;
        let info = client.peer_info().unwrap();
        assert_eq!(info.protocol_version.as_str(), revision);
        let answer = ask(&client, "query", json!({ "sql": "SELECT 1 AS one" })).await;
        assert_eq!(answer["rows"], json!([[1]]));
    }
}

#[tokio::test]
async fn every_tool_declares_its_schemas_and_that_it_only_reads() {
    let client = client().await;
    let tools = client.list_all_tools().await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| &*tool.name).collect();
    let expected = [
        "list_schemas",
        "list_tables",
        "describe_table",
        "query",
        "explain",
        "search",
    ];
    assert_eq!(names, expected);
    for tool in &tools {
        assert_eq!(tool.input_schema["type"], "object", "{}", tool.name);
        let output = tool.output_schema.as_ref().unwrap();
        assert_eq!(output["type"], "object", "{}", tool.name);
        let hints = tool.annotations.as_ref().unwrap();
        assert_eq!(hints.read_only_hint, Some(true));
        assert_eq!(hints.idempotent_hint, Some(true));
        assert_eq!(hints.destructive_hint, Some(false));
    }
}

#[tokio::test]
async fn tables_are_listed_without_those_of_the_engine() {
    let answer = ask(&client().await, "list_tables", json!({})).await;
    let tables = answer["tables"].as_array().unwrap();
    let names: Vec<_> = tables.iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "addresses",
            "categories",
            "customers",
            "events",
            "inventory",
            "order_items",
            "order_totals",
            "orders",
            "payments",
            "product_images",
            "products",
            "reviews",
            "suppliers",
        ]
    );
    assert_eq!(tables[6]["kind"], "view");
}

#[tokio::test]
async fn what_seldom_changes_may_be_remembered() {
    for mode in lifecycles() {
        let client = connect(Limits::default(), mode).await;
        let tools = client.list_tools(None).await.unwrap();
        let templates = client.list_resource_templates(None).await.unwrap();
        assert_eq!(tools.ttl_ms, Some(300_000));
        assert_eq!(templates.ttl_ms, Some(300_000));
        // Tables come and go.
        let resources = client.list_resources(None).await.unwrap();
        assert_eq!(resources.ttl_ms, Some(30_000));
    }
}

#[tokio::test]
async fn schemas_are_listed_and_tables_by_schema() {
    let client = client().await;
    let answer = ask(&client, "list_schemas", json!({})).await;
    assert_eq!(answer["schemas"], json!([{ "name": "main", "tables": 13 }]));
    let main = ask(&client, "list_tables", json!({ "schema": "main" })).await;
    assert_eq!(main["tables"].as_array().unwrap().len(), 13);
    let other = ask(&client, "list_tables", json!({ "schema": "nope" })).await;
    assert_eq!(other["tables"], json!([]));
}

#[tokio::test]
async fn a_list_of_tables_that_was_cut_goes_on_at_its_cursor() {
    let limits = Limits {
        rows: 5,
        ..Limits::default()
    };
    let client = connect(limits, lifecycles()[0].clone()).await;
    let mut names = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let page = ask(&client, "list_tables", json!({ "cursor": cursor })).await;
        let tables = page["tables"].as_array().unwrap().clone();
        assert!(tables.len() <= 5);
        names.extend(tables.into_iter().map(|table| table["name"].clone()));
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    names.dedup();
    assert_eq!(names.len(), 13);
}

/// Whatever people put into a file: a search in all of it finds what is there.
const ODD: &str = "
    CREATE TABLE bytes(t TEXT);
    INSERT INTO bytes VALUES (CAST(x'ff6b6574746c65' AS TEXT)), (x'6b6574746c65'), (5), (NULL);
    CREATE TABLE numbered(rowid TEXT, x INT);
    INSERT INTO numbered VALUES ('a kettle', 7);
    CREATE TABLE keyed(\"order\" TEXT, at INT, PRIMARY KEY (at, \"order\")) WITHOUT ROWID;
    INSERT INTO keyed VALUES ('kettle', 3);
    CREATE VIEW seen AS SELECT * FROM keyed;
    CREATE VIRTUAL TABLE notes USING fts5(title, body);
    INSERT INTO notes VALUES ('kettle', 'hot');
    CREATE TABLE indexed(t TEXT);
    CREATE VIRTUAL TABLE index_of_it USING FTS5 (t, Content = 'indexed');
    CREATE VIRTUAL TABLE textless USING fts5(t, content='');
    INSERT INTO textless(rowid, t) VALUES (9, 'kettle');
    CREATE VIRTUAL TABLE places USING rtree(id, x0, x1, +name);
    INSERT INTO places VALUES (1, 1, 2, 'near'), (2, 5, 9, 'far');
    CREATE VIRTUAL TABLE old USING fts4(title, body);
    INSERT INTO old VALUES ('first', 'a \"hot\" kettle'), ('second', 'a pan');
    CREATE TABLE long(t TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50001)
    INSERT INTO long SELECT iif(i > 50000, 'far kettle', '') FROM n;
";

#[tokio::test]
async fn odd_tables_are_listed_and_searched_like_all_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.sqlite");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute_batch(ODD).unwrap();
    drop(database);
    let client = client_of(&path).await;

    let tables = ask(&client, "list_tables", json!({})).await;
    let names = tables["tables"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|table| table["name"].as_str().unwrap()).collect();
    let expected = [
        "bytes", "indexed", "keyed", "long", "notes", "numbered", "old", "places", "seen",
        "textless",
    ];
    assert_eq!(names, expected);
    let notes = ask(&client, "describe_table", json!({ "table": "notes" })).await;
    let columns = notes["columns"].as_array().unwrap().iter();
    let columns: Vec<_> = columns
        .map(|column| column["name"].as_str().unwrap())
        .collect();
    assert_eq!(columns, ["title", "body"]);

    let near = json!({ "sql": "SELECT id, name FROM places WHERE x1 < 3" });
    let near = ask(&client, "query", near).await;
    assert_eq!(near["rows"], json!([[1, "near"]]));
    let hot = json!({ "sql": "SELECT title FROM old WHERE old MATCH 'hot'" });
    assert_eq!(ask(&client, "query", hot).await["rows"], json!([["first"]]));
    let quoted = json!({ "text": "\"HOT\" *kettle^", "table": "old" });
    let quoted = ask(&client, "search", quoted).await;
    assert_eq!(quoted["hits"][0]["snippet"], "a \"[hot]\" [kettle]");

    let hit = |table: &str, row: Value, key: Value, snippet: &str| json!({ "table": table, "row": row, "key": key, "snippet": snippet });
    let search = async |table: &str| {
        let asked = json!({ "text": "kettle", "table": table });
        ask(&client, "search", asked).await
    };
    for (table, hits) in [
        (
            "numbered",
            json!([hit("numbered", json!(1), Value::Null, "a kettle")]),
        ),
        (
            "keyed",
            json!([hit(
                "keyed",
                Value::Null,
                json!({ "at": 3, "order": "kettle" }),
                "kettle"
            )]),
        ),
        (
            "notes",
            json!([hit("notes", json!(1), Value::Null, "[kettle]")]),
        ),
    ] {
        assert_eq!(
            search(table).await,
            json!({ "hits": hits, "truncated": false, "not_searched": [] })
        );
    }
    let view = json!({ "text": "kettle", "table": "seen" });
    assert!(
        refused(&client, "search", view)
            .await
            .contains("`seen` is a view")
    );
    // Further than is looked, which is told.
    assert_eq!(
        search("long").await,
        json!({ "hits": [], "truncated": true, "not_searched": [] })
    );
    let all = ask(&client, "search", json!({ "text": "kettle" })).await;
    let hits = all["hits"].as_array().unwrap();
    for hit in [
        hit("bytes", json!(1), Value::Null, "\u{fffd}kettle"),
        hit("bytes", json!(2), Value::Null, "kettle"),
        hit("textless", json!(9), Value::Null, ""),
    ] {
        assert!(hits.contains(&hit), "{hit} is not in {all}");
    }
    assert_eq!(hits.len(), 7, "{all}");
}

#[tokio::test]
async fn a_plan_is_told_and_nothing_is_run() {
    let client = client().await;
    let bomb = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT * FROM n";
    ask(&client, "explain", json!({ "sql": bomb })).await;
    let sql = "SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = ?";
    for parameters in [json!([]), json!([7])] {
        let asked = json!({ "sql": sql, "parameters": parameters });
        let plan = ask(&client, "explain", asked).await["plan"].to_string();
        assert!(
            plan.contains("SEARCH o USING INTEGER PRIMARY KEY"),
            "{plan}"
        );
    }
    let nested = json!({ "sql": "SELECT 1 UNION SELECT 2" });
    let plan = ask(&client, "explain", nested).await["plan"].clone();
    assert_eq!(plan[0], "MERGE (UNION)");
    assert!(plan[1].as_str().unwrap().starts_with("  "), "{plan}");
    for refused_here in ["DELETE FROM orders", "SELECT 1; SELECT 2", "nonsense"] {
        refused(&client, "explain", json!({ "sql": refused_here })).await;
    }
}

#[tokio::test]
async fn a_table_is_described_with_keys_and_indexes() {
    let client = client().await;
    let table = ask(&client, "describe_table", json!({ "table": "orders" })).await;
    assert_eq!(table["columns"][0]["primary_key"], 1);
    assert_eq!(table["columns"][1]["type"], "INTEGER");
    assert_eq!(table["columns"][1]["nullable"], false);
    let keys = table["foreign_keys"].as_array().unwrap();
    assert!(keys.iter().any(|key| key["column"] == "customer_id"
        && key["references_table"] == "customers"
        && key["references_column"] == "id"));
    assert_eq!(table["indexes"][0]["columns"], json!(["customer_id"]));
    assert_eq!(table["schema"], "main");
    // The sample database has been analysed; a view cannot be.
    assert_eq!(table["row_estimate"], 10_000);
    let view = json!({ "table": "order_totals" });
    assert_eq!(
        ask(&client, "describe_table", view).await["row_estimate"],
        Value::Null
    );

    let unknown = refused(&client, "describe_table", json!({ "table": "nope" })).await;
    assert!(unknown.starts_with("no such table: nope"), "{unknown}");
}

#[tokio::test]
async fn values_keep_their_types() {
    let sql = "SELECT 9007199254740993, -9223372036854775808, 1.5, 'naïve 表 🐈', x'00ff', NULL, \
               9e999, ''";
    let answer = ask(&client().await, "query", json!({ "sql": sql })).await;
    let row = &answer["rows"][0];
    assert_eq!(row[0].as_i64(), Some(9_007_199_254_740_993));
    assert_eq!(row[1].as_i64(), Some(i64::MIN));
    assert_eq!(row[2], json!(1.5));
    assert_eq!(row[3], "naïve 表 🐈");
    assert_eq!(row[4], json!({ "$blob": "AP8=" }));
    assert_eq!(row[5], Value::Null);
    assert_eq!(row[6], "inf");
    assert_eq!(row[7], "");
}

#[tokio::test]
async fn decimals_keep_every_digit() {
    let sql = "SELECT price FROM products WHERE price LIKE '%.%0' LIMIT 1";
    let answer = ask(&client().await, "query", json!({ "sql": sql })).await;
    assert!(answer["rows"][0][0].as_str().unwrap().ends_with('0'));
    assert_eq!(answer["columns"][0]["type"], "DECIMAL_TEXT(10,2)");
}

#[tokio::test]
async fn parameters_are_bound_and_not_read_as_sql() {
    let client = client().await;
    let attack = "x' OR 1=1 --";
    let arguments = json!({
        "sql": "SELECT ?, ?, ?, ?, ?, typeof(?1), typeof(?5)",
        "parameters": [attack, 9_007_199_254_740_993_i64, 1.5, null, { "$blob": "AP8=" }],
    });
    let row = ask(&client, "query", arguments).await["rows"][0].clone();
    let expected = json!([
        attack, 9_007_199_254_740_993_i64, 1.5, null, { "$blob": "AP8=" }, "text", "blob"
    ]);
    assert_eq!(row, expected);

    let few = json!({ "sql": "SELECT ?, ?", "parameters": [1] });
    let few = refused(&client, "query", few).await;
    assert_eq!(few, "the statement has 2 parameters, but 1 were given");
    let odd = json!({ "sql": "SELECT ?", "parameters": [[1]] });
    assert!(refused(&client, "query", odd).await.contains("not [1]"));
}

#[tokio::test]
async fn sql_that_is_wrong_is_answered_in_the_engines_words() {
    let client = client().await;
    for (sql, says) in [
        ("SELEC 1", "near \"SELEC\": syntax error"),
        ("SELECT * FROM nope", "no such table: nope"),
        ("SELECT nope FROM orders", "no such column: nope"),
    ] {
        let answer = refused(&client, "query", json!({ "sql": sql })).await;
        assert!(answer.contains(says), "{sql}: {answer}");
    }
}

#[tokio::test]
async fn where_there_is_no_statement_that_is_said() {
    let client = client().await;
    for tool in ["query", "explain"] {
        for sql in ["", " \n", " ; ;", "-- nothing", "/* nothing */;"] {
            let answer = refused(&client, tool, json!({ "sql": sql })).await;
            assert_eq!(answer, "there is no statement", "{tool}");
        }
    }
}

#[tokio::test]
async fn search_ranks_by_index_and_scans_where_there_is_none() {
    let client = client().await;
    let by_index = json!({ "text": "sturdy kettle", "table": "reviews", "limit": 5 });
    let found = ask(&client, "search", by_index).await;
    let hits = found["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 5);
    assert_eq!(found["truncated"], true);
    assert!(hits[0]["snippet"].as_str().unwrap().contains('['));
    // A hit leads to its row.
    let row = json!({ "sql": "SELECT body FROM reviews WHERE rowid = ?", "parameters": [hits[0]["row"]] });
    let body = ask(&client, "query", row).await["rows"][0][0].clone();
    assert!(body.as_str().unwrap().contains("kettle"));

    let by_scan = json!({ "text": "ZÜRICH", "table": "addresses", "limit": 3 });
    let found = ask(&client, "search", by_scan).await;
    // SQLite folds the case of ASCII letters only.
    assert_eq!(found["hits"], json!([]));
    let by_scan = json!({ "text": "zürich", "table": "addresses", "limit": 3 });
    assert_eq!(
        ask(&client, "search", by_scan).await["hits"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn nothing_in_a_search_is_an_operator() {
    let client = client().await;
    for text in [
        "\"", "NEAR(", "a* OR b", "%", "_", "\\", "') --", "col:x", "^", "-",
    ] {
        let arguments = json!({ "text": text, "limit": 3 });
        let found = ask(&client, "search", arguments).await;
        for hit in found["hits"].as_array().unwrap() {
            assert_ne!(hit["table"], "inventory", "`{text}` matched everything");
        }
    }
    let nothing = refused(&client, "search", json!({ "text": "  " })).await;
    assert!(nothing.contains("nothing to search for"), "{nothing}");
    let nowhere = json!({ "text": "x", "table": "nope" });
    assert!(
        refused(&client, "search", nowhere)
            .await
            .contains("no such table: nope")
    );
}

#[tokio::test]
async fn calls_that_do_not_fit_are_protocol_errors() {
    let client = client().await;
    for (tool, arguments) in [
        ("nope", json!({})),
        ("query", json!({})),
        ("query", json!({ "sql": 1 })),
        ("query", json!({ "sql": "SELECT 1", "surprise": true })),
        ("query", json!({ "sql": "SELECT 1", "max_rows": 0 })),
        ("search", json!({ "text": "x", "limit": -1 })),
    ] {
        let mut params = CallToolRequestParams::new(tool);
        params.arguments = arguments.as_object().cloned();
        let error = client.peer().call_tool(params).await.unwrap_err();
        assert!(error.to_string().contains(tool), "{error}");
    }
}

#[tokio::test]
async fn an_index_names_its_table_in_letters_of_any_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docs.sqlite");
    let sql = "CREATE TABLE docs(id INTEGER PRIMARY KEY, body TEXT);
        INSERT INTO docs VALUES (7, 'red kettle');
        CREATE VIRTUAL TABLE of_docs USING fts5(body, content='DOCS', content_rowid='id');
        INSERT INTO of_docs(of_docs) VALUES ('rebuild')";
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute_batch(sql).unwrap();
    let client = client_of(&path).await;
    let found = ask(&client, "search", json!({ "text": "kettle" })).await;
    assert_eq!(found["hits"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["hits"][0]["table"], json!("docs"));
    assert_eq!(found["hits"][0]["row"], json!(7));
}

#[tokio::test]
async fn a_broken_index_takes_no_other_table_along() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.sqlite");
    let sql = "CREATE VIRTUAL TABLE broken USING fts5(t);
        INSERT INTO broken VALUES ('one kettle');
        DELETE FROM broken_data;
        CREATE TABLE lost(t TEXT);
        CREATE VIRTUAL TABLE of_lost USING fts5(t, content='lost');
        INSERT INTO of_lost(rowid, t) VALUES (1, 'this kettle');
        DROP TABLE lost;
        CREATE TABLE sound(t TEXT);
        INSERT INTO sound VALUES ('a kettle')";
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute_batch(sql).unwrap();
    let client = client_of(&path).await;
    let found = ask(&client, "search", json!({ "text": "kettle" })).await;
    let tables = |list: &Value| -> Vec<String> {
        let tables = list.as_array().unwrap().iter();
        tables
            .map(|it| it["table"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(tables(&found["hits"]), ["sound"], "{found}");
    assert_eq!(
        tables(&found["not_searched"]),
        ["broken", "lost"],
        "{found}"
    );
    let why = found["not_searched"][0]["why"].as_str().unwrap();
    assert!(why.contains("corruption found"), "{why}");
    // Who asks for this one only has no answer.
    let alone = json!({ "text": "kettle", "table": "broken" });
    let refusal = refused(&client, "search", alone).await;
    assert_eq!(refusal, format!("`broken` cannot be searched: {why}"));
}

#[tokio::test]
async fn none_are_found_where_none_are_wanted() {
    let client = client().await;
    let none = json!({ "text": "kettle", "limit": 0 });
    let found = ask(&client, "search", none).await;
    assert_eq!(found["hits"], json!([]));
    assert_eq!(found["truncated"], true);
}
