//! The dialects, on answers that are rare: made up in the form of those that were recorded.

use super::*;

/// A dialect that comes with the plugin, for a server of which no more is known.
fn known(name: &str) -> Arc<dyn Dialect> {
    let choice = DialectChoice::named(name).unwrap();
    choice.choose(&Peer::default()).unwrap()
}

fn says(texts: &[&str]) -> ToolResult {
    let mut answer = ToolResult::default();
    let texts = texts.iter().map(|text| Content::Text((*text).to_owned()));
    answer.content = texts.collect();
    answer
}

fn done<T: fmt::Debug>(request: &Request<T>, answers: &[ToolResult]) -> T {
    match request.next(answers).unwrap() {
        Next::Done(result) => result,
        Next::Call(call) => panic!("{call:?} is asked, too"),
    }
}

#[test]
fn mcp_alchemy_is_given_what_its_drivers_take() {
    let alchemy = known("mcp-alchemy");
    let document = crate::Json::new("{\"a\":1}").unwrap();
    let request = alchemy.query("SELECT ?", &[document.into()]).unwrap();
    assert_eq!(request.first().arguments["params"]["p1"], "{\"a\":1}");
    let error = alchemy.query("SELECT ?", &[vec![0].into()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("bytes"), "{error}");
}

#[test]
fn mcp_alchemy_has_answers_without_rows() {
    let alchemy = known("mcp-alchemy");
    let request = alchemy.query("", &[]).unwrap();
    let none = done(&request, &[says(&["Success: -1 rows affected"])]);
    assert!(none.is_empty() && !none.truncated);
    let wide = says(&["Result: showing first 0 rows (output truncated)"]);
    let cut = done(&request, &[wide]);
    assert!(cut.is_empty() && cut.truncated);
}

#[test]
fn types_with_a_comma_are_whole() {
    let request = known("mcp-alchemy").describe("t").unwrap();
    let text =
        "t:\n    id: primary key, NUMERIC(10, 2), nullable\n    x: TEXT, default='a', nullable";
    let table = done(&request, &[says(&[text])]);
    assert_eq!(table.columns[0].declared_type, "NUMERIC(10, 2)");
    assert!(table.columns[0].nullable && table.columns[1].nullable);
    assert_eq!(table.columns[1].default.as_deref(), Some("'a'"));
}

#[test]
fn a_row_that_toolbox_has_no_words_for_is_a_failure() {
    let toolbox = known("toolbox");
    let answer = says(&["fail to marshal: json: unsupported value: NaN"]);
    let error = judge(&*toolbox, "execute_sql", Ok(answer)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ToolFailed);
    let row = says(&["{\"a\":\"fail to marshal: \"}"]);
    assert!(judge(&*toolbox, "execute_sql", Ok(row)).is_ok());
}

/// What dbhub finds: schemas and names of tables.
fn found(tables: &[(&str, &str)]) -> ToolResult {
    let results = tables.iter().map(|(schema, name)| {
        let column = json!({ "name": schema, "type": "int", "nullable": true, "default": null });
        json!({ "name": name, "schema": schema, "columns": [column] })
    });
    let results: Vec<_> = results.collect();
    says(&[&json!({ "data": { "results": results } }).to_string()])
}

#[test]
fn dbhub_describes_the_table_of_that_schema() {
    let dbhub = known("dbhub");
    let describe = |table| dbhub.describe(table).unwrap();
    let alike = found(&[("other", "things"), ("public", "things"), ("x", "thingses")]);
    let things = done(&describe("things"), &[alike]);
    assert_eq!(
        (things.name.as_str(), things.schema.as_deref()),
        ("things", Some("public"))
    );
    // Where no table is in a schema that goes without saying, any will do.
    let elsewhere = done(&describe("things"), &[found(&[("shop", "things")])]);
    assert_eq!(elsewhere.name, "shop.things");
}

#[test]
fn dbhub_finds_names_with_a_dot_in_them() {
    let request = known("dbhub").describe("a.b").unwrap();
    assert_eq!(request.first().arguments["pattern"], "a.b");
    assert_eq!(done(&request, &[found(&[("main", "a.b")])]).name, "a.b");
    let none = || found(&[]);
    match request.next(&[none(), none()]).unwrap() {
        Next::Call(call) => {
            assert_eq!(
                (&call.arguments["schema"], &call.arguments["pattern"]),
                (&json!("a"), &json!("b"))
            );
        }
        Next::Done(table) => panic!("{table:?}"),
    }
    let table = done(&request, &[none(), none(), found(&[("a", "b")])]);
    assert_eq!(table.name, "a.b");
    let missing = request.next(&[none(), none(), none(), none()]);
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::ToolFailed);
}

#[test]
fn motherduck_is_asked_which_schema_a_dot_ends() {
    let request = known("motherduck").describe("a.b.c").unwrap();
    assert_eq!(request.first().tool, "list_tables");
    let listed = |schema: &str, name: &str| {
        let table = json!({ "schema": schema, "name": name, "type": "table" });
        says(&[&json!({ "tables": [table] }).to_string()])
    };
    let arguments = |answer| match request.next(&[answer]).unwrap() {
        Next::Call(call) => call.arguments,
        Next::Done(table) => panic!("{table:?}"),
    };
    let found = arguments(listed("a.b", "c"));
    assert_eq!(found, json!({ "table": "c", "schema": "a.b" }));
    let found = arguments(listed("main", "a.b.c"));
    assert_eq!(found, json!({ "table": "a.b.c", "schema": "main" }));
    let missing = request.next(&[listed("b", "c")]);
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::ToolFailed);
}

#[test]
fn a_catalogue_is_asked_for_the_name_as_a_whole() {
    for name in ["server-postgres", "postgres-mcp"] {
        let request = known(name).describe("odd.na'me").unwrap();
        let sql = request.first().arguments["sql"].as_str().unwrap();
        assert!(sql.contains("t.relname = 'odd.na''me'"), "{sql}");
        assert!(
            sql.contains("s.nspname || '.' || t.relname = 'odd.na''me'"),
            "{sql}"
        );
    }
}

#[test]
fn toolbox_describes_the_table_of_that_schema() {
    let toolbox = known("toolbox");
    let request = toolbox.describe("other.things").unwrap();
    assert_eq!(
        request.first().arguments["table_names"],
        "other.things,things"
    );
    let table = |schema: &str| {
        let details = json!({ "object_name": "things", "schema_name": schema, "columns": [] });
        json!({ "schema_name": schema, "object_details": details }).to_string()
    };
    let both = || [says(&[&table("other"), &table("public")])];
    assert_eq!(done(&request, &both()).schema.as_deref(), Some("other"));
    let request = toolbox.describe("things").unwrap();
    assert_eq!(done(&request, &both()).schema.as_deref(), Some("public"));
    let elsewhere = done(&request, &[says(&[&table("shop")])]);
    assert_eq!(elsewhere.name, "shop.things");
    let missing = toolbox.describe("nope.things").unwrap().next(&both());
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::ToolFailed);
}

#[test]
fn two_columns_of_one_name_are_both_kept() {
    let request = known("toolbox").query("SELECT", &[]).unwrap();
    let rows = done(
        &request,
        &[says(&[
            "{\"a\":1,\"b\":2,\"a\":3}",
            "{\"b\":4,\"a\":5}",
            "{\"c\":6}",
        ])],
    );
    let names: Vec<&str> = rows.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "a", "c"]);
    let null = Value::Null;
    let expected = [
        vec![1.into(), 2.into(), 3.into(), null.clone()],
        vec![5.into(), 4.into(), null.clone(), null.clone()],
        vec![null.clone(), null.clone(), null, 6.into()],
    ];
    assert_eq!(rows.rows, expected);
}

#[test]
fn servers_of_many_databases_say_whose_sql_they_take() {
    let dialect = |name: &str, tool: &str, says: &str| {
        let mut peer = Peer::default();
        peer.tools.insert(tool.to_owned(), says.to_owned());
        DialectChoice::named(name).unwrap().choose(&peer).unwrap()
    };
    #[track_caller]
    fn takes(dialect: &dyn Dialect, bytes: Option<&str>, name: &str) {
        let request = dialect.query("SELECT ?", &[vec![255].into()]);
        let sql = request.map(|request| request.first().arguments["sql"].clone());
        assert_eq!(
            sql.ok(),
            bytes.map(|bytes| json!(format!("SELECT {bytes}")))
        );
        assert_eq!(dialect.quoted("a"), name);
    }
    let dbhub = |says: &str| dialect("dbhub", "execute_sql_shop", says);
    let of_shop = "Ours: the mysql database. Execute SQL queries on the 'shop' postgres database \
                   [READ-ONLY MODE] (limited to 9 rows)";
    takes(&*dbhub(of_shop), Some("decode('ff', 'hex')"), "\"a\"");
    takes(
        &*dbhub("Execute SQL queries on the mysql database"),
        Some("x'ff'"),
        "`a`",
    );
    takes(
        &*dbhub("Execute SQL queries on the sqlite database"),
        Some("x'ff'"),
        "\"a\"",
    );
    // Bytes are written differently everywhere.
    takes(
        &*dbhub("Execute SQL queries on the oracle database"),
        None,
        "\"a\"",
    );
    takes(&*dbhub(""), None, "\"a\"");
    let alchemy = |says: &str| dialect("mcp-alchemy", "execute_query", says);
    let of_mariadb = alchemy("Runs SQL. Connected to mariadb version 10.11.14 database shop.");
    assert_eq!(of_mariadb.quoted("a"), "`a`");
    assert_eq!(alchemy("Runs SQL.").quoted("a"), "\"a\"");
}

#[test]
fn dbmcp_shows_by_its_tools_whose_sql_it_takes() {
    let quoted = |tools: &[&str]| {
        let mut peer = Peer::default();
        let tools = tools.iter();
        peer.tools = tools
            .map(|tool| ((*tool).to_owned(), String::new()))
            .collect();
        let dbmcp = DialectChoice::named("dbmcp")
            .unwrap()
            .choose(&peer)
            .unwrap();
        dbmcp.quoted("a")
    };
    assert_eq!(quoted(&["listTables", "listProcedures"]), "`a`");
    let postgres = ["listTables", "listProcedures", "listMaterializedViews"];
    assert_eq!(quoted(&postgres), "\"a\"");
    assert_eq!(quoted(&["listTables"]), "\"a\"");
}

#[test]
fn dbhub_names_tables_of_other_mysql_databases_with_theirs() {
    let mut peer = Peer::default();
    let says = "Execute SQL queries on the mysql database".to_owned();
    peer.tools.insert("execute_sql".to_owned(), says);
    let dbhub = DialectChoice::named("dbhub")
        .unwrap()
        .choose(&peer)
        .unwrap();
    let things = dbhub.describe("things").unwrap();
    let table = done(&things, &[found(&[("shop", "things")])]);
    assert_eq!(
        (table.name.as_str(), table.schema.as_deref()),
        ("things", Some("shop"))
    );
    let archived = dbhub.describe("archive.things").unwrap();
    let answers = [found(&[]), found(&[]), found(&[("archive", "things")])];
    assert_eq!(done(&archived, &answers).name, "archive.things");
}

#[test]
fn rows_in_another_shape_are_an_error() {
    for (name, text) in [
        ("dbhub", "{\"data\":[[{\"rows\":[],\"count\":0}]]}"),
        (
            "dbhub",
            "{\"data\":{\"statements\":[{\"rows\":{},\"count\":0}]}}",
        ),
        ("dbmcp", "[[],null]"),
        ("dbmcp", "{\"rows\":[[1]]}"),
        ("dbmcp", "{\"rows\":[],\"rows\":[]}"),
        (
            "motherduck",
            "{\"columns\":[],\"columnTypes\":[],\"rows\":[{}]}",
        ),
        ("server-postgres", "{}"),
        ("toolbox", "[]"),
    ] {
        let request = known(name).query("SELECT 1", &[]).unwrap();
        let error = request.next(&[says(&[text])]).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::BadResponse, "{name}: {text}");
        assert!(error.to_string().contains(text), "{error}");
    }
}
