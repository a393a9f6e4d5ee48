//! Servers as real child processes, written in the shell: each misbehaves in its
//! own way.

use std::{fs, path::PathBuf, time::Duration};

use mcp_domain::{CommandTarget, Target};
use mcp_transport::ClientConnector;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// What a server that knows its job would answer, as functions of the shell.
/// `$method` and `$id` are those of the request; notifications have no id.
const ANSWERS: &str = r#"
log="$FOLDER/log"
echo $$ > "$FOLDER/pid"
respond() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
refuse() { printf '{"jsonrpc":"2.0","id":%s,"error":{"code":%s,"message":"%s"}}\n' "$id" "$1" "$2"; }
initialized() { respond '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"shell","version":"1"}}'; }
legacy() {
    case "$method" in
        server/discover) refuse -32601 "Method not found" ;;
        initialize) initialized ;;
        ping) respond '{}' ;;
        tools/list) respond '{"tools":[]}' ;;
        tools/call) respond '{"content":[{"type":"text","text":"done"}]}' ;;
    esac
}
requests() {
    while IFS= read -r line; do
        method=${line#*\"method\":\"}; method=${method%%\"*}
        id=${line#*\"id\":}; id=${id%%[,\}]*}
        echo "$method" >> "$log"
        on_request
    done
}
"#;

/// A server in the shell, with a folder where it leaves its traces.
pub(crate) struct ShellServer {
    folder: TempDir,
    script: String,
}

impl ShellServer {
    /// A server that runs this script.
    pub(crate) fn new(script: &str) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            script: format!("{ANSWERS}\n{script}"),
        }
    }

    /// A server that does this with each request.
    pub(crate) fn answering(on_request: &str) -> Self {
        Self::new(&format!("on_request() {{\n{on_request}\n}}\nrequests"))
    }

    pub(crate) fn connector(&self) -> ClientConnector {
        let mut target = CommandTarget {
            program: "sh".into(),
            args: vec!["-c".into(), self.script.clone()],
            ..CommandTarget::default()
        };
        target.env.insert("FOLDER".into(), self.folder());
        ClientConnector::new(Target::Command(target)).unwrap()
    }

    /// What its shell runs, with its folder in `FOLDER`.
    pub(crate) fn script(&self) -> &str {
        &self.script
    }

    /// Where it leaves its traces.
    pub(crate) fn folder(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// The methods it was asked for, over all its processes.
    pub(crate) fn asked_for(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// The process that was started last.
    pub(crate) fn pid(&self) -> u32 {
        self.number("pid")
    }

    /// A number that the script has left in a file of this name.
    pub(crate) fn number(&self, file: &str) -> u32 {
        let text = fs::read_to_string(self.path(file)).unwrap();
        text.trim().parse().unwrap()
    }

    /// Leaves an empty file for the script to see.
    pub(crate) fn touch(&self, file: &str) {
        fs::write(self.path(file), "").unwrap();
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }
}

/// Is there such a process, be it a zombie?
pub(crate) fn exists(pid: u32) -> bool {
    PathBuf::from(format!("/proc/{pid}")).exists()
}

/// Is there such a process, and not as a zombie?
pub(crate) fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .map(|(_, rest)| rest.starts_with('Z'));
    state == Some(false)
}

/// Waits until it is so, and fails if it never is.
#[track_caller]
pub(crate) fn eventually(what: impl Fn() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let start = Instant::now();
        while !what() {
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "never so: {caller}"
            );
            sleep(Duration::from_millis(5)).await;
        }
    }
}
