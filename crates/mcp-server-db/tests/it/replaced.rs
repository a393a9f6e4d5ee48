//! SQLite: another file at the path of the database, or none any more.

use std::{fs, path::Path};

use mcp_server_db::{DatabaseServer, Options};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt as _};
use serde_json::{Value, json};

use crate::client::{Client, ask, config, refused};

const NAMES: &str = "SELECT name FROM names ORDER BY rowid";

/// A database that knows its name.
fn make(path: &Path, name: &str) {
    let database = rusqlite::Connection::open(path).unwrap();
    let sql = format!("CREATE TABLE names(name); INSERT INTO names VALUES ('{name}')");
    database.execute_batch(&sql).unwrap();
}

async fn client(path: &Path, allow_writes: bool) -> Client {
    let options = Options {
        allow_writes,
        ..Options::default()
    };
    let server = DatabaseServer::open(&path.to_string_lossy(), &options).unwrap();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(server.serve_stream(theirs));
    let mode = ClientLifecycleMode::Initialize;
    config().serve_with_lifecycle(ours, mode).await.unwrap()
}

/// What is in the database, in the order in which it came.
async fn names(client: &Client) -> Value {
    let names = json!({ "sql": NAMES });
    ask(client, "query", names).await["rows"].take()
}

#[tokio::test]
async fn the_file_that_is_at_the_path_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (path, next) = (folder.path().join("db"), folder.path().join("next"));
    make(&path, "old");
    let client = client(&path, false).await;
    assert_eq!(names(&client).await, json!([["old"]]));

    make(&next, "new");
    fs::rename(&next, &path).unwrap();
    assert_eq!(names(&client).await, json!([["new"]]));

    fs::remove_file(&path).unwrap();
    for (tool, asked) in [
        ("query", json!({ "sql": NAMES })),
        ("list_tables", json!({})),
    ] {
        let why = refused(&client, tool, asked).await;
        assert!(why.contains("there is no such file"), "{tool}: {why}");
    }
    make(&path, "again");
    assert_eq!(names(&client).await, json!([["again"]]));
}

#[tokio::test]
async fn nothing_is_written_to_a_file_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (path, next) = (folder.path().join("db"), folder.path().join("next"));
    make(&path, "old");
    let client = client(&path, true).await;
    let insert = json!({ "sql": "INSERT INTO names VALUES ('written')" });
    ask(&client, "execute", insert.clone()).await;

    make(&next, "new");
    for beside in ["db-wal", "db-shm"] {
        let _ = fs::remove_file(folder.path().join(beside));
    }
    fs::rename(&next, &path).unwrap();
    ask(&client, "execute", insert.clone()).await;
    assert_eq!(names(&client).await, json!([["new"], ["written"]]));

    fs::remove_file(&path).unwrap();
    let why = refused(&client, "execute", insert).await;
    assert!(why.contains("there is no such file"), "{why}");
}

#[tokio::test]
async fn the_log_of_one_file_does_not_spoil_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (path, next) = (folder.path().join("db"), folder.path().join("next"));
    make(&path, "old");
    let client = client(&path, true).await;
    let insert = json!({ "sql": "INSERT INTO names VALUES ('written')" });
    ask(&client, "execute", insert.clone()).await;

    make(&next, "new");
    fs::rename(&next, &path).unwrap();
    let query = json!({ "sql": NAMES });
    // Again and again: nothing is forgotten by being refused.
    for (tool, asked) in [("query", &query), ("execute", &insert), ("query", &query)] {
        let why = refused(&client, tool, asked.clone()).await;
        assert!(why.contains("the log of the one before"), "{tool}: {why}");
    }
    for beside in ["db-wal", "db-shm"] {
        fs::remove_file(folder.path().join(beside)).unwrap();
    }
    assert_eq!(names(&client).await, json!([["new"]]));
    ask(&client, "execute", insert).await;
    assert_eq!(names(&client).await, json!([["new"], ["written"]]));
}
