//! A PostgreSQL of the test's own: made, started, filled, and gone with it.

mod template;

use std::{
    env,
    fs::{self, Permissions},
    io,
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use mcp_server_db::{DatabaseServer, Options};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt as _};
use tokio::time::{Instant, sleep};
use tokio_postgres::NoTls;

use crate::client::{Client, config};

const PASSWORD: &str = "kept-secret";

/// PostgreSQL refuses to run as root, so root runs it as `nobody`.
const NOBODY: u32 = 65534;

/// A running cluster. Stopped when dropped.
pub(crate) struct Cluster {
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    server: Child,
}

impl Cluster {
    /// A cluster with the sample shop, or `None` where there is no PostgreSQL to be
    /// found. On a machine with `CI=true` there has to be one.
    pub(crate) async fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            assert_ne!(env::var("CI").as_deref(), Ok("true"), "CI needs PostgreSQL");
            #[expect(clippy::print_stderr, reason = "whoever runs the tests wants to know")]
            {
                eprintln!("skipped: there is no PostgreSQL under /usr/lib/postgresql");
            }
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        template::copy(&programs, folder.path());
        let (server, port) = launch(&programs, folder.path());
        let cluster = Self {
            programs,
            folder,
            port,
            server,
        };
        cluster.ready().await;
        Some(cluster)
    }

    /// Waits until it takes connections.
    async fn ready(&self) {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            match self.connect().await {
                Ok(_) => return,
                Err(error) => assert!(Instant::now() < end, "not ready: {error}: {}", self.log()),
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    async fn connect(&self) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
        self.connect_to("postgres").await
    }

    async fn connect_to(
        &self,
        database: &str,
    ) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
        let url = self.url("postgres", database);
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Where it may write.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whoever may do everything.
    pub(crate) async fn admin(&self) -> tokio_postgres::Client {
        self.connect().await.unwrap()
    }

    /// The same, in another database.
    pub(crate) async fn admin_of(&self, database: &str) -> tokio_postgres::Client {
        self.connect_to(database).await.unwrap()
    }

    /// The address for a role.
    pub(crate) fn url(&self, role: &str, database: &str) -> String {
        let port = self.port;
        format!("postgres://{role}:{PASSWORD}@127.0.0.1:{port}/{database}")
    }

    /// The address for the role that may only read, at this name of the loopback.
    pub(crate) fn reader_at(&self, host: &str, options: &str) -> String {
        let port = self.port;
        format!("postgres://reader:{PASSWORD}@{host}:{port}/postgres?{options}")
    }

    /// A server for the role that may only read.
    pub(crate) fn server(&self, options: &Options) -> DatabaseServer {
        DatabaseServer::open(&self.url("reader", "postgres"), options).unwrap()
    }

    /// A client of such a server.
    pub(crate) async fn client(&self, options: &Options) -> Client {
        connect(self.server(options), ClientLifecycleMode::Initialize).await
    }

    /// From now on it has TLS, with this certificate and key (PEM).
    pub(crate) async fn protect(&mut self, certificate: &str, key: &str) {
        self.stop();
        let data = self.folder.path().join("data");
        fs::write(data.join("server.crt"), certificate).unwrap();
        fs::write(data.join("server.key"), key).unwrap();
        let readable = Permissions::from_mode(0o600);
        fs::set_permissions(data.join("server.key"), readable).unwrap();
        let settings = data.join("postgresql.conf");
        let mut lines = fs::read_to_string(&settings).unwrap();
        lines.push_str("\nssl = on\n");
        fs::write(&settings, lines).unwrap();
        template::hand_over(&data);
        self.start_again().await;
    }

    /// From now on `reader` is asked for a certificate by this authority (PEM), and for
    /// nothing else. It has to have TLS by then.
    pub(crate) async fn demand_certificates(&mut self, authority: &str) {
        self.stop();
        let data = self.folder.path().join("data");
        fs::write(data.join("authority.crt"), authority).unwrap();
        for (file, first) in [
            ("postgresql.conf", "ssl_ca_file = 'authority.crt'\n"),
            ("pg_hba.conf", "hostssl all reader 127.0.0.1/32 cert\n"),
        ] {
            let rest = fs::read_to_string(data.join(file)).unwrap();
            fs::write(data.join(file), first.to_owned() + &rest).unwrap();
        }
        template::hand_over(&data);
        self.start_again().await;
    }

    /// Where it listens, on the loopback.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Stops at once, as if the power had failed.
    pub(crate) fn stop(&mut self) {
        let stopped = command(&self.programs, "pg_ctl", self.folder.path())
            .args(["stop", "--mode=immediate", "--silent", "--pgdata"])
            .arg(self.folder.path().join("data"))
            .status();
        assert!(stopped.unwrap().success(), "{}", self.log());
        self.server.wait().unwrap();
    }

    /// Starts again, at the same port.
    pub(crate) async fn start_again(&mut self) {
        self.server = spawn(&self.programs, self.folder.path(), self.port).unwrap();
        self.ready().await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if matches!(self.server.try_wait(), Ok(None)) {
            self.stop();
        }
    }
}

/// A client over a stream within this process.
pub(crate) async fn connect(server: DatabaseServer, mode: ClientLifecycleMode) -> Client {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(server.serve_stream(theirs));
    config().serve_with_lifecycle(ours, mode).await.unwrap()
}

/// Where Debian's packages put the newest version.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut versions: Vec<_> = versions
        .map(|version| version.unwrap().path().join("bin"))
        .filter(|folder| folder.join("initdb").is_file())
        .collect();
    versions.sort();
    versions.pop()
}

/// A program of PostgreSQL's, run as somebody who is not root.
fn command(programs: &Path, name: &str, folder: &Path) -> Command {
    let mut command = Command::new(programs.join(name));
    command.current_dir(folder).stdin(Stdio::null());
    // Root has handed the folder over before.
    let owner = fs::metadata(folder).unwrap();
    if owner.uid() == NOBODY {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Tries ports until one is free: another process may take it before us.
fn launch(programs: &Path, folder: &Path) -> (Child, u16) {
    for _ in 0..20 {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        if let Ok(child) = spawn(programs, folder, port) {
            return (child, port);
        }
    }
    panic!("no port was free");
}

/// Starts the server, and sees it listen.
fn spawn(programs: &Path, folder: &Path, port: u16) -> io::Result<Child> {
    let log = fs::File::create(folder.join("log"))?;
    let mut child = command(programs, "postgres", folder)
        .args(["-D", "data", "-p", &port.to_string()])
        .args([
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
        ])
        .args(["-c", "fsync=off", "-c", "shared_buffers=16MB"])
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    loop {
        let log = fs::read_to_string(folder.join("log"))?;
        if log.contains("listening on IPv4 address") {
            return Ok(child);
        }
        if child.try_wait()?.is_some() {
            return Err(io::Error::other(log));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
