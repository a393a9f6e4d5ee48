//! Colours, where a person looks on.

use std::{
    env,
    io::{self, IsTerminal as _},
};

use clap::ValueEnum;

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// Always.
    Always,
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Never.
    Never,
}

/// Colours for one stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Colours {
    on: bool,
}

impl Colours {
    /// For standard output.
    pub(crate) fn for_answers(when: When) -> Self {
        Self::of(when, io::stdout().is_terminal())
    }

    /// For standard error.
    pub(crate) fn for_errors(when: When) -> Self {
        Self::of(when, io::stderr().is_terminal())
    }

    fn of(when: When, is_terminal: bool) -> Self {
        let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let on = match when {
            When::Always => true,
            When::Auto => is_terminal && !set("NO_COLOR") && !dumb,
            When::Never => false,
        };
        Self { on }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.paint("36", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.on {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
