//! The suite on servers that others wrote: `cargo xtask test --third-party`.
//!
//! Without `MCP_THIRD_PARTY`, which names the folder where they are installed, these
//! tests have nobody to talk to, and do nothing.

use std::{
    env,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use mcp_domain::{CommandTarget, Target};
use mcp_plugin_db::{Access, DatabasePlugin};
use mcp_transport::ClientConnector;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::{
    fixture::{MariaDb, Postgres, sqlite},
    servers::children,
    suite,
};

/// Where a program was installed; none if nothing was.
fn installed(program: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env::var_os("MCP_THIRD_PARTY")?);
    let program = folder.join("bin").join(program);
    assert!(program.exists(), "{} is not installed", program.display());
    Some(program)
}

/// With a PostgreSQL to ask.
fn with_postgres(program: &str) -> Option<(PathBuf, Postgres)> {
    Some((installed(program)?, Postgres::start()?))
}

/// With a MariaDB to ask.
fn with_mariadb(program: &str) -> Option<(PathBuf, MariaDb)> {
    Some((installed(program)?, MariaDb::start()?))
}

fn connector(program: PathBuf, args: &[&str], env: &[(&str, &str)]) -> ClientConnector {
    let mut target = CommandTarget {
        program,
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        ..CommandTarget::default()
    };
    for (name, value) in env {
        target.env.insert((*name).to_owned(), (*value).to_owned());
    }
    ClientConnector::new(Target::Command(target)).unwrap()
}

/// A server that listens at a port of the loopback; killed when it is dropped.
struct Listening(Child);

impl Listening {
    /// Starts the program, which is told the port by the last argument.
    async fn start(
        program: PathBuf,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> (Self, ClientConnector) {
        // Another process may take the port before the program does.
        for _ in 0..20 {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            let mut command = Command::new(&program);
            command.args(args).arg(address.port().to_string());
            command.envs(env.iter().copied());
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let mut server = Self(command.spawn().unwrap());
            while server.0.try_wait().unwrap().is_none() {
                if TcpStream::connect(address).is_ok() {
                    let url = format!("http://{address}/mcp");
                    return (server, ClientConnector::new(Target::http(&url)).unwrap());
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
        panic!("{} does not listen", program.display());
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn check(dialect: &str, program: PathBuf, args: &[&str], env: &[(&str, &str)]) {
    let before = children();
    suite::check(dialect, connector(program, args, env)).await;
    assert_eq!(children(), before);
}

#[tokio::test]
async fn toolbox_on_sqlite() {
    let Some(program) = installed("toolbox") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let database = sqlite(folder.path());
    let env = [("SQLITE_DATABASE", database.as_str())];
    check(
        "toolbox",
        program,
        &["--stdio", "--prebuilt", "sqlite"],
        &env,
    )
    .await;
}

#[tokio::test]
async fn toolbox_on_postgres() {
    let Some((program, postgres)) = with_postgres("toolbox") else {
        return;
    };
    let port = postgres.port.to_string();
    let env = [
        ("POSTGRES_HOST", "127.0.0.1"),
        ("POSTGRES_PORT", port.as_str()),
        ("POSTGRES_DATABASE", "postgres"),
        ("POSTGRES_USER", "app"),
        ("POSTGRES_PASSWORD", "none"),
    ];
    let args = ["--stdio", "--prebuilt", "postgres"];
    check("toolbox", program, &args, &env).await;
}

#[tokio::test]
async fn toolbox_on_mariadb() {
    let Some((program, mariadb)) = with_mariadb("toolbox") else {
        return;
    };
    let port = mariadb.port.to_string();
    let env = [
        ("MYSQL_HOST", "127.0.0.1"),
        ("MYSQL_PORT", port.as_str()),
        ("MYSQL_DATABASE", "shop"),
        ("MYSQL_USER", "app"),
        ("MYSQL_PASSWORD", "kept-secret"),
    ];
    let args = ["--stdio", "--prebuilt", "mysql"];
    check("toolbox", program, &args, &env).await;
}

#[tokio::test]
async fn toolbox_over_http() {
    let Some(program) = installed("toolbox") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let database = sqlite(folder.path());
    let args = ["--prebuilt", "sqlite", "--address", "127.0.0.1", "--port"];
    let env = [("SQLITE_DATABASE", database.as_str())];
    let (_server, connector) = Listening::start(program, &args, &env).await;
    suite::check("toolbox", connector).await;
}

#[tokio::test]
async fn mcp_alchemy_over_http() {
    let Some(program) = installed("mcp-alchemy") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite:///{}", sqlite(folder.path()));
    let args = ["--transport", "streamable-http", "--port"];
    let (_server, connector) = Listening::start(program, &args, &[("DB_URL", &url)]).await;
    suite::check("mcp-alchemy", connector).await;
}

#[tokio::test]
async fn dbhub_on_sqlite() {
    let Some(program) = installed("dbhub") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}", sqlite(folder.path()));
    check(
        "dbhub",
        program,
        &["--transport", "stdio", "--dsn", &url],
        &[],
    )
    .await;
}

#[tokio::test]
async fn dbhub_on_postgres() {
    let Some((program, postgres)) = with_postgres("dbhub") else {
        return;
    };
    let url = format!("{}?sslmode=disable", postgres.reader());
    check(
        "dbhub",
        program,
        &["--transport", "stdio", "--dsn", &url],
        &[],
    )
    .await;
}

#[tokio::test]
async fn dbhub_on_mariadb() {
    dbhub_by("mariadb").await;
}

/// It has a driver of its own for it.
#[tokio::test]
async fn dbhub_on_mariadb_as_mysql() {
    dbhub_by("mysql").await;
}

async fn dbhub_by(scheme: &str) {
    let Some((program, mariadb)) = with_mariadb("dbhub") else {
        return;
    };
    let url = mariadb.url(scheme);
    let args = ["--transport", "stdio", "--dsn", &url];
    check("dbhub", program, &args, &[]).await;
}

#[tokio::test]
async fn the_reference_server_for_sqlite() {
    let Some(program) = installed("mcp-server-sqlite") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let database = sqlite(folder.path());
    check("mcp-server-sqlite", program, &["--db-path", &database], &[]).await;
}

#[tokio::test]
async fn the_reference_server_for_postgres() {
    let Some((program, postgres)) = with_postgres("mcp-server-postgres") else {
        return;
    };
    check("server-postgres", program, &[&postgres.reader()], &[]).await;
}

#[tokio::test]
async fn postgres_mcp_of_crystal() {
    let Some((program, postgres)) = with_postgres("postgres-mcp") else {
        return;
    };
    let args = [&postgres.reader(), "--access-mode=restricted"];
    check("postgres-mcp", program, &args, &[]).await;
}

#[tokio::test]
async fn mcp_alchemy_on_sqlite() {
    let Some(program) = installed("mcp-alchemy") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite:///{}", sqlite(folder.path()));
    check("mcp-alchemy", program, &[], &[("DB_URL", &url)]).await;
}

#[tokio::test]
async fn mcp_alchemy_on_mariadb() {
    let Some((program, mariadb)) = with_mariadb("mcp-alchemy") else {
        return;
    };
    let url = mariadb.url("mariadb+pymysql");
    check("mcp-alchemy", program, &[], &[("DB_URL", &url)]).await;
}

#[tokio::test]
async fn motherduck_on_duckdb() {
    let Some(program) = installed("mcp-server-motherduck") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("things.duckdb").display().to_string();
    let args = ["--db-path", &database, "--read-write"];
    let writer = DatabasePlugin::builder(connector(program.clone(), &args, &[]));
    let writer = writer.access(Access::Pooled).build();
    for statement in suite::FIXTURE.split_inclusive(';') {
        if !statement.trim().is_empty() {
            writer.execute(statement, &[]).await.unwrap();
        }
    }
    writer.close(Duration::from_secs(10)).await;
    check("motherduck", program, &["--db-path", &database], &[]).await;
}

#[tokio::test]
async fn dbmcp_on_sqlite() {
    let Some(program) = installed("dbmcp") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let database = sqlite(folder.path());
    let args = ["stdio", "--db-backend", "sqlite", "--db-name", &database];
    check("dbmcp", program, &args, &[]).await;
}

#[tokio::test]
async fn dbmcp_on_mariadb() {
    let Some((program, mariadb)) = with_mariadb("dbmcp") else {
        return;
    };
    let port = mariadb.port.to_string();
    let env = [
        ("DB_BACKEND", "mariadb"),
        ("DB_HOST", "127.0.0.1"),
        ("DB_PORT", port.as_str()),
        ("DB_NAME", "shop"),
        ("DB_USER", "app"),
        ("DB_PASSWORD", "kept-secret"),
    ];
    check("dbmcp", program, &["stdio"], &env).await;
}

#[tokio::test]
async fn a_server_that_is_no_database_is_told_what_it_lacks() {
    let Some(program) = installed("mcp-server-time") else {
        return;
    };
    let plugin = DatabasePlugin::builder(connector(program, &[], &[])).build();
    let error = plugin.tables().await.unwrap_err();
    assert_eq!(error.kind(), mcp_domain::ErrorKind::Unsupported);
    let text = error.to_string();
    assert!(
        text.contains("get_current_time") && text.contains("as toolbox lacks"),
        "{text}"
    );
}
