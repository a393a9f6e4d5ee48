//! Servers that others wrote, as they come: `cargo xtask test --third-party`.
//!
//! Without `MCP_THIRD_PARTY`, which names the folder where they are installed, these
//! tests have nobody to talk to, and do nothing.

use std::{env, fs, path::PathBuf, time::Duration};

use mcp_domain::{CommandTarget, Connection as _, Connector as _, ErrorKind, Scope, Target};
use mcp_transport::{Client, ClientConnector};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::Instant,
};

use crate::shell::eventually;

/// Carried by a server and all that it starts.
const MARK: &str = "MCP_TEST_MARK";

/// A server of others, with a folder of its own.
struct Server {
    target: CommandTarget,
    folder: TempDir,
    mark: String,
}

impl Server {
    /// A program that was installed; none if nothing was.
    fn new<const N: usize>(program: &str, args: [&str; N]) -> Option<Self> {
        let installed = PathBuf::from(env::var_os("MCP_THIRD_PARTY")?);
        let program = installed.join("bin").join(program);
        assert!(program.exists(), "{} is not installed", program.display());
        let folder = tempfile::tempdir().unwrap();
        let mark = format!("{MARK}={}", folder.path().display());
        let mut target = CommandTarget {
            program,
            args: args.map(str::to_owned).to_vec(),
            cwd: Some(folder.path().to_owned()),
            ..CommandTarget::default()
        };
        let value = folder.path().display().to_string();
        target.env.insert(MARK.to_owned(), value);
        Some(Self {
            target,
            folder,
            mark,
        })
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.target.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With a file of this content in its working directory.
    fn file(self, name: &str, content: &str) -> Self {
        fs::write(self.folder.path().join(name), content).unwrap();
        self
    }

    fn connector(&self) -> ClientConnector {
        ClientConnector::new(Target::Command(self.target.clone())).unwrap()
    }

    /// Do it or its descendants still run?
    fn runs(&self) -> bool {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        // A zombie has no environment any more; one of ours would be a child.
        let mut environments = processes.filter_map(|p| fs::read(p.path().join("environ")).ok());
        environments.any(|environment| {
            let mut variables = environment.split(|byte| *byte == 0);
            variables.any(|variable| variable == self.mark.as_bytes())
        })
    }

    /// Connects twice, the second time without a probe, calls the tool each time, and closes.
    async fn check(&self, revision: &str, tool: &str, arguments: Value, expected: &str) {
        let connector = self.connector();
        for _ in 0..2 {
            let client = connector.connect(&Scope::default()).await.unwrap();
            converse(&client, revision, tool, &arguments, expected).await;
            client.close().await.unwrap();
            eventually(|| !self.runs()).await;
        }
    }

    /// Serves HTTP, and is spoken to in the same way.
    async fn check_http(
        mut self,
        port: u16,
        path: &str,
        revision: &str,
        (tool, arguments, expected): (&str, Value, &str),
    ) {
        let mut process = self.start();
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(start.elapsed() < Duration::from_secs(30), "it never serves");
            assert!(process.try_wait().unwrap().is_none(), "it has ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let url = format!("http://127.0.0.1:{port}{path}");
        let connector = ClientConnector::new(Target::http(url)).unwrap();
        for _ in 0..2 {
            let client = connector.connect(&Scope::default()).await.unwrap();
            converse(&client, revision, tool, &arguments, expected).await;
            client.close().await.unwrap();
        }
        process.kill().await.unwrap();
        eventually(|| !self.runs()).await;
    }

    fn start(&mut self) -> Child {
        let mut command = Command::new(&self.target.program);
        command.args(&self.target.args).envs(&self.target.env);
        command.current_dir(self.folder.path()).kill_on_drop(true);
        command.spawn().unwrap()
    }
}

async fn converse(client: &Client, revision: &str, tool: &str, arguments: &Value, expected: &str) {
    assert_eq!(client.server().revision, revision);
    let tools = client.list_tools().await.unwrap();
    assert!(tools.iter().any(|t| t.name == tool), "{tools:?}");
    let answer = client.call_tool(tool, arguments).await.unwrap();
    assert!(answer.text().contains(expected), "{answer:?}");
    assert!(client.is_open());
}

/// A port that is free, or was a moment ago.
async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

/// Has Node listen at the loopback address where no address is given.
const LOOPBACK: &str = "
const { Server } = require('node:net');
const { listen } = Server.prototype;
Server.prototype.listen = function (port, ...rest) {
  const where = { port: Number(port), host: '127.0.0.1' };
  return listen.call(this, where, ...rest.filter((each) => typeof each === 'function'));
};
";

/// A tool that adds, in FastMCP.
const ADDING: &str = "
from fastmcp import FastMCP
mcp = FastMCP('adding')

@mcp.tool
def add(a: int, b: int) -> int:
    return a + b
";

fn add() -> (&'static str, Value, &'static str) {
    ("add", json!({ "a": 40, "b": 2 }), "42")
}

fn echo() -> (&'static str, Value, &'static str) {
    ("echo", json!({ "message": "over there" }), "over there")
}

fn select() -> (&'static str, Value, &'static str) {
    ("execute_sql", json!({ "sql": "select 40 + 2 as n" }), "42")
}

#[tokio::test]
async fn mcp_toolbox_discovers_without_cache_hints() {
    let args = ["--stdio", "--prebuilt", "sqlite"];
    let Some(server) = Server::new("toolbox", args) else {
        return;
    };
    let (tool, arguments, expected) = select();
    let server = server.env("SQLITE_DATABASE", "some.sqlite");
    server.check("2026-07-28", tool, arguments, expected).await;
}

#[tokio::test]
async fn mcp_toolbox_over_http() {
    let port = free_port().await;
    let number = port.to_string();
    let args = ["--port", &number, "--prebuilt", "sqlite"];
    let Some(server) = Server::new("toolbox", args) else {
        return;
    };
    let server = server.env("SQLITE_DATABASE", "some.sqlite");
    server
        .check_http(port, "/mcp", "2026-07-28", select())
        .await;
}

#[tokio::test]
async fn dbhub_discovers() {
    let args = ["--transport", "stdio", "--dsn", "sqlite:///:memory:"];
    let Some(server) = Server::new("dbhub", args) else {
        return;
    };
    let (tool, arguments, expected) = select();
    server.check("2026-07-28", tool, arguments, expected).await;
}

#[tokio::test]
async fn dbhub_over_http() {
    let port = free_port().await;
    let number = port.to_string();
    let dsn = "sqlite:///:memory:";
    let args = [
        "--transport",
        "http",
        "--port",
        &number,
        "--host",
        "127.0.0.1",
        "--dsn",
        dsn,
    ];
    let Some(server) = Server::new("dbhub", args) else {
        return;
    };
    server
        .check_http(port, "/mcp", "2026-07-28", select())
        .await;
}

#[tokio::test]
async fn server_everything_refuses_discovery_and_goes_on() {
    let Some(server) = Server::new("mcp-server-everything", ["stdio"]) else {
        return;
    };
    let (tool, arguments, expected) = echo();
    server.check("2025-11-25", tool, arguments, expected).await;
}

#[tokio::test]
async fn server_everything_over_http_has_sessions() {
    let port = free_port().await;
    let Some(server) = Server::new("mcp-server-everything", ["streamableHttp"]) else {
        return;
    };
    // It would listen at all addresses of the machine, and cannot be told not to.
    let server = server.file("loopback.cjs", LOOPBACK);
    let loopback = server.folder.path().join("loopback.cjs");
    let server = server
        .env("PORT", &port.to_string())
        .env("NODE_OPTIONS", &format!("--require {}", loopback.display()));
    server.check_http(port, "/mcp", "2025-11-25", echo()).await;
}

#[tokio::test]
async fn server_filesystem_refuses_discovery_and_goes_on() {
    let Some(server) = Server::new("mcp-server-filesystem", ["."]) else {
        return;
    };
    let server = server.file("note.txt", "remember the milk");
    let arguments = json!({ "path": "note.txt" });
    let tool = "read_text_file";
    server
        .check("2025-11-25", tool, arguments, "the milk")
        .await;
}

#[tokio::test]
async fn server_postgres_dies_only_when_killed() {
    // Nobody listens there, which it finds out when it is called.
    let url = "postgresql://127.0.0.1:1/nobody";
    let Some(server) = Server::new("mcp-server-postgres", [url]) else {
        return;
    };
    let client = server.connector().connect(&Scope::default()).await.unwrap();
    assert_eq!(client.server().revision, "2024-11-05");
    assert_eq!(client.list_tools().await.unwrap()[0].name, "query");
    let error = client
        .call_tool("query", json!({ "sql": "select 1" }))
        .await;
    let error = error.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Rpc(_)), "{error:?}");
    // It heeds SIGTERM, if not the end of its input.
    client.close().await.unwrap();
    eventually(|| !server.runs()).await;
}

#[tokio::test]
async fn fastmcp_latches_what_was_discovered() {
    let args = ["run", "adding.py", "--no-banner"];
    let Some(server) = Server::new("fastmcp", args) else {
        return;
    };
    let (tool, arguments, expected) = add();
    let server = server.file("adding.py", ADDING);
    server.check("2026-07-28", tool, arguments, expected).await;
}

#[tokio::test]
async fn fastmcp_over_http() {
    let port = free_port().await;
    let number = port.to_string();
    let args = [
        "run",
        "adding.py",
        "--no-banner",
        "--transport",
        "http",
        "--port",
        &number,
    ];
    let Some(server) = Server::new("fastmcp", args) else {
        return;
    };
    let server = server.file("adding.py", ADDING);
    server.check_http(port, "/mcp", "2026-07-28", add()).await;
}

#[tokio::test]
async fn server_time_latches_what_was_discovered() {
    let Some(server) = Server::new("mcp-server-time", []) else {
        return;
    };
    let arguments = json!({ "timezone": "Asia/Tokyo" });
    let tool = "get_current_time";
    server
        .check("2026-07-28", tool, arguments, "Asia/Tokyo")
        .await;
}

#[tokio::test]
async fn server_sqlite_refuses_discovery_and_goes_on() {
    let args = ["--db-path", "some.sqlite"];
    let Some(server) = Server::new("mcp-server-sqlite", args) else {
        return;
    };
    let arguments = json!({ "query": "select 40 + 2" });
    server
        .check("2025-11-25", "read_query", arguments, "42")
        .await;
}

#[tokio::test]
async fn mcp_alchemy_latches_what_was_discovered() {
    let Some(server) = Server::new("mcp-alchemy", []) else {
        return;
    };
    let server = server.env("DB_URL", "sqlite:///some.sqlite");
    let arguments = json!({ "query": "select 40 + 2 as n" });
    server
        .check("2026-07-28", "execute_query", arguments, "42")
        .await;
}

#[tokio::test]
async fn a_server_that_crashes_at_start_is_quoted() {
    let args = ["--db-path", "some.sqlite"];
    let Some(server) = Server::new("mcp-server-sqlite-that-crashes", args) else {
        return;
    };
    let start = Instant::now();
    let error = server.connector().connect(&Scope::default()).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectFailed);
    let chain = error.chain();
    assert!(chain.contains("exit status: 1"), "{chain}");
    assert!(chain.contains("AttributeError"), "{chain}");
    // The crash is seen; the limit of the connect is not waited for.
    assert!(start.elapsed() < Duration::from_secs(30));
    eventually(|| !server.runs()).await;
}
