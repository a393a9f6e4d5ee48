//! What is understood of a text, and what is refused.

use std::{os::unix::net::UnixListener, path::PathBuf};

use mcp_domain::{UnixSpeech, UnixTarget};

use super::*;

fn command(program: &str, args: &[&str]) -> Target {
    Target::command(program, args.iter().copied())
}

#[track_caller]
fn understood(text: &str, expected: &Target) {
    assert_eq!(infer(text).unwrap(), *expected);
}

#[track_caller]
fn refused(text: &str, part: &str) {
    let error = infer(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let line = error.chain();
    assert!(line.contains(part), "`{part}` is not in: {line}");
    assert!(!line.contains("hunter2"), "{line}");
}

/// A file in a folder that is gone at the end.
fn file(name: &str, text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    (folder, path)
}

#[test]
fn urls_are_endpoints() {
    for url in ["http://h/mcp", "https://h:1/mcp?x=1", "HTTP://h"] {
        understood(url, &Target::http(url));
    }
    understood(" http://h/mcp\n", &Target::http("http://h/mcp"));
}

#[test]
fn sockets_speak_lines_or_http() {
    understood("unix:/run/mcp.sock", &Target::unix("/run/mcp.sock"));
    understood("unix:///run/mcp.sock", &Target::unix("/run/mcp.sock"));
    understood(
        "http+unix://%2Frun%2Fmcp%20x.sock/mcp",
        &Target::http_over_unix("/run/mcp x.sock", "/mcp"),
    );
    let Ok(Target::Unix(UnixTarget { speech, .. })) = infer("http+unix://%2Fs") else {
        panic!("not a socket");
    };
    assert!(matches!(speech, UnixSpeech::Http { endpoint, .. } if endpoint == "/"));
}

#[test]
fn lines_are_commands_quoted_as_for_a_shell() {
    understood("mcp-db", &command("mcp-db", &[]));
    understood(
        "npx -y server 'my shop.db' --x=\"a b\" http://h",
        &command(
            "npx",
            &["-y", "server", "my shop.db", "--x=a b", "http://h"],
        ),
    );
    let Target::Command(command) = infer("DEBUG=1 A= server B=2").unwrap() else {
        panic!("not a command");
    };
    assert_eq!(command.program, Path::new("server"));
    assert_eq!(command.args, ["B=2"]);
    assert_eq!(command.env["DEBUG"], "1");
    assert_eq!(command.env["A"], "");
}

#[test]
fn what_needs_a_shell_is_refused_without_one() {
    refused("server | tee log", "`|` in the command line");
    refused("cd /srv && server hunter2", "`sh -c '…'`");
    refused("server 2>/dev/null", "for a shell");
    refused("server 2> log", "for a shell");
    understood(
        "sh -c 'server | tee log'",
        &command("sh", &["-c", "server | tee log"]),
    );
    understood(
        "server 'a|b' --x=>y",
        &command("server", &["a|b", "--x=>y"]),
    );
}

#[test]
fn urls_without_their_slashes_are_no_programs() {
    refused("http:/h/hunter2", "must begin with `http://`");
    refused("https:h", "must begin with `https://`");
}

#[test]
fn scripts_get_their_interpreter() {
    for (name, interpreter) in [("s.py", "python3"), ("s.js", "node"), ("s.mjs", "node")] {
        let (_folder, path) = file(name, "#!/usr/bin/env other\n", 0o644);
        let path = path.display().to_string();
        understood(
            &format!("{path} --x"),
            &command(interpreter, &[&path, "--x"]),
        );
    }
    let (_folder, path) = file("s.py", "#!/usr/bin/env -S uv run\n", 0o755);
    let path = path.display().to_string();
    understood(&format!("{path} --x"), &command(&path, &["--x"]));
    let (_folder, path) = file("s.py", "import os\n", 0o755);
    assert_eq!(of_path(&path).unwrap().to_string(), "python3");
}

#[test]
fn a_file_with_one_server_leads_to_it() {
    let one = r#"{"mcpServers": {"a": {"command": "s"}}}"#;
    let (_folder, path) = file("mcp.json", one, 0o644);
    understood(&path.display().to_string(), &command("s", &[]));
    let two = r#"{"mcpServers": {"a": {"command": "s"}, "b": {"command": "t"}}}"#;
    let (_folder, path) = file("mcp.json", two, 0o644);
    refused(&path.display().to_string(), "names 2 servers (a, b)");
    fs::write(&path, r#"{"mcpServers": {}}"#).unwrap();
    refused(&path.display().to_string(), "names no server");
    let server = r#"{"mcpServers": {"a": {"url": "http://h"}}}"#;
    let (_folder, path) = file("mcp.json", server, 0o644);
    refused(
        &format!("A=1 {}", path.display()),
        "no program to set variables for",
    );
}

#[test]
fn what_means_nothing_is_explained() {
    refused("", "is empty");
    refused("  \n", "is empty");
    refused("'' ", "the command of the server is empty");
    refused("server 'x", "a quote that does not end");
    refused("A=1 B=hunter2", "has no program");
    refused(
        "ws://u:hunter2@h/mcp",
        "`ws://h/mcp` is a URL of the kind `ws`",
    );
    refused("file:///etc/passwd", "of the kind `file`");
    refused("http://h/mcp --token hunter2", "with blanks in it");
    refused("localhost:8000/mcp", "looks like an address");
    refused("127.0.0.1:80", "looks like an address");
    refused("www.example.org/mcp", "write `https://` before it");
    refused("~/server.py", "which only a shell replaces");
    refused("unix:", "must be followed by the path");
    refused("http+unix:///mcp", "must be the path of a socket");
    refused("http+unix://%2/mcp", "must be the path of a socket");
    refused(
        "/no/such/server.py",
        "understood as a script, and cannot be read: No such file",
    );
    refused(
        "/no/such/mcp.json",
        "cannot read `/no/such/mcp.json`: No such file",
    );
    refused("/tmp", "is a folder");
}

#[test]
fn a_socket_by_its_path_could_speak_either() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let _listener = UnixListener::bind(&path).unwrap();
    let path = path.display().to_string();
    refused(&path, &format!("write `unix:{path}`"));
}

#[test]
fn a_path_must_lead_somewhere() {
    let error = of_path(Path::new("/no/such/server")).unwrap_err();
    assert_eq!(error.to_string(), "there is no file `/no/such/server`");
    assert_eq!(
        of_path(Path::new("/bin/sh")).unwrap(),
        command("/bin/sh", &[])
    );
}
