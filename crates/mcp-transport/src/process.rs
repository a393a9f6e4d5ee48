//! A server that runs as a child process: started, watched, ended, always reaped.

use std::{
    collections::VecDeque,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use mcp_domain::{CommandTarget, Error, ErrorKind};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
    time::timeout,
};

/// How long a server may take to go after its input was closed, and again after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// How many of its last lines on standard error are kept, and how much of each.
const LAST_WORDS: usize = 5;
const LONGEST_LINE: u64 = 1000;

/// A server's process.
///
/// It leads a process group of its own, so that a server behind a launcher (`npx`,
/// `uvx`) ends with it. Dropping it kills the group.
#[derive(Debug)]
pub(crate) struct Process {
    program: String,
    child: Option<Child>,
    group: Option<Pid>,
    last_words: LastWords,
    listener: JoinHandle<()>,
}

/// How a process was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It went when its input was closed, or on SIGTERM.
    Proper,
    /// It had to be killed.
    Killed,
}

impl Process {
    /// Starts the program.
    pub(crate) fn start(target: &CommandTarget) -> Result<(Self, ChildStdout, ChildStdin), Error> {
        let program = target.program.display().to_string();
        let mut command = Command::new(&target.program);
        command
            .args(&target.args)
            .envs(&target.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(cwd) = &target.cwd {
            command.current_dir(cwd);
        }
        let cannot = |error: std::io::Error| {
            Error::new(
                ErrorKind::ConnectFailed,
                format!("cannot start `{program}`"),
            )
            .with_source(error)
        };
        let mut child = command.spawn().map_err(cannot)?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(cannot(std::io::Error::other("its pipes are missing")));
        };
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let last_words = LastWords::default();
        let listener = tokio::spawn(last_words.clone().listen(errors));
        let process = Self {
            program,
            child: Some(child),
            group,
            last_words,
            listener,
        };
        Ok((process, output, input))
    }

    /// Adds what the process said last, and how it ended if it did, to an error.
    pub(crate) async fn explain(&mut self, error: Error) -> Error {
        // One that closed its output is about to end; its status says more.
        let status = match &mut self.child {
            Some(child) => timeout(Duration::from_millis(500), child.wait()).await.ok(),
            None => None,
        };
        if let Some(Ok(_)) = status {
            // All that it said is in the pipe, unless a child of its own holds that open.
            let _ = timeout(Duration::from_millis(200), &mut self.listener).await;
        }
        let mut message = match status {
            Some(Ok(status)) => format!("`{}` ended with {status}", self.program),
            _ => format!("`{}`", self.program),
        };
        let last_words = self.last_words.get();
        if !last_words.is_empty() {
            message.push_str(&format!(", saying: {last_words}"));
        }
        Error::new(error.kind(), message).with_source(error)
    }

    /// Waits for the process to go, now that its input is closed; then asks it
    /// with SIGTERM, then kills it and all of its group.
    pub(crate) async fn end(mut self) -> Ending {
        let ending = if self.gone_within(GRACE).await {
            Ending::Proper
        } else {
            self.signal(Signal::TERM);
            if self.gone_within(GRACE).await {
                Ending::Proper
            } else {
                Ending::Killed
            }
        };
        // What it may have left behind in its group.
        self.signal(Signal::KILL);
        if let Some(child) = &mut self.child {
            // In case the group could not be signalled: the wait must end.
            let _ = child.start_kill();
            let _ = child.wait().await;
        }
        self.child = None;
        ending
    }

    async fn gone_within(&mut self, limit: Duration) -> bool {
        match &mut self.child {
            Some(child) => timeout(limit, child.wait()).await.is_ok(),
            None => true,
        }
    }

    /// Signals the whole group, which exists for as long as any process is in it.
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // Fails only if nobody is left.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.listener.abort();
        let Some(mut child) = self.child.take() else {
            return;
        };
        self.signal(Signal::KILL);
        // Only waiting reaps it. Without a runtime, `kill_on_drop` leaves that to
        // the next one that this process starts.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = child.wait().await;
            });
        }
    }
}

/// The last lines that a server wrote to its standard error.
#[derive(Clone, Debug, Default)]
struct LastWords(Arc<Mutex<VecDeque<String>>>);

impl LastWords {
    async fn listen(self, errors: impl AsyncRead + Unpin) {
        let mut errors = BufReader::new(errors);
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut bounded = (&mut errors).take(LONGEST_LINE);
            match bounded.read_until(b'\n', &mut line).await {
                Ok(0) | Err(_) => return,
                Ok(_) => self.push(String::from_utf8_lossy(&line).trim()),
            }
        }
    }

    fn push(&self, line: &str) {
        if line.is_empty() {
            return;
        }
        tracing::debug!(target: "mcp_transport::stderr", "{line}");
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LAST_WORDS {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }

    /// All of them on one line.
    fn get(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect::<Vec<_>>().join(" | ")
    }
}
