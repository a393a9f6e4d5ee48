//! Answers that are cut, and how the plugin goes on.

use mcp_domain::{Error, ErrorKind, Target};
use mcp_plugin_db::{
    Access, DatabasePlugin, Dialect, DialectChoice, Rows, Value,
    dialect::{Call, Request},
};
use mcp_transport::ClientConnector;
use serde_json::json;

use crate::{
    fixture::{Postgres, sqlite},
    program::{command, prints},
    servers::{PROGRAM, shop},
};

const MANY: &str = "SELECT a.id * 100 + b.id AS n, $1 AS said FROM things AS a \
                    CROSS JOIN things AS b CROSS JOIN makers ORDER BY n";

/// The program as a server that tells no more than three rows.
fn connector(database: &str) -> ClientConnector {
    let args = ["serve", "--max-rows", "3", "--", database];
    ClientConnector::new(Target::command(PROGRAM, args)).unwrap()
}

async fn check(database: &str) {
    for access in [Access::Direct, Access::Pooled] {
        let plugin = DatabasePlugin::builder(connector(database)).access(access);
        let plugin = plugin.build();
        let said: [Value; 1] = ["so".into()];
        let cut = plugin.query(MANY, &said).await.unwrap();
        assert!(cut.truncated && cut.next_cursor.is_some(), "{cut:?}");

        let mut pages = plugin.pages(MANY, &said);
        let mut rows = Vec::new();
        let mut lengths = Vec::new();
        while let Some(page) = pages.next().await.unwrap() {
            lengths.push(page.row_count);
            rows.extend(page.parse::<(u32, String)>().unwrap());
        }
        assert_eq!(lengths, [3, 1]);
        let expected = [101, 102, 201, 202].map(|n| (n, "so".to_owned()));
        assert_eq!(rows, expected);
        assert!(pages.next().await.unwrap().is_none(), "it stays at its end");
        let all = plugin.pages(MANY, &said).all().await.unwrap();
        assert_eq!((all.row_count, all.truncated), (4, false));
        assert_eq!(all.parse::<(u32, String)>().unwrap(), expected);

        // Any plugin can go on, but only with the same question.
        let cursor = cut.next_cursor.unwrap();
        let other = DatabasePlugin::builder(connector(database)).build();
        let rest = other.page(MANY, &said, &cursor).await.unwrap();
        assert_eq!(rest.row_count, 1);
        let wrong = plugin.page(MANY, &["else".into()], &cursor).await;
        let wrong = wrong.unwrap_err();
        assert!(
            wrong.chain().contains("another question"),
            "{}",
            wrong.chain()
        );
    }
}

#[tokio::test]
async fn what_was_cut_goes_on_to_its_end_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    check(&sqlite(folder.path())).await;
}

#[tokio::test]
async fn what_was_cut_goes_on_to_its_end_on_postgres() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    check(&postgres.reader()).await;
}

/// A server that cuts its answers and has no cursors, as some of others are.
#[derive(Debug)]
struct Cutting;

impl Dialect for Cutting {
    fn name(&self) -> &str {
        "cutting"
    }

    fn query(&self, sql: &str, _: &[Value]) -> Result<Request<Rows>, Error> {
        let call = Call::new("query", json!({ "sql": sql }));
        Ok(Request::one(call, |answer| {
            let data = answer.structured.as_ref();
            let cut = data.is_some_and(|data| data["truncated"] == true);
            Ok(Rows::new(Vec::new(), vec![Vec::new(); 3], cut))
        }))
    }
}

#[tokio::test]
async fn a_server_that_cuts_and_has_no_cursors_is_told_apart_from_one_that_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = DatabasePlugin::builder(connector(&sqlite(folder.path())))
        .dialect(DialectChoice::own(Cutting))
        .build();
    let mut done = plugin.pages("SELECT 1", &[]);
    assert!(done.next().await.unwrap().is_some());
    assert!(done.next().await.unwrap().is_none());
    let many = "SELECT 1 FROM things, things AS a, things AS b";
    let mut cut = plugin.pages(many, &[]);
    assert!(cut.next().await.unwrap().is_some());
    let error = cut.next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("at 3 rows"), "{error}");
    let error = plugin.page(many, &[], "there").await.unwrap_err();
    let message = "`cutting` servers cannot go on where an answer was cut";
    assert_eq!(error.to_string(), message);
}

#[test]
fn the_program_tells_all_or_says_that_there_is_more() {
    let query = |more: &[&str]| {
        let mut command = command();
        command
            .arg("--database")
            .arg(shop())
            .args(["--format", "csv"]);
        command.args(["query", "SELECT id FROM orders ORDER BY id"]);
        command.args(more);
        command
    };
    let all = prints(&mut query(&["--all"]));
    let ids: Vec<String> = (1..=10_000).map(|id| id.to_string()).collect();
    assert_eq!(all.trim_end(), format!("id\n{}", ids.join("\n")));
    let cut = query(&[]).output().unwrap();
    assert!(cut.status.success());
    assert_eq!(String::from_utf8(cut.stdout).unwrap().lines().count(), 1001);
    let said = String::from_utf8(cut.stderr).unwrap();
    assert_eq!(
        said,
        "mcp-db: there are more than these 1000 rows: `mcp-db query --all` asks for all\n"
    );
}
