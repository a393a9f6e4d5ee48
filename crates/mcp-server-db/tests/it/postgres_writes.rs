//! PostgreSQL: writing, where it was asked for.

use std::time::Duration;

use mcp_server_db::{DatabaseServer, Limits, Options};
use rmcp::{model::CallToolRequestParams, service::ClientLifecycleMode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    client::{Client, ask, refused},
    cluster::{Cluster, connect},
};

async fn allow_writer(cluster: &Cluster) {
    let role = "CREATE ROLE writer LOGIN PASSWORD 'kept-secret';
                GRANT pg_read_all_data, pg_write_all_data TO writer;
                GRANT CREATE ON SCHEMA public TO writer";
    cluster.admin().await.batch_execute(role).await.unwrap();
}

async fn writable(cluster: &Cluster, limits: Limits) -> Client {
    allow_writer(cluster).await;
    let options = Options {
        limits,
        allow_writes: true,
        ..Options::default()
    };
    let server = DatabaseServer::open(&cluster.url("writer", "postgres"), &options).unwrap();
    connect(server, ClientLifecycleMode::Initialize).await
}

async fn cell(client: &Client, sql: &str) -> Value {
    let answer = ask(client, "query", json!({ "sql": sql })).await;
    answer["rows"][0][0].clone()
}

#[tokio::test]
async fn what_a_statement_returns_is_told_as_a_query_tells_it() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let client = writable(&cluster, Limits::default()).await;
    let tables = "CREATE TYPE size AS (width int, unit text);
                  CREATE TABLE shapes (id int, span int4range, at point, size size, spans int4range[]);
                  GRANT ALL ON shapes TO writer";
    cluster.admin().await.batch_execute(tables).await.unwrap();
    let insert = "INSERT INTO shapes VALUES (1, '[1,3)', '(1,2)', (5, 'm'), ARRAY[int4range(1, 2)]), \
                  (2, NULL, NULL, NULL, NULL) RETURNING *; -- both";
    let returned = ask(&client, "execute", json!({ "sql": insert })).await;
    let queried = ask(
        &client,
        "query",
        json!({ "sql": "SELECT * FROM shapes ORDER BY id" }),
    )
    .await;
    assert_eq!(returned["rows"], queried["rows"]);
    let first = json!([1, "[1,3)", "(1,2)", "(5,m)", "{\"[1,2)\"}"]);
    assert_eq!(returned["rows"][0], first);
    // Rows without a type, each with fields of its own.
    let record = "CASE WHEN id = 1 THEN (id, at, NULL, 'a \"b\"', (size, ROW(), 1.10)) \
                  WHEN span IS NULL THEN (id, spans, '') END";
    // And arrays of such, also in one.
    let record = format!(
        "{record}, CASE WHEN id = 1 THEN ARRAY[(id, 'x'), NULL, (ARRAY[ROW(size)], 1)] \
         ELSE array_remove(ARRAY[ROW(id)], ROW(id)) END, ARRAY[[ROW(1)], [ROW(id)]]"
    );
    let update = format!("UPDATE shapes SET id = id WHERE id < 3 RETURNING {record}");
    let returned = ask(&client, "execute", json!({ "sql": update })).await;
    let select = format!("SELECT {record} FROM shapes ORDER BY ctid");
    let queried = ask(&client, "query", json!({ "sql": select })).await;
    assert_eq!(returned["rows"], queried["rows"]);
    let second = json!(["(2,,\"\")", "{}", "{{(1)},{(2)}}"]);
    assert_eq!(returned["rows"][1], second);
    // What cannot be given back is in the database's own bytes, and written all the same.
    let deep = format!("{}id{}", "ROW(".repeat(30), ")".repeat(30));
    let deep = format!("INSERT INTO shapes(id) VALUES (3) RETURNING {deep}");
    let returned = ask(&client, "execute", json!({ "sql": deep })).await;
    assert!(returned["rows"][0][0]["$blob"].is_string(), "{returned}");
    assert_eq!(cell(&client, "SELECT count(*) FROM shapes").await, 3);
}

#[tokio::test]
async fn a_statement_is_done_as_a_whole_and_leaves_nothing_else_behind() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let client = writable(&cluster, Limits::default()).await;
    let update =
        json!({ "sql": "UPDATE orders SET total = $1 WHERE id <= $2", "parameters": ["1.10", 3] });
    assert_eq!(ask(&client, "execute", update).await["rows_affected"], 3);
    assert_eq!(
        cell(&client, "SELECT total FROM orders WHERE id = 2").await,
        "1.10"
    );
    let returning = json!({ "sql": "DELETE FROM events WHERE id <= 2000 RETURNING id" });
    let gone = ask(&client, "execute", returning).await;
    assert_eq!(
        (&gone["rows_affected"], &gone["truncated"]),
        (&json!(2000), &json!(true))
    );
    assert_eq!(gone["rows"].as_array().unwrap().len(), 1000);
    assert_eq!(cell(&client, "SELECT count(*) FROM events").await, 3000);
    ask(
        &client,
        "execute",
        json!({ "sql": "CREATE TABLE notes (id int PRIMARY KEY)" }),
    )
    .await;
    let wrong = json!({ "sql": "INSERT INTO notes VALUES (1), (1)" });
    assert!(
        refused(&client, "execute", wrong)
            .await
            .contains("duplicate key")
    );
    assert_eq!(cell(&client, "SELECT count(*) FROM notes").await, 0);

    // What it says of the session is gone with it.
    for sql in [
        "SET default_transaction_read_only = off",
        "SET statement_timeout = 0",
        "SET search_path = archive",
        "PREPARE evil AS SELECT 1",
        "CREATE TEMP TABLE evil (x int)",
        "COMMIT",
    ] {
        ask(&client, "execute", json!({ "sql": sql })).await;
    }
    assert_eq!(cell(&client, "SHOW statement_timeout").await, "10s");
    assert_eq!(cell(&client, "SHOW search_path").await, "\"$user\", public");
    assert_eq!(
        cell(
            &client,
            "SELECT count(*) FROM pg_prepared_statements WHERE name = 'evil'"
        )
        .await,
        0
    );
    for sql in [
        "DELETE FROM events; DELETE FROM orders",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY orders TO PROGRAM 'true'",
        "ALTER ROLE writer SUPERUSER",
        "VACUUM",
    ] {
        refused(&client, "execute", json!({ "sql": sql })).await;
    }
    // The others read as before.
    let read = refused(
        &client,
        "query",
        json!({ "sql": "DELETE FROM events RETURNING id" }),
    )
    .await;
    assert!(
        read.ends_with("the database is open for reading only"),
        "{read}"
    );
    // As SQLite, it has nothing to say to nothing.
    let nothing = refused(&client, "execute", json!({ "sql": "-- nothing" })).await;
    assert_eq!(nothing, "there is no statement");
}

#[tokio::test]
async fn a_query_without_columns_is_told_why_it_is_not_run() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let client = cluster.client(&Options::default()).await;
    for (sql, why) in [
        ("DELETE FROM orders", "open for reading only"),
        ("SET search_path = archive", "open for reading only"),
        ("COMMIT", "open for reading only"),
        ("SELECT FROM orders", "it has no columns"),
        ("DELETE FROM orders RETURNING id", "cannot execute DELETE"),
    ] {
        let refused = refused(&client, "query", json!({ "sql": sql })).await;
        assert!(refused.contains(why), "{sql}: {refused}");
    }
    assert_eq!(cell(&client, "SHOW search_path").await, "\"$user\", public");
}

#[tokio::test]
async fn clients_of_postgresql_are_told_of_changes_to_its_tables_too() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    allow_writer(&cluster).await;
    let options = Options {
        allow_writes: true,
        ..Options::default()
    };
    let server = DatabaseServer::open(&cluster.url("writer", "postgres"), &options).unwrap();
    crate::writes::tells_of_changed_tables(server, "DELETE FROM events").await;
}

#[tokio::test]
async fn a_write_that_is_abandoned_is_undone() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let limits = Limits {
        time: Duration::from_secs(1000),
        ..Limits::default()
    };
    let client = writable(&cluster, limits).await;
    let slow =
        "INSERT INTO events SELECT 10000 + n, pg_sleep(900)::text FROM generate_series(1, 2) n";
    let mut params = CallToolRequestParams::new("execute");
    params.arguments = json!({ "sql": slow }).as_object().cloned();
    let peer = client.peer().clone();
    let call = tokio::spawn(async move { peer.call_tool(params).await });
    let admin = cluster.admin().await;
    let until = async |wanted: i64| {
        const RUNNING: &str = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' \
                               AND query LIKE '%pg_sleep(900)%' AND pid <> pg_backend_pid()";
        let end = Instant::now() + Duration::from_secs(50);
        while admin
            .query_one(RUNNING, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            != wanted
        {
            assert!(Instant::now() < end);
            sleep(Duration::from_millis(20)).await;
        }
    };
    until(1).await;
    call.abort();
    until(0).await;
    assert_eq!(
        cell(&client, "SELECT count(*) FROM events WHERE id > 10000").await,
        0
    );
}

#[tokio::test]
async fn a_row_that_is_too_long_to_be_told_undoes_what_returned_it() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let client = writable(&cluster, Limits::default()).await;
    let long = "UPDATE events SET kind = repeat('x', 700000) WHERE id <= 2 RETURNING kind, kind";
    let why = refused(&client, "execute", json!({ "sql": long })).await;
    assert!(why.contains("is too big: the limit is 1310720"), "{why}");
    let written = "SELECT count(*) FROM events WHERE kind LIKE 'x%'";
    assert_eq!(cell(&client, written).await, 0);
}

#[tokio::test]
async fn a_write_whose_end_was_not_seen_is_said_to_be_unknown() {
    let Some(mut cluster) = Cluster::start().await else {
        return;
    };
    let trigger = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql
                     AS 'BEGIN PERFORM pg_sleep(900); RETURN NULL; END';
                   CREATE CONSTRAINT TRIGGER slow AFTER DELETE ON events
                     DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()";
    let admin = cluster.admin().await;
    admin.batch_execute(trigger).await.unwrap();
    let limits = Limits {
        time: Duration::from_secs(1000),
        ..Limits::default()
    };
    let client = writable(&cluster, limits).await;
    let delete = json!({ "sql": "DELETE FROM events WHERE id = 1" });
    let deleting = refused(&client, "execute", delete);
    let pull_the_plug = async {
        const ENDING: &str = "SELECT count(*) FROM pg_stat_activity \
                              WHERE query = 'COMMIT' AND wait_event = 'PgSleep'";
        let end = Instant::now() + Duration::from_secs(50);
        while admin.query_one(ENDING, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            assert!(Instant::now() < end);
            sleep(Duration::from_millis(20)).await;
        }
        cluster.stop();
    };
    let (why, ()) = tokio::join!(deleting, pull_the_plug);
    assert!(
        why.contains("whether anything was written is not known"),
        "{why}"
    );
}
