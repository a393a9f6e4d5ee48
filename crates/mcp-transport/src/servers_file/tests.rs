//! Configuration files as clients write them, and as they should not.

use std::fmt::Write as _;

use super::*;

fn file(text: &str) -> ServersFile {
    let file = ServersFile::parse("mcp.json", text).unwrap();
    file.with_variables(|name| match name {
        "TOKEN" => Some("hunter2".to_owned()),
        "HOME" => Some("/srv/me".to_owned()),
        _ => None,
    })
}

/// The only server of a file, given by its fields.
fn server(fields: &str) -> Result<Target, Error> {
    file(&format!(r#"{{"mcpServers": {{"s": {{{fields}}}}}}}"#)).target("s")
}

#[track_caller]
fn understood(fields: &str) -> Target {
    server(fields).unwrap()
}

#[track_caller]
fn refused(fields: &str, part: &str) {
    let error = server(fields).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let line = error.chain();
    assert!(line.starts_with("server `s` of `mcp.json`: "), "{line}");
    assert!(line.contains(part), "`{part}` is not in: {line}");
}

#[test]
fn a_program_is_understood_with_all_that_it_needs() {
    let Target::Command(command) = understood(
        r#""type": "stdio", "command": "${HOME}/bin/s", "args": ["--db", "${DB:-shop.db}"],
           "env": {"TOKEN": "${TOKEN}", "DEBUG": true, "PORT": 80}, "cwd": "${HOME}",
           "disabled": false, "timeout": 60, "autoApprove": []"#,
    ) else {
        panic!("not a command");
    };
    assert_eq!(command.program, Path::new("/srv/me/bin/s"));
    assert_eq!(command.args, ["--db", "shop.db"]);
    assert_eq!(command.env["TOKEN"], "hunter2");
    assert_eq!(command.env["DEBUG"], "true");
    assert_eq!(command.env["PORT"], "80");
    assert_eq!(command.cwd.as_deref(), Some(Path::new("/srv/me")));
}

#[test]
fn an_endpoint_is_understood_under_all_names_it_is_given() {
    for (url, kind) in [
        ("url", r#""type": "http""#),
        ("serverUrl", r#""transport": "streamable_http""#),
        ("httpUrl", r#""type": "streamableHttp""#),
        ("url", r#""args": [], "env": {}"#),
    ] {
        let Target::Http(http) = understood(&format!(
            r#""{url}": "http://h/mcp", {kind}, "headers": {{"Authorization": "Bearer ${{TOKEN}}"}}"#
        )) else {
            panic!("not an endpoint");
        };
        assert_eq!(http.url, "http://h/mcp");
        assert_eq!(http.headers["Authorization"], "Bearer hunter2");
    }
    let Target::Http(http) = understood(r#""url": "http://h/mcp", "auth": "${TOKEN}""#) else {
        panic!("not an endpoint");
    };
    assert_eq!(http.headers["authorization"], "Bearer hunter2");
}

#[test]
fn what_contradicts_itself_is_refused() {
    refused(
        r#""command": "s", "url": "http://h""#,
        "both `command` and `url`",
    );
    refused(
        r#""url": "http://h", "httpUrl": "http://h""#,
        "both `url` and `httpUrl`",
    );
    refused(
        r#""command": "s", "type": "http""#,
        "`type` says http, and `command` says stdio",
    );
    refused(
        r#""url": "http://h", "transport": "stdio""#,
        "`transport` says stdio",
    );
    refused(
        r#""url": "http://h", "args": ["x"]"#,
        "`args` means nothing",
    );
    refused(
        r#""command": "s", "headers": {"a": "b"}"#,
        "`headers` means nothing",
    );
    refused(
        r#""url": "http://h", "auth": "x", "headers": {"Authorization": "y"}"#,
        "both `auth` and `headers.authorization`",
    );
}

#[test]
fn what_is_not_known_is_refused() {
    refused(r#""command": "s", "comand": "t""#, "unknown field `comand`");
    refused(
        r#""command": "s", "envFile": ".env""#,
        "`envFile` is not supported",
    );
    refused(
        r#""url": "http://h", "type": "sse""#,
        "`sse` of before 2025",
    );
    refused(r#""url": "http://h", "type": "grpc""#, "`type` must be");
    refused(
        r#""url": "http://h", "auth": "oauth""#,
        "`oauth` is not supported",
    );
    refused(
        "",
        "neither `command` nor `url`, of which it needs one; it has: nothing",
    );
    refused(r#""args": ["x"]"#, "it has: args");
}

#[test]
fn what_is_of_the_wrong_kind_is_refused() {
    refused(
        r#""command": ["s"]"#,
        "`command` must be a string, not a list",
    );
    refused(r#""command": """#, "`command` is empty");
    refused(
        r#""command": "s", "args": "-x""#,
        "`args` must be a list of strings, not a string",
    );
    refused(
        r#""command": "s", "args": ["a", 1]"#,
        "`args[1]` must be a string, not a number",
    );
    refused(
        r#""command": "s", "env": {"A": null}"#,
        "`env.A` must be a string, not null",
    );
    refused(
        r#""command": "s", "disabled": "no""#,
        "`disabled` must be true or false",
    );
    refused(
        r#""command": "${NO_SUCH}""#,
        "`command`: the environment variable `NO_SUCH`",
    );
    refused(r#""url": "http://${NO_SUCH}""#, "`url`: the environment");
    refused(
        r#""url": "http://h", "headers": {"a": "${x"}"#,
        "`headers.a`: `${` has no `}`",
    );
}

#[test]
fn a_file_that_names_no_servers_is_refused() {
    #[track_caller]
    fn check(text: &str, part: &str) {
        let error = ServersFile::parse("mcp.json", text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let line = error.chain();
        assert!(line.starts_with("`mcp.json` "), "{line}");
        assert!(line.contains(part), "`{part}` is not in: {line}");
    }
    check("", "is not JSON: EOF");
    check("{\n \"mcpServers\": {]}", "line 2 column 17");
    check("{}", "but nothing");
    check(r#"{"server": {}, "x": 1}"#, "but `server`, `x`");
    check("[1]", "a list instead of an object");
    check(
        r#"{"mcpServers": []}"#,
        "has a `mcpServers` that is no object",
    );
    check(r#"{"mcpServers": {}, "servers": {}}"#, "twice");
    let none = ServersFile::parse("mcp.json", r#"{"mcpServers": {}}"#).unwrap();
    let line = none.target("shop").unwrap_err().chain();
    assert_eq!(line, "`mcp.json` names no server `shop`; it names none");
    let error = ServersFile::read("/no/such/file.json").unwrap_err();
    assert!(
        error
            .chain()
            .contains("cannot read `/no/such/file.json`: No such file")
    );
}

#[test]
fn two_of_one_name_are_refused() {
    #[track_caller]
    fn check(text: &str, path: &str) {
        let error = ServersFile::parse("mcp.json", text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let expected = format!(
            "`mcp.json` has two of `{path}`, of which only the last would count; rename or remove one"
        );
        assert_eq!(error.chain(), expected);
    }
    check(
        r#"{"mcpServers": {"s": {"command": "old"}, "t": {"command": "t"}, "s": {"command": "new"}}}"#,
        "mcpServers.s",
    );
    check(
        r#"{"mcpServers": {"s": {"command": "s", "env": {"DB": "a", "DB": "b"}}}}"#,
        "mcpServers.s.env.DB",
    );
    check(r#"{"servers": {}, "servers": {}}"#, "servers");
    check(r#"{"mcp": {"servers": {}}, "mcp": {}}"#, "mcp");
    // What others keep in the same file is their own.
    file(
        r#"{"servers": {}, "editor.fontSize": 12, "editor.fontSize": 14, "mcp": {"a": 1, "a": 2}}"#,
    );
}

#[test]
fn a_mark_at_the_beginning_does_not_matter() {
    let text = r#"{ "mcpServers": { "a": { "command": "a" } } }"#;
    let file = ServersFile::parse("mcp.json", &format!("\u{feff}{text}")).unwrap();
    assert!(file.names().eq(["a"]));
}

#[test]
fn editors_keep_their_servers_elsewhere() {
    for text in [
        r#"{"servers": {"s": {"command": "s"}}, "inputs": []}"#,
        r#"{"mcp": {"servers": {"s": {"command": "s"}}}, "editor.fontSize": 14}"#,
    ] {
        assert_eq!(file(text).target("s").unwrap().to_string(), "s");
    }
}

#[test]
fn one_server_that_is_wrong_does_not_stand_in_the_way_of_the_others() {
    let file = file(
        r#"{"mcpServers": {
            "wrong": {"command": 1},
            "right": {"command": "s"},
            "off": {"command": "s", "disabled": true},
        }}"#,
    );
    assert!(file.names().eq(["off", "right", "wrong"]));
    file.target("right").unwrap();
    assert!(
        file.target("off")
            .unwrap_err()
            .to_string()
            .contains("is disabled")
    );
    let missing = file.target("left").unwrap_err().to_string();
    assert!(missing.contains("it has: off, right, wrong"), "{missing}");
    assert!(file.targets().unwrap_err().to_string().contains("`wrong`"));
}

#[test]
fn those_that_are_disabled_are_not_among_the_targets() {
    let file = file(
        r#"{"mcpServers": {"on": {"command": "s"}, "off": {"command": "${NO_SUCH}", "disabled": true}}}"#,
    );
    assert!(file.targets().unwrap().into_keys().eq(["on"]));
}

#[test]
fn secrets_show_nowhere() {
    let text = r#"{"mcpServers": {
        "a": {"command": "s", "args": "hunter2"},
        "b": {"command": "s", "env": {"K": ["hunter2"]}},
        "c": {"url": "http://h", "type": "hunter2"},
        "d": {"url": "http://hunter2:hunter2@h?hunter2", "auth": "${TOKEN}"},
        "e": {"url": "http://h", "headers": {"K": "hunter2 ${hunter 3}"}}
    }}"#;
    let file = file(text);
    let mut shown = format!("{file:?}");
    for name in ["a", "b", "c", "d", "e"] {
        match file.target(name) {
            Ok(target) => write!(shown, "{target} {target:?}").unwrap(),
            Err(error) => write!(shown, "{} {error:?}", error.chain()).unwrap(),
        }
    }
    assert!(!shown.contains("hunter2"), "{shown}");
}
