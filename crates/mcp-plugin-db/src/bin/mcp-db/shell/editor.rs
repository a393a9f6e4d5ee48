//! The line editor: history, completion, statements over several lines.

use std::{borrow::Cow, env, fs, path::PathBuf, sync::Arc};

use mcp_domain::{Error, ErrorKind};
use rustyline::{
    CompletionType, Config, Context, Helper,
    completion::Completer,
    error::ReadlineError,
    highlight::Highlighter,
    hint::Hinter,
    history::FileHistory,
    validate::{ValidationContext, ValidationResult, Validator},
};

use super::{command::is_whole, words::Words};
use crate::colour::Colours;

const PROMPT: &str = "mcp-db> ";

/// How many statements are remembered.
const REMEMBERED: usize = 10_000;

/// What the user typed.
#[derive(Debug)]
pub(super) enum Line {
    End,
    Interrupted,
    Text(String),
}

/// The line editor. Reading blocks.
pub(super) struct Editor {
    editor: rustyline::Editor<Assistant, FileHistory>,
    history: Option<PathBuf>,
}

impl Editor {
    pub(super) fn new(words: Arc<Words>, colours: Colours) -> Result<Self, Error> {
        let config = Config::builder()
            .max_history_size(REMEMBERED)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(|error| failed(&error))?
            // As shells have it: for what nobody is to find later.
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .build();
        let mut editor = rustyline::Editor::with_config(config).map_err(|error| failed(&error))?;
        editor.set_helper(Some(Assistant { words, colours }));
        let history = history();
        if let Some(path) = &history {
            // None the first time.
            let _ = editor.load_history(path);
        }
        Ok(Self { editor, history })
    }

    /// The next statement or command.
    ///
    /// # Errors
    ///
    /// If the terminal cannot be read.
    pub(super) fn read(&mut self) -> Result<Line, Error> {
        match self.editor.readline(PROMPT) {
            Ok(text) => {
                if !text.trim().is_empty()
                    && matches!(self.editor.add_history_entry(&text), Ok(true))
                {
                    self.remember();
                }
                Ok(Line::Text(text))
            }
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(ReadlineError::Interrupted) => Ok(Line::Interrupted),
            Err(error) => Err(failed(&error)),
        }
    }

    /// At once, so that nothing is lost if the program is killed.
    fn remember(&mut self) {
        if let Some(path) = &self.history
            && let Err(error) = self.editor.append_history(path)
        {
            tracing::warn!(%error, "cannot write the history to {}", path.display());
            self.history = None;
        }
    }
}

/// Where the history is kept, if there is such a place.
fn history() -> Option<PathBuf> {
    let folder = |name| env::var_os(name).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").filter(|folder| folder.is_absolute());
    let home = || Some(folder("HOME")?.join(".local/state"));
    let folder = state.or_else(home)?.join("mcp-db");
    fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

/// Completes names, and knows whether a statement is whole.
struct Assistant {
    words: Arc<Words>,
    colours: Colours,
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.words.complete(line, cursor))
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_whole(context.input()) {
            ValidationResult::Valid(None)
        } else {
            ValidationResult::Incomplete
        })
    }
}

impl Highlighter for Assistant {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        _default: bool,
    ) -> Cow<'b, str> {
        Cow::Owned(self.colours.cyan(prompt))
    }
}

impl Hinter for Assistant {
    type Hint = String;
}

impl Helper for Assistant {}

fn failed(error: &ReadlineError) -> Error {
    let message = format!("the line editor has failed: {error}");
    Error::new(ErrorKind::Unsupported, message)
}
