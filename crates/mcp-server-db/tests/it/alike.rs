//! The same operations on both engines: the same answers.

use mcp_server_db::{DatabaseServer, Limits, Options};
use rmcp::{
    model::{ReadResourceRequestParams, ResourceContents},
    service::ClientLifecycleMode,
};
use serde_json::{Value, json};

use crate::{
    client::{Client, ask, refused},
    cluster::{Cluster, connect},
};

/// Both engines understand this.
const TABLES: &str = "
    CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL, born INTEGER);
    CREATE TABLE letters (id INTEGER PRIMARY KEY, sender INTEGER NOT NULL REFERENCES people (id),
        body TEXT NOT NULL);
    CREATE INDEX letters_by_sender ON letters (sender);
    CREATE VIEW writers AS SELECT DISTINCT name FROM people JOIN letters ON sender = people.id;
    INSERT INTO people VALUES (1, 'Zoë, \"the writer\"', 1901), (2, 'Lí 表 | x', NULL), (3, 'Bob', 1950);
    INSERT INTO letters VALUES (1, 1, 'A long letter about kettles'), (2, 1, 'Short'), (3, 3, '100% sure');
";

/// A client of an engine, and how it marks parameters.
struct Asked {
    client: Client,
    placeholder: &'static str,
}

impl Asked {
    async fn ask(&self, tool: &'static str, arguments: Value) -> Value {
        ask(&self.client, tool, arguments).await
    }

    /// The parts of a description that are the same whatever the engine calls its types.
    async fn described(&self, table: &str) -> Value {
        let told = self.ask("describe_table", json!({ "table": table })).await;
        let columns = told["columns"].as_array().unwrap().iter();
        let columns: Vec<Value> = columns
            .map(|column| json!([column["name"], column["primary_key"], column["default"]]))
            .collect();
        json!([told["name"], told["kind"], columns, told["foreign_keys"]])
    }

    async fn read(&self, uri: String) -> String {
        let params = ReadResourceRequestParams::new(uri);
        let result = self.client.read_resource(params).await.unwrap();
        match &result.contents[0] {
            ResourceContents::TextResourceContents { text, .. } => text.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Everything that a client can ask, and what it was told.
    async fn all(&self) -> Vec<(&'static str, Value)> {
        let names = |told: Value| -> Value {
            let tables = told["tables"].as_array().unwrap().iter();
            tables
                .map(|table| json!([table["name"], table["kind"]]))
                .collect()
        };
        let rows = async |sql: &str, parameters: Value| {
            let sql = sql.replace('?', self.placeholder);
            let asked = json!({ "sql": sql, "parameters": parameters });
            let told = self.ask("query", asked).await;
            json!([told["rows"], told["row_count"], told["truncated"]])
        };
        let mut all = vec![
            ("tables", names(self.ask("list_tables", json!({})).await)),
            ("people", self.described("people").await),
            ("letters", self.described("letters").await),
            ("writers", self.described("writers").await),
            (
                "rows",
                rows("SELECT * FROM people ORDER BY id", json!([])).await,
            ),
            (
                "bound",
                rows("SELECT name FROM people WHERE id = ?", json!([2])).await,
            ),
            (
                "attack",
                rows(
                    "SELECT count(*) FROM people WHERE name = ?",
                    json!(["' OR 1=1 --"]),
                )
                .await,
            ),
            ("big", rows("SELECT 9007199254740993", json!([])).await),
            (
                "nothing",
                rows("SELECT name FROM people WHERE id < 0", json!([])).await,
            ),
            (
                "cut",
                rows("SELECT p.id FROM people p, letters ORDER BY 1", json!([])).await,
            ),
        ];
        for (name, text) in [
            ("found", "kettles long"),
            ("percent", "100%"),
            ("nowhere", "nope"),
        ] {
            let told = self.ask("search", json!({ "text": text })).await;
            let hits = told["hits"].as_array().unwrap().iter();
            let hits = hits
                .map(|hit| json!([hit["table"], hit["snippet"]]))
                .collect();
            all.push((name, hits));
        }
        let resources = self.client.list_all_resources().await.unwrap();
        all.push((
            "addresses",
            resources.iter().map(|r| json!(r.uri)).collect(),
        ));
        for (name, part) in [("csv", "rows"), ("markdown", "rows.md")] {
            let text = self.read(format!("db://tables/people/{part}")).await;
            all.push((name, json!(text)));
        }
        let template = "db://tables/{table}/schema";
        let completed = self
            .client
            .complete_resource_simple(template, "table", "P")
            .await;
        all.push(("completed", json!(completed.unwrap())));
        for (name, sql) in [
            ("stacked", "SELECT 1; SELECT 2"),
            ("no query", ""),
            ("comment", "-- x"),
            ("delete", "DELETE FROM people"),
            ("create", "/* x */ create table x (y INTEGER)"),
            ("begin", "BEGIN"),
        ] {
            all.push((
                name,
                json!(refused(&self.client, "query", json!({ "sql": sql })).await),
            ));
        }
        let unknown = json!({ "table": "nope" });
        all.push((
            "unknown",
            json!(refused(&self.client, "describe_table", unknown).await),
        ));
        all
    }
}

#[tokio::test]
async fn both_engines_answer_alike() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let admin = cluster.admin().await;
    admin.batch_execute("CREATE DATABASE alike").await.unwrap();
    cluster
        .admin_of("alike")
        .await
        .batch_execute(TABLES)
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alike.sqlite");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(TABLES)
        .unwrap();

    let options = Options {
        limits: Limits {
            rows: 5,
            ..Limits::default()
        },
        ..Options::default()
    };
    let mut told = Vec::new();
    for (address, placeholder) in [
        (path.to_string_lossy().into_owned(), "?"),
        (cluster.url("reader", "alike"), "$1"),
    ] {
        let server = DatabaseServer::open(&address, &options).unwrap();
        let client = connect(server, ClientLifecycleMode::Initialize).await;
        told.push(
            Asked {
                client,
                placeholder,
            }
            .all()
            .await,
        );
    }
    let (sqlite, postgres) = (&told[0], &told[1]);
    for (one, other) in sqlite.iter().zip(postgres) {
        assert_eq!(one, other);
    }
    assert_eq!(sqlite.len(), postgres.len());
}
