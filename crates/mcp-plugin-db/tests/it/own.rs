//! The suite on our own server, on both databases, and what only our server can do.

use std::time::Duration;

use mcp_domain::Target;
use mcp_plugin_db::{Access, DatabasePlugin, Value};
use mcp_transport::{ClientConnector, ResourceContents};
use serde_json::json;

use crate::{
    fixture::{Postgres, sqlite},
    program::{command, prints},
    servers::{PROGRAM, children},
    suite,
};

/// The program as a server of this database.
fn connector(database: &str) -> ClientConnector {
    ClientConnector::new(Target::command(PROGRAM, ["serve", "--", database])).unwrap()
}

async fn check(database: &str) {
    suite::check("mcp-db", connector(database)).await;
    let mut answers = Vec::new();
    for access in [Access::Direct, Access::Pooled] {
        let plugin = DatabasePlugin::builder(connector(database)).access(access);
        answers.push(ours_alone(&plugin.build()).await);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(children(), Vec::<u32>::new());
}

/// What the servers of others cannot do, or not all of them.
async fn ours_alone(plugin: &DatabasePlugin) -> (Vec<String>, Vec<String>) {
    let by_id: [Value; 1] = [1.into()];
    let plan = plugin.explain("SELECT * FROM things WHERE id = $1", &by_id);
    let plan = plan.await.unwrap();
    assert!(plan.join("\n").contains("things"), "{plan:?}");

    let found = plugin.search("Söhne", None, 5).await.unwrap();
    assert_eq!(found.hits.len(), 1, "{found:?}");
    assert_eq!(found.hits[0].table, "makers");
    assert!(found.hits[0].snippet.contains("Smith"), "{found:?}");
    // The row can be had by what is told of it.
    let hit = &found.hits[0];
    let key = hit.key.as_ref().and_then(|key| key["id"].as_i64());
    assert_eq!(hit.row.or(key), Some(1), "{found:?}");
    let nothing = plugin.search("xyzzy", Some("makers"), 5).await.unwrap();
    assert!(nothing.hits.is_empty());

    let described = plugin.describe("things").await.unwrap();
    let keys = &described.foreign_keys;
    assert_eq!(keys[0].references_table, "makers", "{described:?}");
    assert!(described.indexes.iter().any(|index| index.unique));

    let resources = plugin.resources().await.unwrap();
    let uris: Vec<String> = resources.into_iter().map(|one| one.uri).collect();
    for uri in ["db://tables/makers/schema", "db://tables/makers/rows"] {
        assert!(uris.iter().any(|known| known == uri), "{uris:?}");
        let contents = plugin.read(uri).await.unwrap();
        let [ResourceContents::Text { text, .. }] = contents.as_slice() else {
            panic!("{contents:?}");
        };
        assert!(text.contains("name"), "{text}");
    }
    plugin.close(Duration::from_secs(10)).await;
    (plan, uris)
}

#[tokio::test]
async fn our_server_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    check(&sqlite(folder.path())).await;
}

#[tokio::test]
async fn our_server_on_postgres() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    check(&postgres.reader()).await;
}

fn ask_for(postgres: &Postgres, pooled: &str, format: &str, args: &[&str]) -> String {
    let mut command = command();
    command.env("USE_MCP_POOL", pooled);
    command.args(["--format", format, "--database", &postgres.reader()]);
    prints(command.args(args))
}

#[test]
fn the_program_on_postgres() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    for pooled in ["false", "true"] {
        let ask = |args: &[&str]| {
            let printed = ask_for(&postgres, pooled, "json", args);
            serde_json::from_str::<serde_json::Value>(&printed).unwrap()
        };
        let tables = ask(&["tables"]);
        let names: Vec<_> = tables
            .as_array()
            .unwrap()
            .iter()
            .map(|t| &t["name"])
            .collect();
        assert_eq!(names, ["cheap", "makers", "odd.name", "things"]);
        assert_eq!(ask(&["describe", "things"])["columns"][1]["type"], "bigint");
        let sql = "SELECT big, price FROM things WHERE id = $1";
        let rows = &ask(&["query", sql, "1"])["rows"];
        assert_eq!(*rows, json!([[9_007_199_254_740_993_i64, "12.5000"]]));
        let hit = &ask(&["search", "Smith"])["hits"][0];
        assert_eq!(
            (&hit["table"], &hit["key"]["id"]),
            (&json!("makers"), &json!(1))
        );
        let shown = ask_for(&postgres, pooled, "csv", &["search", "Smith"]);
        assert!(shown.contains("\nmakers,id=1,"), "{shown}");
    }
}
