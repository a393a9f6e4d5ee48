//! The dialects, on answers that were recorded from real servers.

use super::*;

macro_rules! recorded {
    ($file:literal) => {
        Recorded::new(include_str!(concat!(
            "../../../tests/recorded/",
            $file,
            ".json"
        )))
    };
}

#[test]
fn toolbox_on_sqlite() {
    let server = recorded!("toolbox-sqlite");
    assert_eq!(server.dialect.name(), "toolbox");
    check_rows(
        &server,
        &[
            ("id", 1.into()),
            ("big", BIG.into()),
            ("price", 12.5.into()),
            ("ratio", 0.1.into()),
            ("name", NAME.into()),
            ("raw", "AP9B".into()),
            ("seen", "2026-11-21T08:30:00Z".into()),
            ("empty", Value::Null),
            ("maker", 1.into()),
        ],
        &second(),
    );
    server.refuses(
        "syntax_error",
        "SQL logic error: near \"SELEC\": syntax error (1)",
    );
    server.refuses("no_such_table", "SQL logic error: no such table: nope (1)");
    check_tables(&server, &["tables"], TABLES);
    let tells = Tells {
        id_nullable: true,
        key: true,
        foreign_key: true,
        index: true,
        default: Some("'x'"),
    };
    check_table(&server, &["table"], &tells);
    let missing = server.ask(server.dialect.describe("nope"), &["no_table"]);
    assert_eq!(missing.unwrap_err().to_string(), "no such table: nope");
    let plan = server.dialect.explain("SELECT 1", &[]).unwrap_err();
    assert_eq!(plan.kind(), ErrorKind::Unsupported);
    // A comma would name two tables.
    let two = server.dialect.describe("a,b").unwrap_err();
    assert_eq!(two.kind(), ErrorKind::InvalidInput);
}

#[test]
fn toolbox_on_postgres() {
    let server = recorded!("toolbox-postgres");
    check_rows(
        &server,
        &[
            ("id", 1.into()),
            ("big", BIG.into()),
            ("price", decimal("12345678901234567890.1234")),
            ("ratio", 0.1.into()),
            ("name", NAME.into()),
            ("raw", "AP9B".into()),
            ("seen", "2026-11-21T08:30:00.25Z".into()),
            ("day", "2026-11-21T00:00:00Z".into()),
            (
                "clock",
                json("{\"Microseconds\":30600500000,\"Valid\":true}"),
            ),
            ("ok", true.into()),
            // The server has lost the digits already.
            ("doc", json("{\"a\":[1,null,12345678901234567000]}")),
            ("tags", json("[\"x\",\"y z\"]")),
            ("uid", "6a0f3c5e-0000-4000-8000-000000000001".into()),
            (
                "span",
                json("{\"Microseconds\":7384000000,\"Days\":1,\"Months\":0,\"Valid\":true}"),
            ),
            ("empty", Value::Null),
            ("maker", 1.into()),
        ],
        &second_of_postgres(decimal("3.0000"), i64::MIN.into()),
    );
    let why = "ERROR: syntax error at or near \"SELEC\" (SQLSTATE 42601)";
    server.refuses("syntax_error", why);
    check_tables(&server, &["tables"], TABLES);
    check_table(&server, &["table"], &OF_POSTGRES);
    let plan = server
        .ask(server.dialect.explain("SELECT 1", &[]), &["plan"])
        .unwrap();
    assert!(plan[0].contains("Seq Scan"), "{plan:?}");
}

#[test]
fn toolbox_on_mariadb() {
    let server = recorded!("toolbox-mariadb");
    check_rows(
        &server,
        &[
            ("id", 1.into()),
            ("big", BIG.into()),
            ("price", "12345678901234567890.1234".into()),
            ("ratio", 0.1.into()),
            ("name", NAME.into()),
            // The server has lost the bytes already, and made up a time zone.
            ("raw", "\0\u{fffd}A".into()),
            ("seen", "2026-11-21T08:30:00.25Z".into()),
            ("day", "2026-11-21T00:00:00Z".into()),
            ("clock", "08:30:00.5".into()),
            ("ok", 1.into()),
            ("bits", "\u{1}\u{1}".into()),
            ("doc", "{\"a\":[1,null,12345678901234567890]}".into()),
            ("empty", Value::Null),
            ("maker", 1.into()),
        ],
        &second_of_mariadb(i64::MIN.into()),
    );
    let why = "Error 1146 (42S02): Table 'shop.nope' doesn't exist";
    server.refuses("no_such_table", why);
    // Those of the database that it is connected to are named without it, those of others not.
    let tables = [
        ("archive.things", "table"),
        ("makers", "table"),
        ("things", "table"),
    ];
    check_tables(&server, &["tables", "home"], &tables);
    check_table(&server, &["table", "home"], &OF_MARIADB);
    let other = server.ask(
        server.dialect.describe("archive.things"),
        &["table", "home"],
    );
    assert_eq!(other.unwrap().columns.len(), 1);
    let missing = server.ask(server.dialect.describe("nope"), &["no_table", "home"]);
    assert_eq!(missing.unwrap_err().to_string(), "no such table: nope");
    let plan = server.ask(server.dialect.explain("SELECT 1", &[]), &["plan"]);
    assert!(plan.unwrap()[0].contains("No tables used"));
    speaks_mysql(&server, "execute_sql", "sql");
}

const OF_MARIADB: Tells = Tells {
    id_nullable: false,
    key: true,
    foreign_key: true,
    index: true,
    default: Some("'x'"),
};

/// The second row of `things` in MariaDB.
fn second_of_mariadb(big: Value) -> Vec<(&'static str, Value)> {
    let mut second = second();
    second[1].1 = big;
    second[2].1 = "3.0000".into();
    second.push(("ok", 0.into()));
    second
}

/// Names and values are written as MySQL has them.
#[track_caller]
fn speaks_mysql(server: &Recorded, tool: &str, argument: &str) {
    let sql = format!("SELECT ? AS {}", server.dialect.quoted("a`b"));
    let request = server.dialect.query(&sql, &["\\".into()]).unwrap();
    let written = "SELECT  _utf8mb4 x'5c' AS `a``b`";
    assert_eq!(
        *request.first(),
        Call::new(tool, json!({ argument: written }))
    );
}

fn json(text: &str) -> Value {
    crate::Json::new(text).unwrap().into()
}

const OF_POSTGRES: Tells = Tells {
    id_nullable: false,
    key: true,
    foreign_key: true,
    index: true,
    default: Some("'x'::text"),
};

#[test]
fn dbhub_on_mariadb() {
    let server = recorded!("dbhub-mariadb");
    check_rows(
        &server,
        &[
            ("id", 1.into()),
            ("big", BIG.to_string().into()),
            ("price", "12345678901234567890.1234".into()),
            ("ratio", 0.1.into()),
            ("name", NAME.into()),
            ("raw", raw()),
            // The server has made up a time zone.
            ("seen", "2026-11-21T08:30:00.250Z".into()),
            ("day", "2026-11-21T00:00:00.000Z".into()),
            ("clock", "08:30:00.5".into()),
            ("ok", 1.into()),
            ("bits", vec![1, 1].into()),
            // The server has lost the digits already.
            ("doc", json("{\"a\":[1,null,12345678901234567000]}")),
            ("empty", Value::Null),
            ("maker", 1.into()),
        ],
        &second_of_mariadb(i64::MIN.to_string().into()),
    );
    server.refuses("no_such_table", "Table 'shop.nope' doesn't exist");
    check_tables(&server, &["tables", "views"], WITH_VIEW);
    let table = server.ask(server.dialect.describe("things"), &["table"]);
    let table = table.unwrap();
    assert_eq!((table.name.as_str(), table.columns.len()), ("things", 14));
    assert_eq!(table.columns[0].primary_key, Some(1));
    // It tells of none that it is unique, where the address begins with `mariadb:`.
    assert!(table.indexes.iter().all(|index| !index.unique));
    speaks_mysql(&server, "execute_sql", "sql");
}

#[test]
fn dbhub_on_sqlite() {
    let server = recorded!("dbhub-sqlite");
    assert_eq!(server.dialect.name(), "dbhub");
    let mut second = second();
    // It writes large integers as strings, and tells no types.
    second[1].1 = i64::MIN.to_string().into();
    check_rows(
        &server,
        &[
            ("id", 1.into()),
            ("big", BIG.to_string().into()),
            ("price", 12.5.into()),
            ("ratio", 0.1.into()),
            ("name", NAME.into()),
            ("raw", raw()),
            ("seen", "2026-11-21 08:30:00".into()),
            ("empty", Value::Null),
            ("maker", 1.into()),
        ],
        &second,
    );
    server.refuses("syntax_error", "near \"SELEC\": syntax error");
    server.refuses("no_such_table", "no such table: nope");
    check_tables(&server, &["tables", "views"], WITH_VIEW);
    let tells = Tells {
        id_nullable: false,
        key: true,
        foreign_key: false,
        index: true,
        default: Some("'x'"),
    };
    check_table(&server, &["table"], &tells);
    let missing = server.ask(server.dialect.describe("nope"), &["no_table", "no_table"]);
    assert_eq!(missing.unwrap_err().to_string(), "no such table: nope");
    let last = server.query("two").unwrap();
    assert_eq!(last.parse::<u8>().unwrap(), [2]);
}

#[test]
fn dbhub_on_postgres() {
    let server = recorded!("dbhub-postgres");
    check_rows(
        &server,
        &[
            ("id", 1.into()),
            ("big", BIG.to_string().into()),
            ("price", "12345678901234567890.1234".into()),
            ("ratio", 0.1.into()),
            ("name", NAME.into()),
            ("raw", raw()),
            ("seen", "2026-11-21 08:30:00.25+00".into()),
            ("day", "2026-11-21".into()),
            ("clock", "08:30:00.5".into()),
            ("ok", true.into()),
            ("doc", json("{\"a\":[1,null,12345678901234567000]}")),
            ("tags", json("[\"x\",\"y z\"]")),
            ("uid", "6a0f3c5e-0000-4000-8000-000000000001".into()),
            (
                "span",
                json("{\"days\":1,\"hours\":2,\"minutes\":3,\"seconds\":4}"),
            ),
            ("empty", Value::Null),
            ("maker", 1.into()),
        ],
        &second_of_postgres("3.0000".into(), i64::MIN.to_string().into()),
    );
    server.refuses("no_such_table", "relation \"nope\" does not exist");
    check_tables(&server, &["tables", "views"], WITH_VIEW);
    let tells = Tells {
        foreign_key: false,
        ..OF_POSTGRES
    };
    check_table(&server, &["table"], &tells);
}

#[test]
fn dbmcp_on_sqlite() {
    let server = recorded!("dbmcp-sqlite");
    assert_eq!(
        (server.dialect.name(), server.dialect.max_in_flight()),
        ("dbmcp", 1)
    );
    // It sorts the columns by name.
    check_rows(
        &server,
        &[
            ("big", BIG.into()),
            ("empty", Value::Null),
            ("id", 1.into()),
            ("maker", 1.into()),
            ("name", NAME.into()),
            ("price", 12.5.into()),
            ("ratio", 0.1.into()),
            ("raw", "AP9B".into()),
            ("seen", "2026-11-21 08:30:00".into()),
        ],
        &second(),
    );
    let why = "Database error: error returned from database: (code: 1) no such table: nope";
    server.refuses("no_such_table", why);
    check_tables(&server, &["tables", "views"], WITH_VIEW);
    let tells = Tells {
        id_nullable: true,
        key: true,
        foreign_key: true,
        index: true,
        default: Some("'x'"),
    };
    check_table(&server, &["table"], &tells);
    let missing = server.ask(server.dialect.describe("nope"), &["no_table"]);
    assert_eq!(missing.unwrap_err().to_string(), "no such table: nope");
    let plan = server
        .ask(server.dialect.explain("SELECT 1", &[]), &["plan"])
        .unwrap();
    assert_eq!(plan, ["SCAN things"]);
    let page = server.query("page").unwrap();
    assert!(page.truncated);
    let cursor = page.next_cursor.unwrap();
    let rest = server.dialect.go_on("SELECT 1", &[], &cursor).unwrap();
    let asked = json!({ "query": "SELECT 1", "cursor": cursor });
    assert_eq!(*rest.first(), Call::new("readQuery", asked));
    assert_eq!(page.row_count, 100);
}

#[test]
fn dbmcp_on_postgres() {
    let server = recorded!("dbmcp-postgres");
    assert_eq!(server.dialect.max_in_flight(), 5);
    let rows = server.query("rows").unwrap();
    let row = rows.iter().next().unwrap();
    assert_eq!(row["price"], "12345678901234567890.1234");
    assert_eq!(row["doc"], json("{\"a\":[1,null,12345678901234567890]}"));
    assert_eq!(row["ok"], true);
    check_table(&server, &["table"], &OF_POSTGRES);
    let plan = server
        .ask(server.dialect.explain("SELECT 1", &[]), &["plan"])
        .unwrap();
    assert!(plan[0].contains("Seq Scan"), "{plan:?}");
}

#[test]
fn dbmcp_on_mariadb() {
    let server = recorded!("dbmcp-mariadb");
    let mut second = second();
    second.push(("ok", false.into()));
    check_rows(
        &server,
        &[
            ("big", BIG.into()),
            // The server has lost them already.
            ("bits", Value::Null),
            ("clock", "08:30:00.500".into()),
            ("day", "2026-11-21".into()),
            ("doc", "{\"a\":[1,null,12345678901234567890]}".into()),
            ("empty", Value::Null),
            ("id", 1.into()),
            ("maker", 1.into()),
            ("name", NAME.into()),
            ("ok", true.into()),
            ("price", "12345678901234567890.1234".into()),
            ("ratio", 0.1.into()),
            ("raw", "AP9B".into()),
            ("seen", "2026-11-21T08:30:00.250".into()),
        ],
        &second,
    );
    let why = "Database error: error returned from database: 1146 (42S02): \
               Table 'shop.nope' doesn't exist";
    server.refuses("no_such_table", why);
    check_tables(&server, &["tables", "views"], WITH_VIEW);
    check_table(&server, &["table"], &OF_MARIADB);
    let plan = server.ask(server.dialect.explain("SELECT 1", &[]), &["plan"]);
    assert!(plan.unwrap()[0].contains("No tables used"));
    speaks_mysql(&server, "readQuery", "query");
}

#[test]
fn the_reference_server_for_sqlite() {
    let server = recorded!("mcp-server-sqlite");
    assert_eq!(server.dialect.name(), "mcp-server-sqlite");
    check_rows(
        &server,
        &[
            ("id", 1.into()),
            ("big", BIG.into()),
            ("price", 12.5.into()),
            ("ratio", 0.1.into()),
            ("name", NAME.into()),
            ("raw", raw()),
            ("seen", "2026-11-21 08:30:00".into()),
            ("empty", Value::Null),
            ("maker", 1.into()),
        ],
        &second(),
    );
    server.refuses("no_such_table", "no such table: nope");
    server.refuses("with", "Only SELECT queries are allowed for read_query");
    check_tables(&server, &["tables"], WITH_VIEW);
    let tells = Tells {
        id_nullable: true,
        key: true,
        foreign_key: true,
        index: true,
        default: Some("'x'"),
    };
    let three = ["table_columns", "table_foreign_keys", "table_indexes"];
    check_table(&server, &three, &tells);
    let missing = server.ask(server.dialect.describe("nope"), &["no_table"]);
    assert_eq!(missing.unwrap_err().to_string(), "no such table: nope");
    let changes = server
        .ask(server.dialect.execute("UPDATE", &[]), &["write"])
        .unwrap();
    assert_eq!(changes.rows_affected, Some(1));
    // What begins with `WITH` is asked as a `SELECT`.
    let request = server
        .dialect
        .query("with x as (select ?) select * from x;", &[1.into()]);
    let sql = "SELECT * FROM (with x as (select 1) select * from x\n)";
    assert_eq!(request.unwrap().first().arguments["query"], sql);
}

#[test]
fn the_reference_server_for_postgres() {
    let server = recorded!("server-postgres");
    assert_eq!(server.dialect.name(), "server-postgres");
    check_rows(
        &server,
        &[
            ("id", 1.into()),
            ("big", BIG.to_string().into()),
            ("price", "12345678901234567890.1234".into()),
            ("ratio", 0.1.into()),
            ("name", NAME.into()),
            ("raw", raw()),
            ("seen", "2026-11-21T08:30:00.250Z".into()),
            ("day", "2026-11-21T00:00:00.000Z".into()),
            ("clock", "08:30:00.5".into()),
            ("ok", true.into()),
            ("doc", json("{\"a\":[1,null,12345678901234567000]}")),
            ("tags", json("[\"x\",\"y z\"]")),
            ("uid", "6a0f3c5e-0000-4000-8000-000000000001".into()),
            (
                "span",
                json("{\"days\":1,\"hours\":2,\"minutes\":3,\"seconds\":4}"),
            ),
            ("empty", Value::Null),
            ("maker", 1.into()),
        ],
        &second_of_postgres("3.0000".into(), i64::MIN.to_string().into()),
    );
    server.refuses("syntax_error", "syntax error at or near \"SELEC\"");
    check_tables(&server, &["tables"], WITH_VIEW);
    let three = ["table_columns", "table_foreign_keys", "table_indexes"];
    check_table(&server, &three, &OF_POSTGRES);
    let write = server.dialect.execute("DELETE", &[]).unwrap_err();
    assert_eq!(write.to_string(), "`server-postgres` servers cannot write");
}

#[test]
fn postgres_mcp_of_crystal() {
    let server = recorded!("postgres-mcp");
    assert_eq!(
        (server.dialect.name(), server.dialect.max_in_flight()),
        ("postgres-mcp", 1)
    );
    check_rows(
        &server,
        &[
            ("id", 1.into()),
            ("big", BIG.into()),
            ("price", decimal("12345678901234567890.1234")),
            ("ratio", 0.1.into()),
            ("name", NAME.into()),
            ("raw", raw()),
            ("seen", timestamp("2026-11-21T08:30:00.25Z")),
            ("day", Value::Date("2026-11-21".into())),
            ("clock", Value::Time("08:30:00.5".into())),
            ("ok", true.into()),
            ("doc", json("{\"a\":[1,null,12345678901234567890]}")),
            ("tags", json("[\"x\",\"y z\"]")),
            ("uid", "6a0f3c5e-0000-4000-8000-000000000001".into()),
            ("span", "P1DT7384S".into()),
            ("empty", Value::Null),
            ("maker", 1.into()),
        ],
        &second_of_postgres(decimal("3.0000"), i64::MIN.into()),
    );
    server.refuses("syntax_error", "Failed to parse SQL statement");
    server.refuses("forbidden", "Error validating query: DELETE FROM things");
    check_tables(&server, &["tables"], WITH_VIEW);
    let three = ["table_columns", "table_foreign_keys", "table_indexes"];
    check_table(&server, &three, &OF_POSTGRES);
    let plan = server
        .ask(server.dialect.explain("SELECT 1", &[]), &["plan"])
        .unwrap();
    assert!(plan.len() == 2 && plan[1].contains("Seq Scan"), "{plan:?}");
    assert!(server.query("write").unwrap().is_empty());
}

#[test]
fn mcp_alchemy_on_sqlite() {
    let server = recorded!("alchemy");
    assert_eq!(server.dialect.name(), "mcp-alchemy");
    let mut second = second();
    for (_, value) in &mut second {
        *value = value.to_string().into();
    }
    // As Python writes it.
    second[3].1 = "-1.5e-07".into();
    check_rows(
        &server,
        &[
            ("id", "1".into()),
            ("big", BIG.to_string().into()),
            ("price", "12.5".into()),
            ("ratio", "0.1".into()),
            ("name", NAME.into()),
            ("raw", "b'\\x00\\xffA'".into()),
            ("seen", "2026-11-21 08:30:00".into()),
            ("empty", Value::Null),
            ("maker", "1".into()),
        ],
        &second,
    );
    server.refuses(
        "syntax_error",
        "(sqlite3.OperationalError) near \"SELEC\": syntax error",
    );
    let cut = server.query("cut").unwrap();
    assert!(cut.truncated);
    assert_eq!(
        cut.parse::<(u32, String)>().unwrap()[139],
        (140, "some text".to_owned())
    );
    check_tables(&server, &["tables"], TABLES);
    let tells = Tells {
        id_nullable: true,
        key: true,
        foreign_key: true,
        index: false,
        default: Some("'x'"),
    };
    check_table(&server, &["table"], &tells);
    let missing = server.ask(server.dialect.describe("nope"), &["no_table"]);
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::ToolFailed);
    let changes = server
        .ask(server.dialect.execute("UPDATE", &[]), &["write"])
        .unwrap();
    assert_eq!(changes.rows_affected, Some(1));
    // It binds by name.
    let request = server
        .dialect
        .query("SELECT ?, '?', ?", &[1.into(), "x".into()])
        .unwrap();
    let arguments = &request.first().arguments;
    assert_eq!(arguments["query"], "SELECT :p1, '?', :p2");
    assert_eq!(
        arguments["params"],
        serde_json::json!({ "p1": 1, "p2": "x" })
    );
}

#[test]
fn motherduck_on_duckdb() {
    let server = recorded!("motherduck");
    assert_eq!(server.dialect.name(), "motherduck");
    let mut second = second_of_postgres(decimal("3.0000"), i64::MIN.into());
    second[0].1 = 2.into();
    check_rows(
        &server,
        &[
            ("id", 1.into()),
            ("big", BIG.into()),
            ("price", decimal("12345678901234567890.1234")),
            ("ratio", 0.1.into()),
            ("name", NAME.into()),
            ("raw", raw()),
            ("seen", timestamp("2026-11-21T08:30:00.250000+00:00")),
            ("stamp", timestamp("2026-11-21T08:30:00.250000")),
            ("day", Value::Date("2026-11-21".into())),
            ("clock", Value::Time("08:30:00.500000".into())),
            ("ok", true.into()),
            ("tags", json("[\"x\",\"y z\"]")),
            ("doc", json("{\"a\":1,\"b\":\"q\"}")),
            ("huge", decimal("170141183460469231731687303715884105727")),
            ("uid", "6a0f3c5e-0000-4000-8000-000000000001".into()),
            ("span", "1 day, 2:00:00".into()),
            ("empty", Value::Null),
            ("maker", 1.into()),
        ],
        &second,
    );
    let error = server.query("no_such_table").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("Catalog Error: Table with name nope"),
        "{error}"
    );
    let cut = server.query("cut").unwrap();
    assert!(cut.truncated && cut.row_count == 3);
    check_tables(&server, &["tables"], WITH_VIEW);
    let tells = Tells {
        id_nullable: false,
        key: false,
        foreign_key: false,
        index: false,
        default: None,
    };
    check_table(&server, &["table"], &tells);
    // Refused although it is not flagged.
    let missing = server
        .ask(server.dialect.describe("nope"), &["no_table"])
        .unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::ToolFailed);
    assert!(missing.to_string().contains("not found"), "{missing}");
}
