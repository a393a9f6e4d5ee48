//! SQLite: writing, where it was asked for.

use std::{fs, path::Path, time::Duration};

use mcp_server_db::{DatabaseServer, Limits, Options};
use rmcp::{
    ClientHandler, RoleClient,
    model::{CallToolRequestParams, ClientConfig, ServerNotification, SubscriptionFilter},
    service::{ClientLifecycleMode, ClientServiceExt as _, NotificationContext},
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use crate::client::{Client, ask, call, config, lifecycles, refused, shop};

/// A copy of the sample database, and a client that may write to it.
async fn writable(folder: &Path, limits: Limits) -> Client {
    let path = folder.join("shop.sqlite");
    fs::copy(shop(), &path).unwrap();
    let options = Options {
        limits,
        allow_writes: true,
        ..Options::default()
    };
    let server = DatabaseServer::open(&path.to_string_lossy(), &options).unwrap();
    connect(server).await
}

async fn connect(server: DatabaseServer) -> Client {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(server.serve_stream(theirs));
    let mode = ClientLifecycleMode::Initialize;
    config().serve_with_lifecycle(ours, mode).await.unwrap()
}

async fn cell(client: &Client, sql: &str) -> Value {
    let answer = ask(client, "query", json!({ "sql": sql })).await;
    answer["rows"][0][0].clone()
}

#[tokio::test]
async fn the_tool_exists_only_where_it_was_asked_for() {
    let reading = crate::client::client().await;
    let mut params = CallToolRequestParams::new("execute");
    params.arguments = json!({ "sql": "DELETE FROM orders" }).as_object().cloned();
    let error = reading.peer().call_tool(params).await.unwrap_err();
    assert!(
        error.to_string().contains("there is no tool `execute`"),
        "{error}"
    );

    let folder = tempfile::tempdir().unwrap();
    let writing = writable(folder.path(), Limits::default()).await;
    let tools = writing.list_all_tools().await.unwrap();
    let execute = tools.iter().find(|tool| tool.name == "execute").unwrap();
    let hints = execute.annotations.as_ref().unwrap();
    assert_eq!(hints.read_only_hint, Some(false));
    assert_eq!(hints.destructive_hint, Some(true));
    assert_eq!(hints.idempotent_hint, Some(false));
    // The others read as before.
    let query = json!({ "sql": "DELETE FROM order_items" });
    assert!(
        refused(&writing, "query", query)
            .await
            .contains("for reading only")
    );
}

#[tokio::test]
async fn a_statement_is_done_as_a_whole_and_seen_by_readers() {
    let folder = tempfile::tempdir().unwrap();
    let client = writable(folder.path(), Limits::default()).await;
    let update =
        json!({ "sql": "UPDATE products SET price = ? WHERE id <= ?", "parameters": ["1.10", 3] });
    assert_eq!(ask(&client, "execute", update).await["rows_affected"], 3);
    assert_eq!(
        cell(&client, "SELECT price FROM products WHERE id = 2").await,
        "1.10"
    );
    let returning =
        json!({ "sql": "DELETE FROM inventory WHERE product_id = 1 RETURNING warehouse" });
    let gone = ask(&client, "execute", returning).await;
    assert_eq!(
        gone["rows_affected"],
        gone["rows"].as_array().unwrap().len()
    );
    let table = json!({ "sql": "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)" });
    assert_eq!(ask(&client, "execute", table).await["rows_affected"], 0);
    // One of two rows is wrong, so neither is written.
    let wrong = json!({ "sql": "INSERT INTO notes VALUES (1, 'a'), (1, 'b')" });
    assert!(refused(&client, "execute", wrong).await.contains("UNIQUE"));
    assert_eq!(cell(&client, "SELECT count(*) FROM notes").await, 0);
    let orphan = json!({ "sql": "INSERT INTO orders VALUES (-1, -1, NULL, '2024', 'open')" });
    assert!(
        refused(&client, "execute", orphan)
            .await
            .contains("FOREIGN KEY")
    );
}

#[tokio::test]
async fn all_rows_are_written_however_many_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        rows: 5,
        ..Limits::default()
    };
    let client = writable(folder.path(), limits).await;
    let delete =
        json!({ "sql": "DELETE FROM order_items WHERE order_id <= 100 RETURNING order_id" });
    let gone = ask(&client, "execute", delete).await;
    assert_eq!(
        (gone["rows"].as_array().unwrap().len(), &gone["truncated"]),
        (5, &json!(true))
    );
    assert!(gone["rows_affected"].as_u64().unwrap() > 100);
    assert_eq!(
        cell(
            &client,
            "SELECT count(*) FROM order_items WHERE order_id <= 100"
        )
        .await,
        0
    );
}

#[tokio::test]
async fn a_row_that_is_too_long_to_be_told_undoes_what_returned_it() {
    for (bytes, length, why) in [
        (
            1024 * 1024,
            700_000,
            "string or blob too big: the limit is 1048576 bytes",
        ),
        (
            10_000,
            10_001,
            "a value is too big: the limit is 10000 bytes",
        ),
        (
            200_000,
            199_999,
            "a row is too big: the limit is 462144 bytes",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits {
            bytes,
            ..Limits::default()
        };
        let client = writable(folder.path(), limits).await;
        let long = format!("printf('%.*c', {length}, 'x')");
        let returned = "RETURNING title, title, title";
        let last = "SELECT max(id) FROM reviews";
        for sql in [
            format!("UPDATE reviews SET title = {long} WHERE id <= 2 {returned}"),
            // The last of more rows than are told.
            format!(
                "UPDATE reviews SET title = CASE id WHEN ({last}) THEN {long} ELSE title END \
                 {returned}"
            ),
        ] {
            let answer = refused(&client, "execute", json!({ "sql": sql })).await;
            assert_eq!(answer, why);
            let written = "SELECT count(*) FROM reviews WHERE length(title) > 1000";
            assert_eq!(cell(&client, written).await, 0);
        }
        // The next one is not held up by that.
        let short = format!("UPDATE reviews SET title = 'x' WHERE id <= 2 {returned}");
        let short = ask(&client, "execute", json!({ "sql": short })).await;
        assert_eq!(short["rows_affected"], 2);
    }
}

#[tokio::test]
async fn tables_of_modules_that_stay_within_the_file_are_made_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let client = writable(folder.path(), Limits::default()).await;
    for (name, table) in [
        ("a", "fts3(text)"),
        ("b", "fts4(text)"),
        ("c", "fts5(text)"),
        ("d", "rtree(text, low, high)"),
        ("e", "rtree_i32(text, low, high)"),
    ] {
        for sql in [
            format!("CREATE VIRTUAL TABLE {name} USING {table}"),
            format!("INSERT INTO {name}(text) VALUES (1), (2)"),
            format!("UPDATE {name} SET text = 3 WHERE rowid = 2"),
            format!("DELETE FROM {name} WHERE text = 1"),
        ] {
            ask(&client, "execute", json!({ "sql": sql })).await;
        }
        let left = format!("SELECT CAST(text AS INTEGER) FROM {name}");
        assert_eq!(cell(&client, &left).await, 3, "{name}");
    }
}

#[tokio::test]
async fn nothing_but_the_file_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let client = writable(folder.path(), Limits::default()).await;
    for sql in [
        "ATTACH 'evil.sqlite' AS evil",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO 'evil.sqlite'",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT evil",
        "PRAGMA writable_schema = ON",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA wal_checkpoint",
        "PRAGMA user_version = 7",
        "INSERT INTO sqlite_schema VALUES ('table', 'evil', 'evil', 0, '')",
        "UPDATE sqlite_schema SET sql = ''",
        "CREATE TEMP TABLE evil (x)",
        "CREATE VIRTUAL TABLE evil USING csv(filename='/etc/passwd')",
        "SELECT load_extension('evil.so')",
        "DELETE FROM reviews; DELETE FROM orders",
    ] {
        let answer = call(&client, "execute", json!({ "sql": sql })).await;
        assert_eq!(answer.is_error, Some(true), "{sql}: {answer:?}");
    }
    let why = refused(&client, "execute", json!({ "sql": "BEGIN" })).await;
    assert!(why.contains("a transaction of its own"), "{why}");
    for nothing in ["", " -- nothing", ";"] {
        let why = refused(&client, "execute", json!({ "sql": nothing })).await;
        assert_eq!(why, "there is no statement");
    }
    // What is prepared for later is refused when its time comes.
    let trigger =
        "CREATE TRIGGER evil AFTER INSERT ON categories BEGIN SELECT load_extension('evil'); END";
    ask(&client, "execute", json!({ "sql": trigger })).await;
    let fires = json!({ "sql": "INSERT INTO categories VALUES (999, 'x', NULL)" });
    refused(&client, "execute", fires).await;
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["shop.sqlite", "shop.sqlite-shm", "shop.sqlite-wal"]);
}

#[tokio::test]
async fn readers_and_the_writer_do_not_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        time: Duration::from_secs(1000),
        ..Limits::default()
    };
    let client = writable(folder.path(), limits).await;
    ask(
        &client,
        "execute",
        json!({ "sql": "CREATE TABLE numbers (n)" }),
    )
    .await;
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) ";
    let long = |tool: &'static str, sql: String| {
        let peer = client.peer().clone();
        let mut params = CallToolRequestParams::new(tool);
        params.arguments = json!({ "sql": sql }).as_object().cloned();
        tokio::spawn(async move { peer.call_tool(params).await })
    };
    let reading = long("query", format!("{endless} SELECT count(*) FROM n, orders"));
    for _ in 0..3 {
        ask(
            &client,
            "execute",
            json!({ "sql": "INSERT INTO numbers VALUES (1)" }),
        )
        .await;
    }
    let writing = long(
        "execute",
        format!("{endless} INSERT INTO numbers SELECT i FROM n"),
    );
    for _ in 0..3 {
        assert_eq!(cell(&client, "SELECT count(*) FROM numbers").await, 3);
    }
    assert!(!reading.is_finished() && !writing.is_finished());
    // Abandoned, the writer stops, undoes what it did, and makes room for the next.
    writing.abort();
    let next = json!({ "sql": "INSERT INTO numbers VALUES (4)" });
    let next = timeout(Duration::from_secs(30), ask(&client, "execute", next));
    assert_eq!(next.await.unwrap()["rows_affected"], 1);
    assert_eq!(cell(&client, "SELECT count(*) FROM numbers").await, 4);
    reading.abort();
}

/// Hears when the list of resources has changed.
#[derive(Clone)]
struct Listener(mpsc::UnboundedSender<()>);

impl ClientHandler for Listener {
    async fn on_resource_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.0.send(()).unwrap();
    }

    fn get_info(&self) -> ClientConfig {
        config()
    }
}

#[tokio::test]
async fn whoever_listens_is_told_when_the_list_of_tables_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.sqlite");
    fs::copy(shop(), &path).unwrap();
    let options = Options {
        allow_writes: true,
        ..Options::default()
    };
    let server = DatabaseServer::open(&path.to_string_lossy(), &options).unwrap();
    tells_of_changed_tables(server, "DELETE FROM reviews").await;
}

/// Changes the tables of a server that allows it, and one time only rows by `delete`.
pub(crate) async fn tells_of_changed_tables(server: DatabaseServer, delete: &str) {
    let writer = connect(server.clone()).await;
    let (sender, mut heard) = mpsc::unbounded_channel();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(server.serve_stream(theirs));
    let mode = ClientLifecycleMode::Initialize;
    let listener = Listener(sender)
        .serve_with_lifecycle(ours, mode)
        .await
        .unwrap();
    let capabilities = &listener.peer_info().unwrap().capabilities;
    assert_eq!(
        capabilities.resources.as_ref().unwrap().list_changed,
        Some(true)
    );
    // Its first answer shows that the session has begun for the server, too.
    listener.list_tools(None).await.unwrap();
    for sql in [
        "CREATE TABLE notes (id INTEGER)",
        "ALTER TABLE notes RENAME TO memos",
        "DROP TABLE memos",
    ] {
        ask(&writer, "execute", json!({ "sql": sql })).await;
        timeout(Duration::from_secs(10), heard.recv())
            .await
            .unwrap()
            .unwrap();
    }
    // Rows are not tables.
    ask(&writer, "execute", json!({ "sql": delete })).await;
    call(&writer, "execute", json!({ "sql": "DROP TABLE nope" })).await;
    listener.list_tools(None).await.unwrap();
    assert!(heard.try_recv().is_err());
}

#[tokio::test]
async fn whoever_subscribes_without_a_session_is_told_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.sqlite");
    fs::copy(shop(), &path).unwrap();
    let options = Options {
        allow_writes: true,
        ..Options::default()
    };
    let server = DatabaseServer::open(&path.to_string_lossy(), &options).unwrap();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(server.serve_stream(theirs));
    let [_, discover] = lifecycles();
    let client = config().serve_with_lifecycle(ours, discover).await.unwrap();
    let filter = SubscriptionFilter::builder()
        .resources_list_changed()
        .build();
    let mut changes = client.peer().listen(filter).await.unwrap();
    ask(
        &client,
        "execute",
        json!({ "sql": "CREATE TABLE notes (text)" }),
    )
    .await;
    let told = timeout(Duration::from_secs(10), changes.next())
        .await
        .unwrap()
        .unwrap();
    assert!(
        matches!(
            told,
            Some(ServerNotification::ResourceListChangedNotification(_))
        ),
        "{told:?}"
    );
}
