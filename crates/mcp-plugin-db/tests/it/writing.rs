//! What is written is written once, whatever becomes of the connection.

use std::{path::Path, time::Duration};

use mcp_domain::{ErrorKind, Operation, Target};
use mcp_plugin_db::{Access, DatabasePlugin};
use mcp_transport::{ClientConnector, Lifecycle};
use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::{
    fixture::{Postgres, sqlite},
    servers::{PROGRAM, children, until},
};

const INSERT: &str = "INSERT INTO makers VALUES (77, 'Ann')";

/// A plugin for the program as a server that writes.
fn writer(access: Access, target: Target) -> DatabasePlugin {
    let connector = ClientConnector::new(target).unwrap();
    // One answer, the handshake's, before anything is asked for.
    let connector = connector.with_lifecycle(Lifecycle::Initialize);
    DatabasePlugin::builder(connector).access(access).build()
}

fn serving(args: &[&str]) -> Target {
    let mut all = vec!["serve", "--allow-writes"];
    all.extend(args);
    Target::command(PROGRAM, all)
}

/// Through a pipe that lets the answer to the handshake through and no other: what is
/// asked for is done, and the answer is lost.
fn serving_without_an_answer(database: &str) -> Target {
    let script = "\"$0\" serve --allow-writes -- \"$1\" | sed --unbuffered --quiet 1p";
    Target::command("sh", ["-c", script, PROGRAM, database])
}

fn makers(database: &str) -> u32 {
    let database = Connection::open(database).unwrap();
    let count = "SELECT count(*) FROM makers";
    database.query_row(count, [], |row| row.get(0)).unwrap()
}

/// All that runs for the one child of this process.
fn kill_the_server() {
    let running = children();
    assert_eq!(running.len(), 1);
    let group = Pid::from_raw(running[0].try_into().unwrap()).unwrap();
    kill_process_group(group, Signal::KILL).unwrap();
}

#[tokio::test]
async fn what_was_written_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let database = sqlite(folder.path());
    let postgres = Postgres::start();
    let mut targets = vec![serving(&["--", &database])];
    if let Some(postgres) = &postgres {
        targets.push(serving(&["--any-role", "--", &postgres.url()]));
    }
    for target in targets {
        let plugin = writer(Access::Pooled, target.clone());
        let execute = async |sql, parameters: &[_]| {
            let changes = plugin.execute(sql, parameters).await;
            changes.unwrap().rows_affected
        };
        let insert = "INSERT INTO makers(id, name) VALUES ($1, $2), (3, 'Bo')";
        let values = [2.into(), "Zoë".into()];
        assert_eq!(execute(insert, &values).await, Some(2));
        let rename = "UPDATE makers SET name = $1 WHERE id > $2";
        assert_eq!(execute(rename, &["Cy".into(), 1.into()]).await, Some(2));
        assert_eq!(execute(rename, &["Cy".into(), 99.into()]).await, Some(0));
        assert_eq!(execute("CREATE TABLE notes(text TEXT)", &[]).await, Some(0));
        // The list that may have been kept is asked for anew.
        let tables = plugin.tables().await.unwrap();
        assert!(tables.iter().any(|table| table.name == "notes"));
        let nameless = "INSERT INTO makers(id) VALUES (9)";
        let error = plugin.execute(nameless, &[]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ToolFailed);

        // The same without a pool.
        let direct = writer(Access::Direct, target);
        let delete = "DELETE FROM makers WHERE id > $1";
        let deleted = direct.execute(delete, &[1.into()]).await.unwrap();
        assert_eq!(deleted.rows_affected, Some(2));
        let names = plugin.query_as::<String>("SELECT name FROM makers", &[]);
        assert_eq!(names.await.unwrap(), ["Smith & Söhne"]);
        plugin.close(Duration::from_secs(10)).await;
    }
    assert_eq!(children(), Vec::<u32>::new());
}

#[tokio::test]
async fn what_a_statement_returns_is_told_as_far_as_the_limits_go() {
    let folder = tempfile::tempdir().unwrap();
    let database = sqlite(folder.path());
    let postgres = Postgres::start();
    let mut targets = vec![serving(&["--max-rows", "2", "--", &database])];
    if let Some(postgres) = &postgres {
        let url = postgres.url();
        let args = ["--max-rows", "2", "--any-role", "--", &url];
        targets.push(serving(&args));
    }
    for target in targets {
        for access in [Access::Direct, Access::Pooled] {
            let plugin = writer(access, target.clone());
            let insert = "INSERT INTO makers(id, name) VALUES (11, 'Ann'), (12, 'Bo'), (13, 'Cy') \
                          RETURNING id, name";
            let changes = plugin.execute(insert, &[]).await.unwrap();
            assert_eq!(changes.rows_affected, Some(3));
            assert!(changes.returned.truncated);
            let told: Vec<(i64, String)> = changes.returned.parse().unwrap();
            assert_eq!(told, [(11, "Ann".to_owned()), (12, "Bo".to_owned())]);
            let delete = "DELETE FROM makers WHERE id > $1 RETURNING id";
            let one = plugin.execute(delete, &[12.into()]).await.unwrap();
            assert_eq!(one.returned.parse::<i64>().unwrap(), [13]);
            assert!(!one.returned.truncated);
            let plain = "DELETE FROM makers WHERE id > $1";
            let changes = plugin.execute(plain, &[10.into()]).await.unwrap();
            assert_eq!(changes.rows_affected, Some(2));
            assert!(changes.returned.columns.is_empty());
            plugin.close(Duration::from_secs(10)).await;
        }
    }
    assert_eq!(children(), Vec::<u32>::new());
}

#[tokio::test]
async fn what_was_written_before_the_answer_was_lost_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let database = sqlite(folder.path());
    let plugin = writer(Access::Pooled, serving_without_an_answer(&database));
    let (executed, ()) = tokio::join!(plugin.execute(INSERT, &[]), async {
        until(|| makers(&database) == 2).await;
        kill_the_server();
    });
    let error = executed.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected, "{}", error.chain());
    assert_eq!(plugin.stats().pool.opened, 1, "asked once");
    assert_eq!(makers(&database), 2);
    plugin.close(Duration::from_secs(10)).await;
    assert_eq!(children(), Vec::<u32>::new());
}

#[tokio::test]
async fn what_is_declared_harmless_to_repeat_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let database = sqlite(folder.path());
    let plugin = writer(Access::Pooled, serving_without_an_answer(&database));
    let insert = "INSERT INTO makers(name) VALUES ('Ann')";
    let harmless = Operation::new("insert").repeatable();
    tokio::select! {
        executed = plugin.execute_with(harmless, insert, &[]) => panic!("{executed:?}"),
        () = async {
            until(|| makers(&database) == 2).await;
            kill_the_server();
            until(|| makers(&database) == 3).await;
        } => {}
    }
    assert_eq!(plugin.stats().pool.opened, 2);
    plugin.close(Duration::from_secs(10)).await;
    assert_eq!(children(), Vec::<u32>::new());
}

#[tokio::test]
async fn what_was_being_written_when_the_server_was_killed_is_undone_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let database = sqlite(folder.path());
    // As the server would, which would be taken for writing.
    let wal = Connection::open(&database).unwrap();
    wal.pragma_update(None, "journal_mode", "WAL").unwrap();
    for access in [Access::Direct, Access::Pooled] {
        let plugin = writer(
            access,
            serving(&["--statement-timeout", "600", "--", &database]),
        );
        // Longer than any test runs.
        let endless = "INSERT INTO makers(name) WITH RECURSIVE n(i) AS \
                       (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                       SELECT 'x' FROM n WHERE i = 1 OR i < 0";
        let (executed, ()) = tokio::join!(plugin.execute(endless, &[]), async {
            until_it_is_being_written(database.as_ref()).await;
            kill_the_server();
        });
        let error = executed.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disconnected, "{}", error.chain());
        assert!(plugin.stats().pool.opened <= 1, "asked once");
        assert!(!is_being_written(database.as_ref()));
        assert_eq!(makers(&database), 1);
        plugin.close(Duration::from_secs(10)).await;
        assert_eq!(children(), Vec::<u32>::new());
    }
}

/// Waits for a writer that keeps its lock: a server that opens the file has it, too, for a
/// moment.
async fn until_it_is_being_written(database: &Path) {
    let mut in_a_row = 0;
    until(|| {
        in_a_row = if is_being_written(database) {
            in_a_row + 1
        } else {
            0
        };
        in_a_row == 20
    })
    .await;
}

/// Does somebody else hold the lock of a writer?
fn is_being_written(database: &Path) -> bool {
    let database = Connection::open(database).unwrap();
    database.busy_timeout(Duration::ZERO).unwrap();
    database.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_err()
}
