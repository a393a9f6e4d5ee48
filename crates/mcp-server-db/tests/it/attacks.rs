//! Statements that want more than to read: all refused, and nothing changes.

use std::{fs, path::Path};

use mcp_server_db::{DatabaseServer, Limits};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt as _};
use serde_json::json;

use crate::client::{config, refused, shop};

const ATTACKS: &[&str] = &[
    "DELETE FROM orders",
    "INSERT INTO categories VALUES (999, 'x', NULL)",
    "UPDATE products SET price = '0'",
    "DROP TABLE orders",
    "CREATE TABLE evil (x)",
    "CREATE TEMP TABLE evil (x)",
    "CREATE VIEW evil AS SELECT 1",
    "CREATE TRIGGER evil AFTER INSERT ON orders BEGIN SELECT 1; END",
    "ALTER TABLE orders RENAME TO evil",
    "SELECT 1; DROP TABLE orders",
    "SELECT 1;;\n/* comment */ DELETE FROM orders",
    "COMMIT; DELETE FROM orders",
    "BEGIN EXCLUSIVE",
    "BEGIN",
    "SAVEPOINT evil",
    "WITH x AS (SELECT 1) DELETE FROM orders",
    "WITH x AS (SELECT 1) INSERT INTO categories SELECT 999, 'x', NULL",
    "/**/DELETE/**/FROM/**/orders",
    "\u{feff}DELETE FROM orders",
    "DELETE FROM orders RETURNING *",
    "ATTACH 'evil.sqlite' AS evil",
    "ATTACH ':memory:' AS evil",
    "DETACH main",
    "VACUUM",
    "VACUUM INTO 'evil.sqlite'",
    "REINDEX",
    "ANALYZE",
    "PRAGMA writable_schema = ON",
    "PRAGMA query_only = OFF",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA user_version = 7",
    "PRAGMA database_list",
    "PRAGMA temp_store_directory = '/tmp'",
    "SELECT * FROM pragma_database_list",
    "SELECT load_extension('evil.so')",
    "SELECT writefile('evil', 'x')",
    "SELECT readfile('/etc/passwd')",
    "SELECT edit('x', 'sh')",
    "SELECT fts3_tokenizer('simple')",
    "CREATE VIRTUAL TABLE evil USING fts5(x)",
    "INSERT INTO reviews_text(reviews_text) VALUES ('delete-all')",
    "EXPLAIN DELETE FROM orders",
    "PRAGMA page_size = 512; VACUUM",
];

/// Tables that others are kept in, and one that is only called so.
const KEPT_APART: &str = "
    CREATE VIRTUAL TABLE places USING rtree(id, x0, x1);
    INSERT INTO places VALUES (1, 1, 2);
    CREATE VIRTUAL TABLE old USING fts4(body);
    INSERT INTO old VALUES ('kettle');
    CREATE TABLE tree_node (id INTEGER PRIMARY KEY, data TEXT);
    INSERT INTO tree_node VALUES (1, 'kept');
";

const ATTACKS_ON_THOSE: &[&str] = &[
    "DELETE FROM tree_node",
    "DELETE FROM tree_node RETURNING data",
    "INSERT INTO tree_node VALUES (2, 'x') RETURNING data",
    "UPDATE tree_node SET data = 'x' RETURNING data",
    "REPLACE INTO TREE_NODE VALUES (1, 'x') RETURNING data",
    "DELETE FROM places",
    "INSERT INTO places VALUES (2, 1, 2) RETURNING id",
    "UPDATE places SET x0 = 0 RETURNING id",
    "DELETE FROM places_node RETURNING data",
    "INSERT INTO places_rowid VALUES (7, 7) RETURNING rowid",
    "UPDATE places_parent SET parentnode = 7 RETURNING parentnode",
    "DELETE FROM old RETURNING body",
    "INSERT INTO old(old) VALUES ('rebuild')",
    "DELETE FROM old_segdir RETURNING level",
    "SELECT optimize(old) FROM old",
];

/// The names and contents of all files of a folder.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn no_statement_changes_anything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.sqlite");
    fs::copy(shop(), &path).unwrap();
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute_batch(KEPT_APART).unwrap();
    drop(database);
    let before = contents(folder.path());

    let server = DatabaseServer::open_sqlite(&path, Limits::default()).unwrap();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(server.serve_stream(theirs));
    let mode = ClientLifecycleMode::Initialize;
    let client = config().serve_with_lifecycle(ours, mode).await.unwrap();
    for sql in ATTACKS.iter().chain(ATTACKS_ON_THOSE) {
        let attack = sql.replace("evil", &folder.path().join("evil").display().to_string());
        for sql in [*sql, &attack] {
            let answer = refused(&client, "query", json!({ "sql": sql })).await;
            assert!(!answer.contains('\n'), "{sql}: {answer}");
        }
    }
    assert!(
        contents(folder.path()) == before,
        "a file was changed or made"
    );
}
