//! The same operations, with the same answers, on every database server.

use std::time::Duration;

use mcp_domain::ErrorKind;
use mcp_plugin_db::{Access, DatabasePlugin, Value};
use mcp_pool::Settings;
use mcp_transport::ClientConnector;
use serde::Deserialize;

/// What the suite asks for, as any SQL database makes it.
pub(crate) const FIXTURE: &str = r#"
    CREATE TABLE makers(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE things(
        id INTEGER PRIMARY KEY, big BIGINT NOT NULL, price NUMERIC(30, 4),
        ratio DOUBLE PRECISION, name VARCHAR(100) NOT NULL DEFAULT 'x', empty TEXT,
        maker INTEGER REFERENCES makers(id));
    CREATE UNIQUE INDEX things_name ON things(name);
    CREATE TABLE "odd.name"("select" INTEGER);
    CREATE VIEW cheap AS SELECT id, name FROM things WHERE price < 5;
    INSERT INTO makers VALUES (1, 'Smith & Söhne');
    INSERT INTO things VALUES
        (1, 9007199254740993, 12.5, 0.1, 'it''s "quoted", naïve 表', NULL, 1),
        (2, -9223372036854775808, 3, -1.5e-7, 'plain', NULL, NULL);
"#;

const NAME: &str = "it's \"quoted\", naïve 表";

#[derive(Debug, Deserialize, PartialEq)]
struct Thing {
    id: u32,
    big: i64,
    price: f64,
    ratio: f64,
    name: String,
    empty: Option<String>,
    maker: Option<i32>,
}

/// How long a server may take to start. One of those in Python reads hundreds of megabytes
/// first: seconds where they are in memory, and a minute from the disk of a busy machine.
const START: Duration = Duration::from_secs(120);

/// Asks a server that has the fixture for everything, direct and pooled.
pub(crate) async fn check(dialect: &str, connector: ClientConnector) {
    let connector = connector.with_connect_timeout(START);
    let plugin = |access| {
        let builder = DatabasePlugin::builder(connector.clone()).access(access);
        // Some servers start in seconds: a few of them will do.
        let settings = Settings::builder().max_connections(3);
        let settings = settings.connection_timeout(START).call_timeout(START);
        builder.name(dialect).settings(settings).build()
    };
    let pooled = plugin(Access::Pooled);
    catalogue(&pooled).await;
    rows(&pooled).await;
    search(&pooled).await;
    refusals(&pooled).await;
    if dialect != "mcp-db" {
        let error = pooled.search("plain", None, 5).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let message = format!("`{dialect}` servers cannot search in all tables at once; name one");
        assert_eq!(error.to_string(), message);
    }
    crowd(&pooled).await;
    let stats = pooled.stats();
    assert!(stats.using_pool && stats.pool.opened <= 3, "{stats:?}");

    // The same answers where each costs a start of the server: seconds, for some.
    let direct = plugin(Access::Direct);
    assert_eq!(
        direct.tables().await.unwrap(),
        pooled.tables().await.unwrap()
    );
    let sql = "SELECT * FROM things ORDER BY id";
    let rows = direct.query(sql, &[]).await.unwrap();
    assert_eq!(rows, pooled.query(sql, &[]).await.unwrap());
    let error = direct.query("SELECT * FROM nope", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ToolFailed);
    pooled.close(Duration::from_secs(10)).await;
}

async fn catalogue(plugin: &DatabasePlugin) {
    let tables = plugin.tables().await.unwrap();
    for name in ["makers", "things"] {
        let table = tables.iter().find(|table| table.name == name);
        assert!(table.is_some_and(|t| t.kind == "table"), "{tables:?}");
    }
    let things = plugin.describe("things").await.unwrap();
    let names: Vec<&str> = things.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        names,
        ["id", "big", "price", "ratio", "name", "empty", "maker"]
    );
    // MariaDB tells its width with it.
    let declared = things.columns[1].declared_type.to_lowercase();
    assert!(declared.starts_with("bigint"), "{declared}");
    assert!(!things.columns[1].nullable && things.columns[2].nullable);
    // Each table is described by the name that it is listed by.
    let odd = tables.iter().find(|table| table.name == "odd.name");
    let odd = plugin.describe(&odd.unwrap().name).await.unwrap();
    assert_eq!(
        (odd.name.as_str(), odd.columns[0].name.as_str()),
        ("odd.name", "select")
    );
    let missing = plugin.describe("nope").await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::ToolFailed, "{}", missing.chain());
}

async fn rows(plugin: &DatabasePlugin) {
    let sql = "SELECT * FROM things ORDER BY id";
    let things: Vec<Thing> = plugin.query_as(sql, &[]).await.unwrap();
    let first = Thing {
        id: 1,
        big: 9_007_199_254_740_993,
        price: 12.5,
        ratio: 0.1,
        name: NAME.to_owned(),
        empty: None,
        maker: Some(1),
    };
    let second = Thing {
        id: 2,
        big: i64::MIN,
        price: 3.0,
        ratio: -1.5e-7,
        name: "plain".to_owned(),
        empty: None,
        maker: None,
    };
    assert_eq!(things, [first, second]);

    // On MariaDB, dbmcp forgets the order of what has no limit.
    let sql = "SELECT id = 1 AS first FROM things ORDER BY id LIMIT 2";
    let first: Vec<bool> = plugin.query_as(sql, &[]).await.unwrap();
    assert_eq!(first, [true, false]);

    let none = plugin.query("SELECT * FROM things WHERE id = 99", &[]);
    assert!(none.await.unwrap().is_empty());

    // The value goes in as a value, whatever is in it.
    let sql = "SELECT id FROM things WHERE name = $1 AND id < $2";
    let parameters: [Value; 2] = [NAME.into(), 2.into()];
    let found: Vec<u8> = plugin.query_as(sql, &parameters).await.unwrap();
    assert_eq!(found, [1]);
    let attack = "' OR 1=1 --".into();
    let found: Vec<u8> = plugin.query_as(sql, &[attack, 2.into()]).await.unwrap();
    assert!(found.is_empty());
}

async fn search(plugin: &DatabasePlugin) {
    let things = Some("things");
    let found = plugin.search("QUOTED it's 表", things, 5).await.unwrap();
    let [hit] = found.hits.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(hit.table, "things");
    assert!(hit.snippet.contains(NAME) && !found.truncated, "{found:?}");
    let one = plugin.search("i", things, 1).await.unwrap();
    assert!(one.hits.len() == 1 && one.truncated, "{one:?}");
    for nothing in ["plain quoted", "%", "pl_in"] {
        let found = plugin.search(nothing, things, usize::MAX).await.unwrap();
        assert!(found.hits.is_empty() && !found.truncated, "{found:?}");
    }
    assert!(plugin.search("x", Some("nope"), 5).await.is_err());
}

async fn refusals(plugin: &DatabasePlugin) {
    let error = plugin.query("SELECT * FROM nope", &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ToolFailed, "{}", error.chain());
    assert!(error.to_string().contains("nope"), "{error}");
    let error = plugin.query("SELECT 1", &[2.into()]).await.unwrap_err();
    let kinds = [ErrorKind::ToolFailed, ErrorKind::InvalidInput];
    assert!(kinds.contains(&error.kind()), "{}", error.chain());
}

/// Many at once, some of them wrong: each gets its own answer.
async fn crowd(plugin: &DatabasePlugin) {
    let ask = |n: u32| async move {
        if n.is_multiple_of(4) {
            let error = plugin.query("SELECT * FROM nope", &[]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ToolFailed, "{}", error.chain());
        } else {
            let sql = "SELECT id + $1 FROM things WHERE id = 1";
            let sum = plugin.query_as::<u32>(sql, &[n.into()]).await;
            assert_eq!(sum.map_err(|error| error.chain()), Ok(vec![n + 1]));
        }
    };
    futures::future::join_all((0..32).map(ask)).await;
}
