//! A server that runs as a child process: started, watched, ended, always reaped.

use std::{io, process::Stdio, sync::Arc, time::Duration};

use mcp_domain::{CommandTarget, Error, ErrorKind};
use rustix::{
    io::Errno,
    process::{Pid, Signal, kill_process_group},
};
use tokio::{
    process::{Child, ChildStdin, Command},
    sync::{Notify, watch},
    time::timeout,
};

mod last_words;
mod output;
mod witness;

use self::last_words::LastWords;
pub(crate) use self::{output::Output, witness::Witness};
use crate::secrets::Secrets;

/// How long a server may take to go after its input was closed, after SIGTERM, and
/// after it was killed.
const GRACE: Duration = Duration::from_secs(2);

/// A server's process.
///
/// It leads a process group of its own, so that a server behind a launcher (`npx`,
/// `uvx`) ends with it. Dropping it kills the group.
///
/// The child itself belongs to a task that waits for it, and so is reaped whatever
/// becomes of the `Process`.
#[derive(Debug)]
pub(crate) struct Process {
    group: Option<Group>,
    witness: Witness,
    kill: Arc<Notify>,
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
    /// Starts the program; returns its output and its input, too.
    pub(crate) fn start(
        target: &CommandTarget,
        secrets: &Secrets,
    ) -> Result<(Self, Output, ChildStdin), Error> {
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
        let cannot = |error| cannot_start(target, error);
        let mut child = command.spawn().map_err(cannot)?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(cannot(io::Error::other("its pipes are missing")));
        };
        let group = child.id().and_then(Group::led_by);
        let kill = Arc::new(Notify::new());
        let (exit, exited) = watch::channel(None);
        let watched = Watched { child, group };
        tokio::spawn(watched.until_it_ends(Arc::clone(&kill), exit));
        let witness = Witness::new(program, exited, LastWords::listen(errors, secrets.clone()));
        let output = Output::new(output, witness.clone());
        let process = Self {
            group,
            witness,
            kill,
        };
        Ok((process, output, input))
    }

    /// What is known of it, now and when it is gone.
    pub(crate) fn witness(&self) -> &Witness {
        &self.witness
    }

    /// Waits for the process to go, now that its input is closed; then asks it
    /// with SIGTERM, then kills it and all of its group.
    pub(crate) async fn end(self) -> Ending {
        let mut ending = Ending::Proper;
        if !self.gone_within_grace().await {
            self.signal(Signal::TERM);
            if !self.gone_within_grace().await {
                ending = Ending::Killed;
            }
        }
        self.kill();
        self.gone_within_grace().await;
        ending
    }

    async fn gone_within_grace(&self) -> bool {
        timeout(GRACE, self.witness.gone()).await.is_ok()
    }

    fn kill(&self) {
        self.signal(Signal::KILL);
        // In case the group could not be signalled.
        self.kill.notify_one();
    }

    fn signal(&self, signal: Signal) {
        // Once the child was reaped, its number may be that of another group.
        if let Some(group) = self.group
            && !self.witness.is_gone()
        {
            group.signal(signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Says why a program cannot be started, and whether it ever will be.
fn cannot_start(target: &CommandTarget, error: io::Error) -> Error {
    let program = target.program.display();
    let kind = error.kind();
    let missing = matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    let is_no_program = error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error());
    let why = match &target.cwd {
        Some(cwd) if !cwd.is_dir() => {
            format!(
                ": its working directory `{}` is no directory",
                cwd.display()
            )
        }
        _ if target.program.is_dir() => ": it is a directory".to_owned(),
        _ if missing && target.program.components().count() == 1 => {
            ": no program of that name is installed, or it is not in the PATH".to_owned()
        }
        _ if kind == io::ErrorKind::PermissionDenied => ": it may not be executed".to_owned(),
        _ if is_no_program => ": it is no program, nor a script that begins with `#!`".to_owned(),
        _ if missing && target.program.exists() => {
            ": the interpreter that its first line names is not there".to_owned()
        }
        _ => String::new(),
    };
    let message = format!("cannot start `{program}`{why}");
    let failure = Error::new(ErrorKind::ConnectFailed, message).with_source(error);
    // Others pass: too many processes or open files, a program that is being written.
    let stays = missing
        || is_no_program
        || matches!(
            kind,
            io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput
        );
    match stays {
        true => failure.persistent(),
        false => failure,
    }
}

/// All processes that a child has started and that have not left on purpose.
#[derive(Clone, Copy, Debug)]
struct Group(Pid);

impl Group {
    fn led_by(child: u32) -> Option<Self> {
        Pid::from_raw(child.cast_signed()).map(Self)
    }

    fn signal(self, signal: Signal) {
        // Fails only if nobody is left.
        let _ = kill_process_group(self.0, signal);
    }
}

/// A child that is waited for.
struct Watched {
    child: Child,
    group: Option<Group>,
}

impl Watched {
    async fn until_it_ends(mut self, kill: Arc<Notify>, exit: watch::Sender<Option<String>>) {
        loop {
            tokio::select! {
                status = self.child.wait() => {
                    // What it has started and left behind.
                    if let Some(group) = self.group {
                        group.signal(Signal::KILL);
                    }
                    exit.send_replace(status.ok().map(|status| status.to_string()));
                    return;
                }
                () = kill.notified() => {
                    let _ = self.child.start_kill();
                }
            }
        }
    }

    fn is_gone(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Watched {
    /// Acts only if the runtime ends before the child: there is nobody left to wait for it.
    fn drop(&mut self) {
        if self.is_gone() {
            return;
        }
        if let Some(group) = self.group {
            group.signal(Signal::KILL);
        }
        let _ = self.child.start_kill();
        // It takes a moment to die; whoever ends a runtime can wait for that.
        for _ in 0..50 {
            if self.is_gone() {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
