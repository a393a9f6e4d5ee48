//! SQLite databases that write their changes ahead to a log.

use std::os::unix::fs::symlink;

use mcp_server_db::{DatabaseServer, Options};
use serde_json::json;

use crate::client::{ask, client_of};

#[tokio::test]
async fn what_is_only_in_the_log_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logged.sqlite");
    let writer = rusqlite::Connection::open(&path).unwrap();
    writer
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (42)")
        .unwrap();
    let client = client_of(&path).await;
    let read = json!({ "sql": "SELECT x FROM t" });
    assert_eq!(
        ask(&client, "query", read.clone()).await["rows"],
        json!([[42]])
    );
    // While we look, somebody else writes on.
    writer.execute_batch("UPDATE t SET x = 43").unwrap();
    assert_eq!(ask(&client, "query", read).await["rows"], json!([[43]]));
}

#[test]
fn a_log_that_cannot_be_opened_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logged.sqlite");
    let writer = rusqlite::Connection::open(&path).unwrap();
    writer
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x)")
        .unwrap();
    drop(writer);
    // As where the folder cannot be written to, which root would not notice.
    symlink("nowhere", folder.path().join("logged.sqlite-shm")).unwrap();
    let address = path.to_string_lossy();
    let error = DatabaseServer::open(&address, &Options::default()).unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("it writes changes ahead to a log (WAL)"),
        "{told}"
    );
}
