//! Databases with the fixture of the suite: an SQLite file, a PostgreSQL server, a MariaDB.

mod mariadb;

use std::{
    env, fs,
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

pub(crate) use self::mariadb::MariaDb;
use crate::suite::FIXTURE;

/// An SQLite file with the fixture.
pub(crate) fn sqlite(folder: &Path) -> String {
    let path = folder.join("things.sqlite");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute_batch(FIXTURE).unwrap();
    path.display().to_string()
}

/// Neither server runs as root: then it runs as `nobody`.
const NOBODY: u32 = 65534;

/// A PostgreSQL of this test's own, with the fixture, at a free port of the loopback;
/// stopped when it is dropped.
pub(crate) struct Postgres {
    programs: PathBuf,
    folder: TempDir,
    pub(crate) port: u16,
}

impl Postgres {
    /// Nothing where none is installed, which is not to be where `CI` is set.
    pub(crate) fn start() -> Option<Self> {
        let programs = programs();
        let wanted = env::var_os("CI").is_some();
        assert!(programs.is_some() || !wanted, "CI needs PostgreSQL");
        let programs = programs?;
        let folder = home();
        let mut postgres = Self {
            programs,
            folder,
            port: 0,
        };
        let made = postgres.run(
            "initdb",
            &[
                "-D",
                "data",
                "-A",
                "trust",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale=C",
                "-N",
            ],
        );
        assert!(made, "initdb failed");
        // Another process may take the port before PostgreSQL does.
        let started = (0..20).any(|_| {
            postgres.port = free_port();
            let options = format!(
                "-p {} -h 127.0.0.1 -c unix_socket_directories= -c fsync=off",
                postgres.port
            );
            let start = ["start", "-w", "-D", "data", "-l", "log", "-o", &options];
            postgres.run("pg_ctl", &start)
        });
        assert!(started, "no port was free");
        let url = postgres.url();
        let sql = format!(
            "CREATE ROLE app LOGIN; {FIXTURE} GRANT SELECT ON ALL TABLES IN SCHEMA public TO app"
        );
        assert!(postgres.run("psql", &[&url, "-q", "-v", "ON_ERROR_STOP=1", "-c", &sql]));
        Some(postgres)
    }

    /// The address for the role that may do everything.
    pub(crate) fn url(&self) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The address for the role that may only read.
    pub(crate) fn reader(&self) -> String {
        format!("postgresql://app@127.0.0.1:{}/postgres", self.port)
    }

    fn run(&self, program: &str, args: &[&str]) -> bool {
        let mut command = Command::new(self.programs.join(program));
        command.args(args).current_dir(self.folder.path());
        as_nobody(&mut command);
        // To files: a server that stays keeps a pipe open.
        let mut output = fs::File::options();
        output.create(true).append(true);
        let output = output.open(self.folder.path().join("output")).unwrap();
        command.stdout(output.try_clone().unwrap()).stderr(output);
        command.status().unwrap().success()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.run("pg_ctl", &["stop", "-w", "-m", "immediate", "-D", "data"]);
    }
}

/// Where Debian's packages put the newest version.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let folders = versions.map(|version| version.path().join("bin"));
    folders
        .filter(|folder| folder.join("initdb").is_file())
        .max()
}

/// A folder for the data of a server, which can write there whoever it runs as.
fn home() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    if is_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    folder
}

fn as_nobody(command: &mut Command) {
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A port of the loopback that nobody listens at right now.
fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}
