//! `mcp-db shell`: statements, and commands that begin with a backslash.

mod command;
mod editor;
mod words;

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
    sync::Arc,
};

use mcp_domain::{Error, ErrorKind};
use mcp_plugin_db::DatabasePlugin;
use tokio::task::{AbortHandle, spawn_blocking};

use self::{
    command::{Command, HELP, Input, parse},
    editor::{Editor, Line},
    words::Words,
};
use crate::{
    ask::answer,
    print::{self, Style},
    progress,
    report::report,
    signal::{INTERRUPTED, Interrupts},
    stats,
};

/// What the shell works with.
pub(crate) struct Shell {
    pub(crate) plugin: DatabasePlugin,
    pub(crate) style: Style,
    pub(crate) interrupts: Interrupts,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Cancelled,
    Failed,
    Quit,
    Well,
}

impl Shell {
    /// Reads statements and commands until there are no more, or the user has enough.
    ///
    /// # Errors
    ///
    /// If the server that is to be there from the start is not, or the terminal cannot be
    /// read or written.
    pub(crate) async fn run(mut self) -> Result<ExitCode, Error> {
        tokio::select! {
            opened = Box::pin(self.plugin.initialize()) => opened?,
            () = self.interrupts.next() => return Ok(ExitCode::from(INTERRUPTED)),
        }
        if io::stdin().is_terminal() {
            self.converse().await?;
            Ok(ExitCode::SUCCESS)
        } else {
            self.script().await
        }
    }

    /// With a person.
    async fn converse(&mut self) -> Result<(), Error> {
        let words = Arc::new(Words::default());
        // Beside all else: a database may have thousands of tables.
        let gathering = tokio::spawn(Arc::clone(&words).gather(self.plugin.clone()));
        let _gathering = Stop(gathering.abort_handle());
        print::out("End statements with `;`. \\? is help, \\q quits.")?;
        let mut editor = Editor::new(words, self.style.colours)?;
        let mut interrupted = false;
        loop {
            let reading = spawn_blocking(move || {
                let line = editor.read();
                (editor, line)
            });
            let (returned, line) = reading.await.map_err(broken)?;
            editor = returned;
            let text = match line? {
                Line::Text(text) => text,
                Line::Interrupted if !interrupted => {
                    interrupted = true;
                    print::out("Ctrl-C again, Ctrl-D or \\q quits.")?;
                    continue;
                }
                Line::End | Line::Interrupted => return Ok(()),
            };
            match self.obey(&text).await? {
                Ended::Quit => return Ok(()),
                ended => interrupted = ended == Ended::Cancelled,
            }
        }
    }

    /// With what somebody has written before; a failure does not stop it.
    async fn script(&mut self) -> Result<ExitCode, Error> {
        let mut input = Input::default();
        let mut well = ExitCode::SUCCESS;
        loop {
            // The next line may be long in coming: who waits for it still hears signals.
            let reading = spawn_blocking(|| io::stdin().lines().next().transpose());
            let line = tokio::select! {
                line = reading => line.map_err(broken)?.map_err(unreadable)?,
                () = self.interrupts.next() => return Ok(ExitCode::from(INTERRUPTED)),
            };
            let last = line.is_none();
            let text = match line {
                Some(line) => input.push(&line),
                None => input.rest(),
            };
            if let Some(text) = text {
                match self.obey(&text).await? {
                    Ended::Quit => return Ok(well),
                    Ended::Cancelled => return Ok(ExitCode::from(INTERRUPTED)),
                    Ended::Failed => well = ExitCode::FAILURE,
                    Ended::Well => {}
                }
            }
            if last {
                return Ok(well);
            }
        }
    }

    /// Does what one statement or command says.
    async fn obey(&mut self, text: &str) -> Result<Ended, Error> {
        let command = match parse(text) {
            Ok(command) => command,
            Err(error) => {
                report(&error, self.style.errors);
                return Ok(Ended::Failed);
            }
        };
        if matches!(command, Command::Quit) {
            return Ok(Ended::Quit);
        }
        let work = Box::pin(async {
            match command {
                Command::Ask(ask) => answer(&self.plugin, self.style, ask).await.map(Some),
                Command::Format(format) => {
                    self.style.format = format;
                    Ok(None)
                }
                Command::Help => Ok(Some(HELP.to_owned())),
                Command::Nothing | Command::Quit => Ok(None),
                Command::Stats => stats::show(&self.plugin, self.style).await.map(Some),
            }
        });
        let done = tokio::select! {
            done = progress::shown(work) => done,
            // Dropping the work cancels the statement at the server.
            () = self.interrupts.next() => {
                report(&Error::new(ErrorKind::Closed, "cancelled"), self.style.errors);
                return Ok(Ended::Cancelled);
            }
        };
        match done {
            Ok(None) => Ok(Ended::Well),
            Ok(Some(text)) => print::out(&text).map(|()| Ended::Well),
            Err(error) => {
                report(&error, self.style.errors);
                Ok(Ended::Failed)
            }
        }
    }
}

/// Ends a task with its owner.
struct Stop(AbortHandle);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn broken(error: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Unsupported, "the reader of lines has failed").with_source(error)
}

fn unreadable(error: io::Error) -> Error {
    let message = "cannot read standard input";
    Error::new(ErrorKind::InvalidInput, message).with_source(error)
}
