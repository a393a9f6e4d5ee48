//! Nothing is unbounded.

use std::time::Duration;

use mcp_server_db::Limits;
use rmcp::{model::CallToolRequestParams, service::ClientLifecycleMode};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::client::{ask, connect, lifecycles, refused};

const BOMB: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                    SELECT count(*) FROM n";

#[tokio::test]
async fn rows_are_cut_and_that_is_told() {
    let limits = Limits {
        rows: 10,
        ..Limits::default()
    };
    let client = connect(limits, ClientLifecycleMode::Initialize).await;
    let cut = ask(&client, "query", json!({ "sql": "SELECT * FROM events" })).await;
    assert_eq!(
        (&cut["row_count"], &cut["truncated"]),
        (&json!(10), &json!(true))
    );
    let all = json!({ "sql": "SELECT * FROM events LIMIT 10" });
    assert_eq!(ask(&client, "query", all).await["truncated"], false);
}

/// All rows of a statement, asked for page by page.
async fn pages(client: &crate::client::Client, question: &Value) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut question = question.clone();
    loop {
        let page = ask(client, "query", question.clone()).await;
        rows.extend(page["rows"].as_array().unwrap().iter().cloned());
        assert_eq!(page["truncated"], !page["next_cursor"].is_null());
        if page["next_cursor"].is_null() {
            return rows;
        }
        question["cursor"] = page["next_cursor"].clone();
    }
}

#[tokio::test]
async fn an_answer_that_was_cut_goes_on_at_its_cursor() {
    let limits = Limits {
        rows: 10,
        bytes: 9_000,
        ..Limits::default()
    };
    let client = connect(limits, ClientLifecycleMode::Initialize).await;
    let by_rows =
        json!({ "sql": "SELECT id FROM orders WHERE id <= ? ORDER BY id", "parameters": [95] });
    let ids: Vec<Value> = (1..=95).map(|id| json!([id])).collect();
    assert_eq!(pages(&client, &by_rows).await, ids);
    // Each picture has 2 KiB: some of them fit into an answer.
    let by_bytes = json!({ "sql": "SELECT id, thumbnail FROM product_images ORDER BY id" });
    let rows = pages(&client, &by_bytes).await;
    let ids: Vec<Value> = rows.iter().map(|row| row[0].clone()).collect();
    assert_eq!(ids, (1..=120).map(Value::from).collect::<Vec<_>>());
    let wish = json!({ "sql": "SELECT id FROM orders ORDER BY id", "max_rows": 3 });
    assert_eq!(ask(&client, "query", wish).await["row_count"], 3);
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_question_only() {
    let client = connect(Limits::default(), ClientLifecycleMode::Initialize).await;
    let first = ask(&client, "query", json!({ "sql": "SELECT * FROM events" })).await;
    let cursor = &first["next_cursor"];
    for (sql, cursor) in [("SELECT * FROM orders", cursor), ("SELECT 1", &json!("x"))] {
        let mut params = CallToolRequestParams::new("query");
        params.arguments = json!({ "sql": sql, "cursor": cursor }).as_object().cloned();
        let error = client.peer().call_tool(params).await.unwrap_err();
        assert!(error.to_string().contains("cursor"), "{error}");
    }
}

#[tokio::test]
async fn bytes_are_cut_and_that_is_told() {
    let limits = Limits {
        bytes: 10_000,
        ..Limits::default()
    };
    let client = connect(limits, ClientLifecycleMode::Initialize).await;
    let cut = ask(
        &client,
        "query",
        json!({ "sql": "SELECT thumbnail FROM product_images" }),
    )
    .await;
    assert_eq!(cut["truncated"], true);
    assert!(cut["row_count"].as_u64().unwrap() < 10);
    // One value: longer than an answer may be, and longer than the engine would make it.
    for (length, why) in [
        (10_001, "a value is too big: the limit is 10000 bytes"),
        (
            900_000_000,
            "string or blob too big: the limit is 1000000 bytes",
        ),
    ] {
        let sql = format!("SELECT zeroblob({length})");
        assert_eq!(refused(&client, "query", json!({ "sql": sql })).await, why);
    }
}

#[tokio::test]
async fn a_row_is_bounded_however_many_values_it_has() {
    let limits = Limits {
        bytes: 100_000,
        ..Limits::default()
    };
    let client = connect(limits, ClientLifecycleMode::Initialize).await;
    let values = |count: usize| {
        let values = vec!["zeroblob(90000)"; count].join(", ");
        json!({ "sql": format!("SELECT {values}") })
    };
    let wide = refused(&client, "query", values(1000)).await;
    assert_eq!(wide, "a row is too big: the limit is 362144 bytes");
    // What stands beside one long value is let by.
    let answer = ask(&client, "query", values(3)).await;
    assert_eq!(answer["row_count"], 1);
    // Nothing that goes beyond the limit is added to what is there.
    let rows = "SELECT zeroblob(column1) FROM (VALUES (60000), (30000), (30000))";
    let cut = ask(&client, "query", json!({ "sql": rows })).await;
    assert_eq!(
        (&cut["row_count"], &cut["truncated"]),
        (&json!(2), &json!(true))
    );
}

#[tokio::test]
async fn one_function_cannot_take_for_ever() {
    let client = connect(Limits::default(), ClientLifecycleMode::Initialize).await;
    let text = "printf('%.*c', 1000000, 'a')";
    for sql in [
        format!("SELECT {text} LIKE '%' || printf('%.*c', 40000, 'a') || 'b'"),
        format!("SELECT {text} GLOB '*[' || printf('%.*c', 40000, 'b') || ']'"),
    ] {
        let answer = refused(&client, "query", json!({ "sql": sql })).await;
        assert!(answer.contains("pattern too complex"), "{answer}");
    }
    let sql = format!("SELECT '{}'", "a".repeat(1_000_000));
    let answer = refused(&client, "query", json!({ "sql": sql })).await;
    assert!(answer.contains("too long"), "{answer}");

    // What is compared with one another takes as long as the product.
    let long = "printf('%.*c', 900000, 'a')";
    let set = "printf('%.*c', 900000, 'b') || 'a'";
    for call in [
        format!("trim({long}, {set})"),
        format!("ltrim({long}, {set})"),
        format!("rtrim({long}, {set})"),
        format!("instr({long}, substr({long}, 400000) || 'b')"),
        format!("replace({long}, substr({long}, 400000) || 'b', '')"),
        format!("json_patch(json_object('a', {long}), json_object('b', {long}))"),
        format!("jsonb_patch(json_object('a', {long}), json_object('b', {long}))"),
    ] {
        let sql = format!("SELECT length({call})");
        let answer = refused(&client, "query", json!({ "sql": sql })).await;
        assert!(answer.contains("too long together"), "{call}: {answer}");
    }
    let sql = format!("SELECT length(trim({long}, 'ab')), instr({long}, 'b')");
    let answer = ask(&client, "query", json!({ "sql": sql })).await;
    assert_eq!(answer["rows"], json!([[0, 0]]));
}

#[tokio::test]
async fn every_limit_is_valid() {
    for time in [Duration::MAX, Duration::ZERO] {
        for least in [0, usize::MAX] {
            let limits = Limits {
                rows: least,
                bytes: least,
                time,
                statements: least.min(1000),
            };
            let client = connect(limits, ClientLifecycleMode::Initialize).await;
            let answer = ask(&client, "query", json!({ "sql": "SELECT 1" })).await;
            assert_eq!(answer["rows"], json!([[1]]), "{limits:?}");
        }
    }
}

#[tokio::test]
async fn what_a_statement_keeps_for_later_is_bounded() {
    let limits = Limits {
        time: Duration::from_secs(1000),
        ..Limits::default()
    };
    let client = connect(limits, ClientLifecycleMode::Initialize).await;
    for sql in [
        // 2.7 GB each, in files if they were let.
        "WITH kept AS MATERIALIZED (SELECT zeroblob(900000) FROM events LIMIT 3000) \
         SELECT count(*) FROM kept",
        "SELECT zeroblob(900000) FROM (SELECT id FROM events LIMIT 3000) ORDER BY random()",
    ] {
        let answer = refused(&client, "query", json!({ "sql": sql })).await;
        assert!(answer.contains("more memory than there is"), "{answer}");
        // The next one has it again.
        ask(&client, "query", json!({ "sql": "SELECT 1" })).await;
    }
}

#[tokio::test]
async fn time_is_bounded() {
    let limits = Limits {
        time: Duration::from_millis(100),
        ..Limits::default()
    };
    let client = connect(limits, ClientLifecycleMode::Initialize).await;
    let start = Instant::now();
    let answer = refused(&client, "query", json!({ "sql": BOMB })).await;
    assert_eq!(answer, "the statement ran for 0.1 s and was stopped");
    assert!(start.elapsed() < Duration::from_secs(5));
    // The connection to the database is as good as before.
    ask(&client, "query", json!({ "sql": "SELECT 1" })).await;
}

/// With room for one statement only, the next one runs when the first has really stopped.
async fn stopped(limits: Limits, mode: ClientLifecycleMode) {
    let client = connect(limits, mode).await;
    let mut params = CallToolRequestParams::new("query");
    params.arguments = json!({ "sql": BOMB }).as_object().cloned();
    let bomb = client.peer().call_tool(params);
    timeout(Duration::from_millis(100), bomb).await.unwrap_err();
    let next = ask(&client, "query", json!({ "sql": "SELECT 1" }));
    timeout(Duration::from_secs(10), next).await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_cancelled_stops_its_statement() {
    let limits = Limits {
        time: Duration::from_secs(1000),
        statements: 1,
        ..Limits::default()
    };
    for mode in lifecycles() {
        stopped(limits, mode).await;
    }
}

#[tokio::test]
async fn a_client_that_vanishes_stops_its_statement() {
    let limits = Limits {
        time: Duration::from_secs(1000),
        statements: 1,
        ..Limits::default()
    };
    let server = mcp_server_db::DatabaseServer::open_sqlite(crate::client::shop(), limits).unwrap();
    let connect = async || {
        use rmcp::service::ClientServiceExt as _;
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::spawn(server.clone().serve_stream(theirs));
        let mode = ClientLifecycleMode::Initialize;
        crate::client::config()
            .serve_with_lifecycle(ours, mode)
            .await
            .unwrap()
    };
    let first = connect().await;
    let mut params = CallToolRequestParams::new("query");
    params.arguments = json!({ "sql": BOMB }).as_object().cloned();
    let peer = first.peer().clone();
    let bomb = tokio::spawn(async move { peer.call_tool(params).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    // The plug is pulled: no word of farewell.
    drop(first);
    bomb.abort();
    let second = connect().await;
    let next = ask(&second, "query", json!({ "sql": "SELECT 1" }));
    timeout(Duration::from_secs(10), next).await.unwrap();
}

/// As in `printf … | mcp-db serve`: who has said all may still listen.
#[tokio::test]
async fn what_was_asked_before_the_end_is_answered() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let path = crate::client::shop();
    let server = mcp_server_db::DatabaseServer::open_sqlite(path, Limits::default()).unwrap();
    let (mut ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(server.serve_stream(theirs));
    let version = json!({ "protocolVersion": "2025-11-25", "capabilities": {},
                          "clientInfo": { "name": "test", "version": "1" } });
    for message in [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": version }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params":
                { "name": "query", "arguments": { "sql": "SELECT count(*) FROM events" } } }),
        json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params":
                { "name": "query", "arguments": { "sql": BOMB } } }),
    ] {
        ours.write_all(format!("{message}\n").as_bytes())
            .await
            .unwrap();
    }
    ours.shutdown().await.unwrap();
    let mut answers = String::new();
    // The bomb does not hold the end up: it could run for 10 s.
    let read = ours.read_to_string(&mut answers);
    timeout(Duration::from_secs(8), read)
        .await
        .unwrap()
        .unwrap();
    assert!(answers.contains("100000"), "{answers}");
    assert!(answers.contains("nobody is there"), "{answers}");
}

#[tokio::test]
async fn a_slow_statement_holds_nobody_up() {
    let limits = Limits {
        time: Duration::from_secs(5),
        ..Limits::default()
    };
    let client = connect(limits, ClientLifecycleMode::Initialize).await;
    let mut params = CallToolRequestParams::new("query");
    params.arguments = json!({ "sql": BOMB }).as_object().cloned();
    let peer = client.peer().clone();
    let bomb = tokio::spawn(async move { peer.call_tool(params).await });
    for _ in 0..20 {
        let fast = ask(&client, "query", json!({ "sql": "SELECT 1" }));
        timeout(Duration::from_secs(4), fast).await.unwrap();
    }
    assert!(!bomb.is_finished());
    bomb.abort();
}

#[tokio::test]
async fn a_message_that_is_too_deep_or_too_long_harms_no_later_one() {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

    let path = crate::client::shop();
    let server = mcp_server_db::DatabaseServer::open_sqlite(path, Limits::default()).unwrap();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(server.serve_stream(theirs));
    let (answers, mut say) = tokio::io::split(ours);
    let version = json!({ "protocolVersion": "2025-11-25", "capabilities": {},
                          "clientInfo": { "name": "test", "version": "1" } });
    let first = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": version });
    let ping = |id: u32, params: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping","params":{params}}}"#)
    };
    let deep = ping(
        2,
        &format!(r#"{{"x":{}{}}}"#, "[".repeat(200), "]".repeat(200)),
    );
    let long = ping(3, &format!(r#"{{"x":"{}"}}"#, "x".repeat(17 << 20)));
    for line in [first.to_string(), deep, long, ping(4, "{}")] {
        say.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }
    let mut lines = BufReader::new(answers).lines();
    let mut ids = Vec::new();
    while ids.last() != Some(&json!(4)) {
        let line = timeout(Duration::from_secs(10), lines.next_line()).await;
        let line = line.unwrap().unwrap().unwrap();
        ids.push(serde_json::from_str::<Value>(&line).unwrap()["id"].clone());
    }
    assert_eq!(ids, [json!(1), json!(4)]);
}
