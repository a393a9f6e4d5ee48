//! Targets that cannot work: each gives one clear line, in time.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use mcp_domain::{
    CommandTarget, Connector as _, Error, ErrorKind, HttpTarget, Retry, Scope, Target,
};
use mcp_transport::ClientConnector;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::{Instant, timeout},
};

use crate::shell::{ShellServer, eventually, exists};

/// Long enough for whatever fails by itself.
const LONG: Duration = Duration::from_secs(20);

/// For what does not.
const SHORT: Duration = Duration::from_millis(700);

/// Connects in vain, and not because time is up; returns the error.
async fn fail(connector: ClientConnector) -> Error {
    let error = fail_within(connector, LONG).await;
    assert_ne!(error.kind(), ErrorKind::ConnectTimeout, "{error}");
    error
}

/// Connects until time is up; returns the error.
async fn time_out(connector: ClientConnector) -> Error {
    let start = Instant::now();
    let error = fail_within(connector, SHORT).await;
    assert!(start.elapsed() >= SHORT, "{error}");
    assert!(start.elapsed() < LONG, "{error}");
    error
}

async fn fail_within(connector: ClientConnector, limit: Duration) -> Error {
    let connector = connector.with_connect_timeout(limit);
    let error = connector.connect(&Scope::default()).await.unwrap_err();
    let line = error.chain();
    assert!(!line.contains('\n') && line.len() < 500, "{line}");
    error
}

#[track_caller]
fn check(error: &Error, kind: ErrorKind, parts: &[&str]) {
    let line = error.chain();
    assert_eq!(error.kind(), kind, "{line}");
    for part in parts {
        assert!(line.contains(part), "`{part}` is not in: {line}");
    }
}

/// Fails to start, for good; returns the error.
async fn cannot_start(target: Target) -> Error {
    let error = fail(ClientConnector::new(target).unwrap()).await;
    // It would be no better the next time.
    assert_eq!(error.retry(), Retry::Never, "{}", error.chain());
    error
}

#[tokio::test]
async fn a_command_that_does_not_exist() {
    let error = cannot_start(Target::command("/no/such/program", ["--flag"])).await;
    let parts = ["cannot start `/no/such/program`", "No such file"];
    check(&error, ErrorKind::ConnectFailed, &parts);
    let error = cannot_start(Target::command("no-such-program", [""; 0])).await;
    check(&error, ErrorKind::ConnectFailed, &["is not in the PATH"]);
}

#[tokio::test]
async fn a_command_that_is_no_program() {
    let folder = tempfile::tempdir().unwrap();
    let error = cannot_start(Target::command(folder.path(), [""; 0])).await;
    check(&error, ErrorKind::ConnectFailed, &["it is a directory"]);

    let file = folder.path().join("plain");
    fs::write(&file, "no program").unwrap();
    let error = cannot_start(Target::command(&file, [""; 0])).await;
    check(
        &error,
        ErrorKind::ConnectFailed,
        &["it may not be executed"],
    );

    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let error = cannot_start(Target::command(&file, [""; 0])).await;
    check(&error, ErrorKind::ConnectFailed, &["begins with `#!`"]);

    fs::write(&file, "#!/no/such/interpreter\n").unwrap();
    let error = cannot_start(Target::command(&file, [""; 0])).await;
    check(
        &error,
        ErrorKind::ConnectFailed,
        &["the interpreter that its first line names"],
    );
}

#[tokio::test]
async fn a_working_directory_that_does_not_exist() {
    let target = CommandTarget {
        program: "sh".into(),
        cwd: Some("/no/such/folder".into()),
        ..CommandTarget::default()
    };
    let error = cannot_start(target.into()).await;
    let parts = ["its working directory `/no/such/folder` is no directory"];
    check(&error, ErrorKind::ConnectFailed, &parts);
}

#[tokio::test]
async fn a_command_that_ends_at_once() {
    let server = ShellServer::new("echo 'no database given' >&2; exit 3");
    let error = fail(server.connector()).await;
    let parts = ["exit status: 3", "no database given"];
    check(&error, ErrorKind::ConnectFailed, &parts);
    // What it lacks may be there the next time.
    assert_eq!(error.retry(), Retry::Safe);
    eventually(|| !exists(server.pid())).await;
}

#[tokio::test]
async fn a_command_that_prints_garbage() {
    let server = ShellServer::new("while :; do echo 'hello { world'; sleep 0.01; done");
    let error = time_out(server.connector()).await;
    let parts = [
        "not MCP messages, the first: `hello { world`",
        "within 0.7 s",
    ];
    check(&error, ErrorKind::ConnectTimeout, &parts);
    // That is our doing.
    assert!(!error.chain().contains("ended with"), "{}", error.chain());
    eventually(|| !exists(server.pid())).await;
}

#[tokio::test]
async fn a_command_that_prints_its_complaint_and_ends() {
    let server =
        ShellServer::answering("echo; echo 'no database given'; echo 'try --help'; exit 3");
    let error = fail(server.connector()).await;
    let parts = ["exit status: 3", "the first: `no database given`"];
    check(&error, ErrorKind::ConnectFailed, &parts);
    eventually(|| !exists(server.pid())).await;
}

#[tokio::test]
async fn a_command_that_never_answers() {
    let server = ShellServer::new("exec sleep 1000");
    let error = time_out(server.connector()).await;
    check(&error, ErrorKind::ConnectTimeout, &["within 0.7 s"]);
    eventually(|| !exists(server.pid())).await;
}

#[tokio::test]
async fn an_empty_command() {
    let error = ClientConnector::new(Target::command("", [""; 0])).unwrap_err();
    check(
        &error,
        ErrorKind::InvalidInput,
        &["the command of the server is empty"],
    );
}

#[tokio::test]
async fn urls_that_are_none() {
    for url in [
        "",
        "nonsense",
        "http://",
        "ftp://127.0.0.1/mcp",
        "file:///etc/passwd",
    ] {
        let error = ClientConnector::new(Target::http(url)).unwrap_err();
        check(&error, ErrorKind::InvalidInput, &[url]);
    }
    for url in [
        "",
        "nonsense",
        "127.0.0.1:8000",
        "localhost:8000/mcp",
        "ftp://h",
    ] {
        let error = ClientConnector::new(Target::http(url)).unwrap_err();
        let parts = ["must begin with http:// or https://"];
        check(&error, ErrorKind::InvalidInput, &parts);
    }
}

#[tokio::test]
async fn headers_that_http_does_not_allow() {
    for (name, value) in [
        ("bad name", "x"),
        ("x", "bad\nvalue"),
        ("Mcp-Session-Id", "x"),
    ] {
        let mut target = HttpTarget {
            url: "http://127.0.0.1/mcp".into(),
            ..HttpTarget::default()
        };
        target.headers.insert(name.into(), value.into());
        let error = ClientConnector::new(Target::Http(target)).unwrap_err();
        check(&error, ErrorKind::InvalidInput, &[name]);
    }
}

#[tokio::test]
async fn a_port_where_nothing_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    drop(listener);
    let error = fail(ClientConnector::new(Target::http(url)).unwrap()).await;
    check(&error, ErrorKind::ConnectFailed, &["refused"]);
}

/// Something that listens and answers every request like this; `None`: never.
async fn listener(answer: Option<&'static str>) -> ClientConnector {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while socket.read(&mut request).await.is_ok_and(|n| n > 0) {
                    if let Some(answer) = answer {
                        let _ = socket.write_all(answer.as_bytes()).await;
                        return;
                    }
                }
            });
        }
    });
    ClientConnector::new(Target::http(url)).unwrap()
}

#[tokio::test]
async fn a_port_where_something_listens_that_says_nothing() {
    let error = time_out(listener(None).await).await;
    check(&error, ErrorKind::ConnectTimeout, &["within 0.7 s"]);
}

#[tokio::test]
async fn a_port_where_something_else_than_http_listens() {
    let error = fail(listener(Some("220 smtp.example.org ESMTP\r\n")).await).await;
    check(&error, ErrorKind::ConnectFailed, &[]);
}

#[tokio::test]
async fn web_pages() {
    const PAGE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\
                        connection: close\r\n\r\n<html>";
    const MISSING: &str = "HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\n\
                           content-length: 6\r\nconnection: close\r\n\r\n<html>";
    const BROKEN: &str = "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    for page in [PAGE, MISSING, BROKEN] {
        let error = fail(listener(Some(page)).await).await;
        let kind = error.kind();
        assert!(
            matches!(kind, ErrorKind::BadResponse | ErrorKind::ConnectFailed),
            "{}",
            error.chain()
        );
    }
    let error = fail(listener(Some(MISSING)).await).await;
    let parts = ["HTTP 404", "is that the URL of its MCP endpoint?"];
    check(&error, ErrorKind::BadResponse, &parts);
}

#[tokio::test]
async fn a_server_without_tls_that_is_asked_for_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = fail(ClientConnector::new(Target::http(url)).unwrap()).await;
    check(
        &error,
        ErrorKind::ConnectFailed,
        &["http:// instead of https://"],
    );
}

#[tokio::test]
async fn a_connect_that_is_given_up_leaves_nothing() {
    let server = ShellServer::new("exec sleep 1000");
    let connector = server.connector();
    let scope = Scope::default();
    let connect = connector.connect(&scope);
    timeout(Duration::from_millis(200), connect)
        .await
        .unwrap_err();
    eventually(|| !exists(server.pid())).await;
}
