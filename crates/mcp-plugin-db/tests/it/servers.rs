//! The program `mcp-db` as a server, over standard input and output and over HTTP.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use mcp_domain::Target;
use mcp_server_db::sample;
use mcp_transport::ClientConnector;
use tokio::time::sleep;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-db");

/// The sample database. Kept between runs: it is always the same.
pub(crate) fn shop() -> &'static PathBuf {
    static SHOP: OnceLock<PathBuf> = OnceLock::new();
    SHOP.get_or_init(|| sample::ensure(env!("CARGO_TARGET_TMPDIR").as_ref()).unwrap())
}

/// A connector that starts the program as its server.
pub(crate) fn stdio() -> ClientConnector {
    let shop = shop().display().to_string();
    ClientConnector::new(Target::command(PROGRAM, ["serve", "--", &shop])).unwrap()
}

/// The program as an HTTP server; killed when it is dropped.
pub(crate) struct HttpServer {
    child: Child,
    pub(crate) url: String,
}

impl HttpServer {
    /// Serves at this address of the loopback; port 0 for a free one.
    pub(crate) fn start(address: &str) -> Self {
        Self::serve(address, &["--", &shop().display().to_string()])
    }

    /// Serves what the arguments say.
    pub(crate) fn serve(address: &str, args: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--http", address])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        Self { child, url }
    }

    pub(crate) fn address(&self) -> String {
        let address = self.url.trim_start_matches("http://");
        address.trim_end_matches("/mcp").to_owned()
    }

    pub(crate) fn connector(&self) -> ClientConnector {
        ClientConnector::new(Target::http(&self.url)).unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for it to end by itself.
    pub(crate) fn wait_for_success(&mut self) {
        assert!(self.child.wait().unwrap().success());
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The children of this process, zombies included.
pub(crate) fn children() -> Vec<u32> {
    let me = std::process::id();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut children: Vec<u32> = pids
        .filter(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let fields = stat.rsplit_once(") ").map(|(_, rest)| rest);
            let parent = fields.and_then(|fields| fields.split(' ').nth(1)?.parse::<u32>().ok());
            parent == Some(me)
        })
        .collect();
    children.sort_unstable();
    children
}

/// The open file descriptors of this process that are sockets or pipes.
pub(crate) fn descriptors() -> usize {
    let links = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let targets = links.filter_map(|entry| fs::read_link(entry.path()).ok());
    let channels = targets.filter(|target| {
        let target = target.to_string_lossy();
        target.starts_with("socket:") || target.starts_with("pipe:")
    });
    channels.count()
}

/// Waits for this to be true; in vain, until the test's time is up.
pub(crate) async fn until(mut come_true: impl FnMut() -> bool) {
    while !come_true() {
        sleep(Duration::from_millis(5)).await;
    }
}
