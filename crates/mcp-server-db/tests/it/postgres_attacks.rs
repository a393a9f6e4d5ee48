//! PostgreSQL: statements that want more than to read. All refused or bounded, and
//! nothing changes; with a reader's role, and with one that could do everything.

use std::{path::Path, time::Duration};

use mcp_server_db::{DatabaseServer, Limits, Options};
use rmcp::service::ClientLifecycleMode;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    client::{Client, ask, call, refused},
    cluster::{Cluster, connect},
};

const ATTACKS: &[&str] = &[
    // More than one statement.
    "SELECT 1; DROP TABLE orders",
    "SELECT 1;;\n/* comment */ DELETE FROM orders",
    "COMMIT; DROP TABLE orders",
    "COMMIT; BEGIN READ WRITE; DELETE FROM orders; COMMIT",
    "ROLLBACK; INSERT INTO events VALUES (-1, 'evil')",
    "END; CREATE TABLE evil (x int)",
    // Transactions and sessions.
    "COMMIT",
    "COMMIT AND CHAIN",
    "ROLLBACK",
    "BEGIN READ WRITE",
    "PREPARE TRANSACTION 'evil'",
    "SET TRANSACTION READ WRITE",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "SET default_transaction_read_only = off",
    "SET statement_timeout = 0",
    "SET ROLE postgres",
    "RESET ALL",
    "DISCARD ALL",
    "LISTEN evil",
    "NOTIFY evil",
    "PREPARE evil AS DELETE FROM orders",
    "DEALLOCATE ALL",
    "LOCK TABLE orders",
    "SELECT set_config('transaction_read_only', 'off', true)",
    "SELECT set_config('statement_timeout', '0', false)",
    "SELECT set_config('role', 'postgres', false)",
    // Writing.
    "DELETE FROM orders",
    "DELETE FROM orders RETURNING *",
    "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
    "UPDATE orders SET total = 0 RETURNING id",
    "INSERT INTO events VALUES (-1, 'evil') RETURNING id",
    "MERGE INTO events e USING orders o ON e.id = o.id WHEN MATCHED THEN DELETE",
    "/**/DELETE/**/FROM/**/orders/**/RETURNING/**/id",
    "\u{feff}DELETE FROM orders",
    "TRUNCATE orders",
    "CREATE TABLE evil (x int)",
    "CREATE TEMP TABLE evil (x int)",
    "CREATE TABLE evil AS SELECT 1",
    "SELECT 1 INTO evil",
    "SELECT 1 INTO TEMP evil",
    "SELECT * FROM orders FOR UPDATE",
    "SELECT nextval('customers_id_seq')",
    "SELECT setval('customers_id_seq', 1000)",
    "REFRESH MATERIALIZED VIEW evil",
    "VACUUM",
    "ANALYZE",
    "REINDEX DATABASE postgres",
    "CHECKPOINT",
    "CALL evil()",
    "DO $$ BEGIN DELETE FROM orders; END $$",
    "EXPLAIN ANALYZE DELETE FROM orders",
    "CREATE EXTENSION dblink",
    "CREATE ROLE evil SUPERUSER",
    "ALTER ROLE reader SUPERUSER",
    "ALTER SYSTEM SET fsync = off",
    "GRANT ALL ON orders TO reader",
    "LOAD 'evil'",
    // Files and programs.
    "COPY orders TO 'EVIL'",
    "COPY orders TO PROGRAM 'touch EVIL'",
    "COPY orders TO STDOUT",
    "COPY orders FROM PROGRAM 'cat /etc/passwd'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT PG_Read_File('/etc/passwd')",
    "SELECT \"pg_read_file\"('/etc/passwd')",
    "SELECT pg_catalog.pg_read_file/**/('/etc/passwd')",
    "SELECT U&\"\\0070g_read_file\"('/etc/passwd')",
    "SELECT u&\"!0070g_read_file\" UESCAPE '!' ('/etc/passwd')",
    "SELECT (SELECT pg_read_file(x) FROM (VALUES ('/etc/passwd')) AS v(x))",
    "SELECT 1 LIMIT length(pg_read_file('/etc/passwd'))",
    "VALUES (pg_read_file('/etc/passwd')), ('x')",
    "SELECT * FROM (VALUES (1), (2)) AS v(x) ORDER BY pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT pg_stat_file('/etc/passwd')",
    "SELECT pg_ls_logdir()",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, 'EVIL')",
    "SELECT lo_create(4711)",
    "SELECT lo_from_bytea(4711, 'evil')",
    "SELECT lo_unlink(1)",
    "TABLE pg_hba_file_rules UNION SELECT pg_ls_waldir()",
    // Other sessions, other databases, the server.
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity",
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity",
    "SELECT pg_reload_conf()",
    "SELECT pg_rotate_logfile()",
    "SELECT pg_switch_wal()",
    "SELECT pg_stat_reset()",
    "SELECT pg_notify('evil', 'x')",
    "SELECT pg_logical_emit_message(false, 'evil', 'x')",
    "SELECT pg_advisory_lock(4711)",
    "SELECT pg_try_advisory_lock(4711)",
    "SELECT * FROM dblink('dbname=postgres', 'DROP TABLE orders') AS t(x text)",
    "SELECT dblink_exec('dbname=postgres', 'DROP TABLE orders')",
    // SQL within SQL.
    "SELECT query_to_xml('SELECT pg_re' || 'ad_file(''/etc/passwd'')', true, true, '')",
    "SELECT query_to_xml('DELETE FROM orders', true, true, '')",
    "SELECT * FROM ts_stat('SELECT pg_re' || 'ad_file(''/etc/passwd'')::tsvector')",
];

/// What an attack could have changed.
async fn state(cluster: &Cluster) -> Vec<String> {
    const STATE: &str = "
        SELECT 'orders ' || count(*) || sum(total) FROM orders
        UNION ALL SELECT 'events ' || count(*) || min(id) FROM events
        UNION ALL SELECT 'relations ' || count(*) FROM pg_class WHERE oid > 16384
        UNION ALL SELECT 'roles ' || string_agg(rolname || rolsuper, ',' ORDER BY rolname) FROM pg_roles
        UNION ALL SELECT 'extensions ' || count(*) FROM pg_extension
        UNION ALL SELECT 'large objects ' || count(*) FROM pg_largeobject_metadata
        UNION ALL SELECT 'advisory locks ' || count(*) FROM pg_locks WHERE locktype = 'advisory'
        UNION ALL SELECT 'sequence ' || last_value FROM customers_id_seq
        UNION ALL SELECT 'prepared ' || count(*) FROM pg_prepared_xacts
        UNION ALL SELECT 'fsync ' || coalesce(string_agg(sourcefile, ','), '') FROM pg_settings
            WHERE name = 'fsync' AND sourcefile LIKE '%auto.conf'";
    let rows = cluster.admin().await.query(STATE, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// One client throughout: what an attack leaves behind, the next one finds.
async fn attack(client: &Client, evil: &Path) {
    for sql in ATTACKS {
        let sql = sql.replace("EVIL", &evil.display().to_string());
        for tool in ["query", "explain"] {
            // Plans of what would be refused if it were run are nobody's loss.
            let answer = call(client, tool, json!({ "sql": sql })).await;
            let refused = answer.is_error == Some(true);
            assert!(refused || tool == "explain", "{sql}: {answer:?}");
        }
    }
    assert!(!evil.exists());
    let still = ask(client, "query", json!({ "sql": "SELECT 1" })).await;
    assert_eq!(still["rows"], json!([[1]]));
}

#[tokio::test]
async fn no_statement_changes_anything_whatever_the_role() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let admin = cluster.admin().await;
    admin
        .batch_execute("CREATE EXTENSION dblink")
        .await
        .unwrap();
    let before = state(&cluster).await;
    let options = Options {
        any_role: true,
        ..Options::default()
    };
    for role in ["reader", "postgres"] {
        let server = DatabaseServer::open(&cluster.url(role, "postgres"), &options).unwrap();
        let client = connect(server, ClientLifecycleMode::Initialize).await;
        attack(&client, &cluster.folder().join("evil")).await;
        assert_eq!(state(&cluster).await, before, "as {role}");
    }
}

#[tokio::test]
async fn the_first_statement_is_looked_at_as_all_others_are() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let forbidden = json!({ "sql": "SELECT pg_notify('evil', 'x')" });
    for tool in ["query", "explain", "execute"] {
        // Nothing was asked of this server before.
        let options = Options {
            allow_writes: true,
            ..Options::default()
        };
        let client = cluster.client(&options).await;
        let answer = refused(&client, tool, forbidden.clone()).await;
        assert!(answer.contains("`pg_notify`"), "{tool}: {answer}");
    }
}

#[tokio::test]
async fn roles_that_reach_beyond_the_database_are_not_served() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let admin = cluster.admin().await;
    let roles = "CREATE ROLE files LOGIN PASSWORD 'kept-secret' IN ROLE pg_read_server_files;
                 CREATE ROLE inner_role SUPERUSER;
                 CREATE ROLE becomes LOGIN PASSWORD 'kept-secret' IN ROLE inner_role;
                 ALTER ROLE becomes SET role = inner_role;";
    admin.batch_execute(roles).await.unwrap();
    for (role, why) in [
        ("postgres", "is a superuser"),
        ("files", "is a member of pg_read_server_files"),
        ("becomes", "is a superuser"),
    ] {
        let url = cluster.url(role, "postgres");
        let server = DatabaseServer::open(&url, &Options::default()).unwrap();
        let client = connect(server, ClientLifecycleMode::Initialize).await;
        for tool in ["list_tables", "list_schemas"] {
            let answer = refused(&client, tool, json!({})).await;
            assert!(answer.contains(why), "{answer}");
        }
        let answer = refused(&client, "query", json!({ "sql": "SELECT 1" })).await;
        assert!(answer.contains(why), "{answer}");
    }
}

#[tokio::test]
async fn functions_can_be_allowed_by_name() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let options = Options {
        allow_functions: vec!["pg_advisory_lock".to_owned()],
        ..Options::default()
    };
    let client = cluster.client(&options).await;
    let lock = json!({ "sql": "SELECT pg_advisory_lock(4711)" });
    let answer = ask(&client, "query", lock).await;
    assert_eq!(answer["rows"], json!([[null]]));
    // What it leaves behind does not outlive the call.
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
    let left: i64 = cluster
        .admin()
        .await
        .query_one(locks, &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn statements_without_an_end_are_stopped() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let options = Options {
        limits: Limits {
            time: Duration::from_millis(500),
            ..Limits::default()
        },
        ..Options::default()
    };
    let client = cluster.client(&options).await;
    for sql in [
        "SELECT pg_sleep(1000)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "SELECT count(*) FROM generate_series(1, 1000000000000)",
        "SELECT count(*) FROM events a, events b, events c",
        "SELECT pg_sleep(1000) FROM generate_series(1, 2)",
    ] {
        let start = Instant::now();
        let answer = refused(&client, "query", json!({ "sql": sql })).await;
        assert_eq!(
            answer, "the statement ran for 0.5 s and was stopped",
            "{sql}"
        );
        assert!(start.elapsed() < Duration::from_secs(60), "{sql}");
    }
}
