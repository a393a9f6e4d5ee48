//! The program: answers, and one clear line for nonsense.

use std::{
    fs,
    net::TcpListener,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    fixture::sqlite,
    servers::{HttpServer, PROGRAM, shop},
};

pub(crate) fn command() -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .env_remove("USE_MCP_POOL")
        .env_remove("MCP_DB_SERVER")
        .env_remove("MCP_DB_SERVER_TOKEN")
        .env_remove("MCP_DB_CONFIG")
        .stdin(Stdio::null());
    command
}

/// What it prints when it succeeds.
#[track_caller]
pub(crate) fn prints(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{stderr}");
    assert_eq!(stderr, "");
    String::from_utf8(stdout).unwrap()
}

/// What it says when it fails with this code: one line, in time, and no backtrace.
#[track_caller]
fn says(code: i32, args: &[&str]) -> String {
    #[expect(clippy::disallowed_methods, reason = "the program keeps real time")]
    let start = Instant::now();
    let Output {
        status,
        stdout,
        stderr,
    } = command().args(args).output().unwrap();
    assert!(start.elapsed() < Duration::from_secs(20), "{args:?}");
    assert_eq!(status.code(), Some(code), "{args:?}");
    assert_eq!(stdout, b"");
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("mcp-db: "), "{stderr}");
    stderr
}

fn database(command: &mut Command) -> &mut Command {
    command.arg("--database").arg(shop())
}

#[test]
fn it_answers_alike_in_both_modes_and_over_both_transports() {
    let server = HttpServer::start("127.0.0.1:0");
    for args in [
        &["tables"][..],
        &["describe", "orders"],
        &["explain", "SELECT * FROM orders WHERE id = ?", "1"],
        &[
            "query",
            "SELECT id, name FROM products WHERE name LIKE ? LIMIT 3",
            "Oak%",
        ],
        &["search", "sturdy kettle", "--table", "products"],
        &["resources"],
        &["read", "db://tables/orders/schema"],
    ] {
        for format in ["table", "json", "csv", "markdown"] {
            let mut answers = Vec::new();
            for flag in ["false", "true"] {
                let mut command = command();
                command
                    .args(args)
                    .args(["--format", format])
                    .env("USE_MCP_POOL", flag);
                answers.push(prints(database(&mut command)));
                let mut command = self::command();
                command
                    .args(args)
                    .args(["--format", format])
                    .env("USE_MCP_POOL", flag);
                answers.push(prints(command.args(["--server", &server.url])));
            }
            assert!(!answers[0].is_empty());
            assert!(
                answers.iter().all(|answer| *answer == answers[0]),
                "{answers:?}"
            );
        }
    }
}

#[test]
fn without_a_server_it_has_a_sample_of_its_own() {
    let cache = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let mut command = command();
        command.env("XDG_CACHE_HOME", cache.path());
        command.args(["--format", "json", "query", "SELECT count(*) FROM events"]);
        let answer: Value = serde_json::from_str(&prints(&mut command)).unwrap();
        assert_eq!(answer["rows"], json!([[100_000]]));
    }
}

#[test]
fn parameters_are_json_or_text() {
    let mut command = command();
    command.args(["--format", "csv", "query", "SELECT ? AS a, ? AS b, ? AS c"]);
    command.args(["42", "forty, two", "null"]);
    assert_eq!(
        prints(database(&mut command)),
        "a,b,c\n42,\"forty, two\",\n"
    );
    let mut negative = self::command();
    negative.args(["--format", "csv", "query", "SELECT ? AS a, ? AS b"]);
    negative.args(["-5", "-1.5e3"]);
    assert_eq!(prints(database(&mut negative)), "a,b\n-5,-1500.0\n");
    let mut long = self::command();
    long.args(["--format", "csv", "query", "SELECT ? AS a, ? AS b"]);
    long.args(["12345678901234567890123", "9223372036854775807"]);
    let exact = "a,b\n12345678901234567890123,9223372036854775807\n";
    assert_eq!(prints(database(&mut long)), exact);
}

#[test]
fn wrong_questions_are_answered_in_one_line() {
    let shop = shop().display().to_string();
    let ask = |args: &[&str]| says(1, &[&["--database", &shop], args].concat());
    assert!(ask(&["query", "SELEC 1"]).contains("syntax error"));
    assert!(ask(&["query", "SELECT * FROM nope"]).contains("no such table: nope"));
    assert!(ask(&["query", "DELETE FROM orders"]).contains("for reading only"));
    assert!(ask(&["query", "SELECT ?"]).contains("1 parameters, but 0 were given"));
    assert!(ask(&["describe", "nope"]).contains("no such table: nope"));
    assert!(ask(&["read", "db://nope"]).contains("no resource `db://nope`"));
    assert!(ask(&["search", ""]).contains("nothing to search for"));
}

#[test]
fn a_file_may_be_called_by_its_scheme() {
    let address = format!("sqlite:{}", shop().display());
    let tables = prints(command().args(["--database", &address, "tables"]));
    assert!(tables.contains("orders"), "{tables}");
}

#[test]
fn databases_that_are_none_are_refused_in_one_line() {
    let missing = says(2, &["--database", "/no/such.sqlite", "tables"]);
    assert!(
        missing.contains("`/no/such.sqlite`: there is no such file"),
        "{missing}"
    );
    let missing = says(2, &["serve", "/no/such.sqlite"]);
    let said_once = "mcp-db: cannot open the database `/no/such.sqlite`: there is no such file\n";
    assert_eq!(missing, said_once);
    let unknown = "postgres://me:kept-secret@localhost/shop?sslmode=allow";
    let unknown = says(2, &["--database", unknown, "tables"]);
    assert!(
        unknown.starts_with("mcp-db: sslmode is `allow`"),
        "{unknown}"
    );
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.sqlite");
    fs::write(&text, "no database at all, only text".repeat(100)).unwrap();
    let text = text.display().to_string();
    let line = says(2, &["--database", &text, "tables"]);
    assert!(
        line.contains("not a database") && line.contains(&text),
        "{line}"
    );
    let said_once = format!("mcp-db: cannot open the database `{text}`: file is not a database\n");
    assert_eq!(says(2, &["serve", &text]), said_once);
    let folder = folder.path().display().to_string();
    assert!(says(2, &["serve", &folder]).contains("it is a folder"));
    let elsewhere = "mysql://me:kept-secret@localhost/shop";
    for line in [
        says(2, &["serve", elsewhere]),
        says(2, &["--database", elsewhere, "tables"]),
    ] {
        assert!(line.contains("`mysql://` cannot be served"), "{line}");
        assert!(!line.contains("kept-secret"), "{line}");
    }
}

#[test]
fn servers_that_are_none_are_refused_in_one_line_and_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}/mcp", listener.local_addr().unwrap());
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let nobody = format!("http://{free}/mcp");
    for (server, code, says_so) in [
        ("/no/such/program", 3, "cannot start `/no/such/program`"),
        ("false", 3, "exit status: 1"),
        ("sh -c 'echo boom >&2; exit 7'", 3, "boom"),
        ("yes garbage", 3, "within 2 s"),
        ("sleep 1000", 3, "within 2 s"),
        ("'unbalanced", 2, "a quote that does not end"),
        ("", 2, "empty"),
        ("http://", 2, "not a URL"),
        ("ftp://127.0.0.1/", 2, "http"),
        (nobody.as_str(), 3, "refused"),
        (silent.as_str(), 3, "within 2 s"),
    ] {
        // Time is up only for those that do not fail by themselves.
        let limit = if says_so == "within 2 s" { "2" } else { "20" };
        for flag in ["false", "true"] {
            let mut command = command();
            command
                .args(["--timeout", limit, "--server", server, "tables"])
                .env("USE_MCP_POOL", flag);
            let output = command.output().unwrap();
            let line = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(code), "{line}");
            assert_eq!(line.lines().count(), 1, "{line}");
            assert!(line.contains(says_so), "{server}: {line}");
        }
    }
}

#[test]
fn settings_that_are_nonsense_are_named() {
    let output = command()
        .arg("tables")
        .env("USE_MCP_POOL", "perhaps")
        .output()
        .unwrap();
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(line.contains("USE_MCP_POOL is `perhaps`"), "{line}");
    let misspelt = command()
        .arg("tables")
        .env("MCP_POOL_MAX_CONECTIONS", "3")
        .output()
        .unwrap();
    assert_eq!(misspelt.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(misspelt.stderr).unwrap(),
        "mcp-db: there is no setting MCP_POOL_MAX_CONECTIONS; did you mean MCP_POOL_MAX_CONNECTIONS?\n"
    );
    for args in [["--timeout", "0"], ["--timeout", "x"], ["--timeout", "-1"]] {
        let output = command().args(args).arg("tables").output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
    let shop = shop().display().to_string();
    let open = says(2, &["serve", "--http", "0.0.0.0:0", &shop]);
    assert!(open.contains("use a loopback address"), "{open}");
    let sample = says(2, &["serve", "--allow-writes"]);
    assert!(sample.contains("name a database to write to"), "{sample}");
    let address = says(2, &["serve", "postgres://reader:kept-secret@127.0.0.1:x/"]);
    assert!(address.contains("no address of a PostgreSQL"), "{address}");
    assert!(!address.contains("kept-secret"), "{address}");
}

/// The processes whose command line holds this text.
fn processes(text: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(text)).collect()
}

#[test]
fn no_command_leaves_a_process_behind() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("shop.sqlite");
    fs::copy(shop(), &copy).unwrap();
    let copy = copy.display().to_string();
    for flag in ["false", "true"] {
        for question in [
            &["tables"][..],
            &["query", "SELEC 1"],
            &["describe", "nope"],
        ] {
            let mut command = command();
            command
                .args(["--database", &copy])
                .args(question)
                .env("USE_MCP_POOL", flag);
            command.output().unwrap();
            assert_eq!(processes(&copy), Vec::<String>::new(), "{question:?}");
        }
    }
}

#[test]
fn a_command_whose_plug_is_pulled_takes_its_server_along() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("shop.sqlite");
    fs::copy(shop(), &copy).unwrap();
    let copy = copy.display().to_string();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                   SELECT count(*) FROM n";
    let mut command = command();
    command
        .args(["--database", &copy, "query", endless])
        .stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    // The command, and the server that it has started.
    wait_until(|| processes(&copy).len() == 2);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until(|| processes(&copy).is_empty());
}

#[test]
fn a_command_that_is_interrupted_takes_its_server_along() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        for flag in ["false", "true"] {
            // A server that heeds nothing, under a name of its own.
            let folder = tempfile::tempdir().unwrap();
            let script = folder.path().join("server");
            fs::write(&script, "trap '' INT TERM; while :; do sleep 1; done").unwrap();
            let script = script.display().to_string();
            let mut command = command();
            command
                .args(["--server", &format!("sh {script}"), "tables"])
                .env("USE_MCP_POOL", flag);
            let mut child = command.spawn().unwrap();
            // The command has it among its arguments, too.
            wait_until(|| processes(&script).len() == 2);
            let pid = child.id().to_string();
            let kill = Command::new("kill").args(["-s", signal, &pid]).status();
            assert!(kill.unwrap().success());
            assert_eq!(child.wait().unwrap().code(), Some(code));
            wait_until(|| processes(&script).is_empty());
        }
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_an_error() {
    for args in [&["tables"][..], &["completions", "bash"]] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = command();
        let output = database(&mut command)
            .args(args)
            .stdout(full)
            .output()
            .unwrap();
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(line.contains("standard output: No space left"), "{line}");
    }
}

/// As in `mcp-db … | head -1`.
#[test]
fn who_has_read_enough_of_an_answer_is_no_error() {
    for args in [&["tables"][..], &["completions", "bash"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = command();
        let output = database(&mut command)
            .args(args)
            .stdout(writer)
            .output()
            .unwrap();
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), line.as_str()), (Some(0), ""));
    }
}

/// What it shows on a terminal (made by `script`).
fn shows(args: &str) -> String {
    let line = format!("exec {PROGRAM} --database '{}' {args}", shop().display());
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    let env = [("SHELL", "/bin/sh"), ("TERM", "xterm"), ("NO_COLOR", "1")];
    prints(
        script
            .envs(env)
            .env_remove("USE_MCP_POOL")
            .stdin(Stdio::null()),
    )
}

/// A sequence that begins by ESC, and one that begins by a control character beyond ASCII.
const OBEYED: &str = "SELECT char(27) || '[31m' || char(155) || '32m' AS x";

#[test]
fn a_terminal_has_nothing_to_obey_in_any_format_and_a_pipe_has_it_all() {
    for format in ["csv", "json", "markdown", "table"] {
        let shown = shows(&format!("--format {format} query \"{OBEYED}\""));
        let text = shown.replace(['\r', '\n'], "");
        assert!(text.contains("[31m") && text.contains("32m"), "{shown}");
        assert!(!text.contains(char::is_control), "{format}: {shown:?}");
    }
    let piped = |format: &str| {
        let mut command = command();
        prints(database(&mut command).args(["--format", format, "query", OBEYED]))
    };
    assert_eq!(piped("csv"), "x\n\u{1b}[31m\u{9b}32m\n");
    let answer: Value = serde_json::from_str(&piped("json")).unwrap();
    assert_eq!(answer["rows"][0][0], "\u{1b}[31m\u{9b}32m");
}

#[test]
fn what_is_read_is_shown_harmless_and_piped_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = sqlite(folder.path());
    let database = rusqlite::Connection::open(&file).unwrap();
    let sql = "UPDATE makers SET name = char(27) || '[31m'";
    database.execute(sql, ()).unwrap();
    drop(database);
    let read = format!("--server \"'{PROGRAM}' serve -- '{file}'\" read db://tables/makers/rows");
    let line = format!("exec {PROGRAM} {read}");
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    let shown = prints(script.env("SHELL", "/bin/sh").stdin(Stdio::null()));
    assert!(
        shown.contains("[31m") && !shown.contains('\u{1b}'),
        "{shown:?}"
    );
    let mut command = Command::new("/bin/sh");
    let piped = prints(command.args(["-c", &line]));
    assert!(piped.contains("1,\u{1b}[31m"), "{piped:?}");
}

#[test]
fn a_search_that_found_more_says_so() {
    let search = |format: &str| {
        let mut command = command();
        command.args(["--format", format, "search", "kettle", "--limit", "2"]);
        let Output { stdout, stderr, .. } = database(&mut command).output().unwrap();
        [stdout, stderr].map(|text| String::from_utf8(text).unwrap())
    };
    let [table, quiet] = search("table");
    assert!(
        table.ends_with("2 rows, and there may be more\n"),
        "{table}"
    );
    assert_eq!(quiet, "");
    let [csv, told] = search("csv");
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(told.contains("more than these 2 rows"), "{told}");
}

#[test]
fn a_table_is_described_with_its_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let server = format!("'{PROGRAM}' serve -- '{}'", sqlite(folder.path()));
    let args = ["--server", &server, "--format", "csv", "describe", "things"];
    let described = prints(command().args(args));
    assert!(
        described.contains("name,VARCHAR(100),no,'x',,\n"),
        "{described}"
    );
}

#[test]
fn nothing_that_a_terminal_would_obey_is_printed() {
    let mut command = command();
    command.args(["query", "SELECT char(27) || '[31mred'"]);
    assert!(!prints(database(&mut command)).contains('\u{1b}'));
    let server = "sh -c 'printf \"\\033[31mred\\n\" >&2; exit 1'";
    let line = says(3, &["--server", server, "tables"]);
    assert!(
        line.contains("[31mred") && !line.contains('\u{1b}'),
        "{line}"
    );
}

fn wait_until(what: impl Fn() -> bool) {
    for _ in 0..2000 {
        if what() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it never came to that");
}

#[test]
fn a_server_ends_when_its_client_does() {
    let mut child = command();
    child
        .arg("serve")
        .arg(shop())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = child.spawn().unwrap();
    drop(child.stdin.take());
    // Ends by itself: waiting does not hang.
    child.wait().unwrap();
}

#[test]
fn an_http_server_ends_when_it_is_asked_to() {
    let server = HttpServer::start("127.0.0.1:0");
    let pid = server.pid().to_string();
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    let mut server = server;
    server.wait_for_success();
}

#[test]
fn the_example_of_the_readme_runs() {
    // Cargo builds examples beside the program, before it runs the tests.
    let folder = std::path::Path::new(PROGRAM)
        .parent()
        .unwrap()
        .join("examples");
    let cache = tempfile::tempdir().unwrap();
    let mut example = Command::new(folder.join("shop"));
    let output = prints(example.arg(PROGRAM).env("XDG_CACHE_HOME", cache.path()));
    assert!(
        output.contains("Oak hammock") && output.contains("opened: 1"),
        "{output}"
    );
}

#[test]
fn servers_are_found_by_name_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mcp.json");
    let shop = shop().display().to_string();
    let servers = json!({ "mcpServers": {
        "shop": { "command": PROGRAM, "args": ["serve", "--", shop] },
        "gone": { "command": "/no/such/program" },
    }});
    fs::write(&file, servers.to_string()).unwrap();
    let file = file.display().to_string();
    let mut command = command();
    command.args(["--config", &file, "--server", "shop", "--format", "csv"]);
    let count = prints(command.args(["query", "SELECT count(*) AS n FROM orders"]));
    assert_eq!(count, "n\n10000\n");
    let line = says(2, &["--config", &file, "tables"]);
    assert!(line.contains("gone, shop"), "{line}");
    let line = says(2, &["--config", &file, "--server", "shup", "tables"]);
    assert!(line.contains("shup") && line.contains("shop"), "{line}");
    let line = says(3, &["--config", &file, "--server", "gone", "tables"]);
    assert!(
        line.contains("on server `gone`") && line.contains("cannot start"),
        "{line}"
    );
}

#[test]
fn a_server_that_wants_a_token_gets_that_of_the_environment() {
    let shop = shop().display().to_string();
    let server = HttpServer::serve("127.0.0.1:0", &["--token", "open sesame", "--", &shop]);
    let ask = |token: &str| {
        let mut command = command();
        command.env("MCP_DB_SERVER_TOKEN", token);
        command.args(["--server", &server.url, "tables"]);
        command.output().unwrap()
    };
    assert!(ask("open sesame").status.success());
    for wrong in ["", "abracadabra"] {
        let output = ask(wrong);
        assert_eq!(output.status.code(), Some(1));
        let line = String::from_utf8(output.stderr).unwrap();
        assert!(
            line.contains("; MCP_DB_SERVER_TOKEN is the token"),
            "{line}"
        );
        assert!(!line.contains("abracadabra"), "{line}");
    }
}

#[test]
fn it_tells_of_the_server_and_how_it_is_asked() {
    let mut command = command();
    let stats = prints(database(&mut command).args(["--format", "json", "stats"]));
    let stats: Value = serde_json::from_str(&stats).unwrap();
    assert_eq!(stats["server"]["name"], "mcp-server-db");
    assert_eq!(stats["server"]["dialect"], "mcp-db");
    assert_eq!(stats["using_pool"], false);
    let line = says(2, &["--dialect", "nope", "tables"]);
    assert!(
        line.contains("`nope`") && line.contains("toolbox, dbhub"),
        "{line}"
    );
}

#[test]
fn answers_fit_into_markdown() {
    let mut command = command();
    database(&mut command).args([
        "-f",
        "markdown",
        "query",
        "SELECT 'a|b' AS x, 'c' || char(10) || 'd' AS y",
    ]);
    assert_eq!(
        prints(&mut command),
        "| x | y |\n| --- | --- |\n| a\\|b | c<br>d |\n"
    );
}

#[test]
fn colours_are_for_terminals_or_for_those_who_ask() {
    let ask = |color: &str| {
        let mut command = command();
        prints(database(&mut command).args(["--color", color, "query", "SELECT 1"]))
    };
    assert!(!ask("auto").contains('\u{1b}') && !ask("never").contains('\u{1b}'));
    assert!(ask("always").contains("\u{1b}[1m"));
}

#[test]
fn shells_can_complete_its_arguments() {
    for shell in ["bash", "fish", "zsh"] {
        let script = prints(command().args(["completions", shell]));
        assert!(
            script.contains("mcp-db") && script.contains("describe"),
            "{shell}"
        );
    }
}

#[test]
fn rows_that_were_written_are_printed_where_a_statement_returns_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = sqlite(folder.path());
    let server = format!("'{PROGRAM}' serve --allow-writes --max-rows 2 -- '{file}'");
    let execute = |format: &str, sql: &str| {
        let mut command = command();
        command.args(["--server", &server, "--format", format, "execute", sql]);
        let Output { stdout, stderr, .. } = command.output().unwrap();
        [stdout, stderr].map(|text| String::from_utf8(text).unwrap())
    };
    let insert = "INSERT INTO makers VALUES (11, 'Ann'), (12, 'Bo'), (13, 'Cy') RETURNING name";
    let [csv, notice] = execute("csv", insert);
    assert_eq!(csv, "name\nAnn\nBo\n");
    assert!(notice.contains("all were written"), "{notice}");
    let [table, notice] = execute("table", "DELETE FROM makers WHERE id = 11 RETURNING name");
    assert!(table.contains("│ Ann"), "{table}");
    assert!(table.ends_with("1 row\n1 row changed\n"), "{table}");
    assert_eq!(notice, "");
    let [json, _] = execute("json", "DELETE FROM makers WHERE id > 11 RETURNING id");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["rows_affected"], 2);
    assert_eq!(json["returned"]["rows"], json!([[12], [13]]));
    let [plain, _] = execute("table", "DELETE FROM makers WHERE id = 99");
    assert_eq!(plain, "0 rows changed\n");
}

#[test]
fn statements_that_write_are_refused_by_a_server_that_only_reads() {
    let line = says(
        1,
        &[
            "--database",
            &shop().display().to_string(),
            "execute",
            "DELETE FROM orders",
        ],
    );
    assert!(
        line.contains("`execute`: the database is served for reading"),
        "{line}"
    );
}
