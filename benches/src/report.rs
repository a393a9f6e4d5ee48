//! All that was measured in one run, and the ways to tell it.

use std::{fs::OpenOptions, io::Write as _, path::Path, time::Duration};

use mcp_domain::{Error, ErrorKind};
use serde::Serialize;

use crate::{machine::Machine, section::Section, words};

mod html;
mod markdown;
mod text;

/// The layout of the JSON; rises when a field changes its meaning.
pub(crate) const SCHEMA: u32 = 2;

/// All that was measured in one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema: u32,
    machine: Machine,
    /// Was it content with few samples?
    quick: bool,
    /// How long it took.
    seconds: f64,
    sections: Vec<Section>,
}

impl Report {
    pub(crate) fn new(
        machine: Machine,
        quick: bool,
        took: Duration,
        sections: Vec<Section>,
    ) -> Self {
        Self {
            schema: SCHEMA,
            machine,
            quick,
            seconds: took.as_secs_f64(),
            sections,
        }
    }

    /// What to know before any figure is read.
    fn head(&self) -> String {
        let took = words::minutes(self.seconds);
        let quick = if self.quick {
            " with `--quick`: a tenth of the samples at most, and the longer ways while the rest was measured"
        } else {
            ""
        };
        format!("{} Measured in {took}{quick}.", self.machine.line())
    }

    /// Writes the tables to standard output.
    pub(crate) fn print(&self) {
        // Whoever closes the pipe has seen enough.
        let _ = std::io::stdout().write_all(text::of(self).as_bytes());
    }

    /// Where the pool is not ahead.
    fn behind(&self) -> Vec<String> {
        let lines = self.sections.iter().flat_map(Section::behind);
        lines.collect()
    }

    /// Writes one page with drawings, for a browser.
    pub(crate) fn write_html(&self, file: &Path) -> Result<(), Error> {
        write(file, &html::of(self))
    }

    /// Writes `README.md` and its drawings into a folder.
    pub(crate) fn write_markdown(&self, folder: &Path) -> Result<(), Error> {
        std::fs::create_dir_all(folder).map_err(|error| cannot_write(folder, error))?;
        let (page, files) = markdown::of(self);
        for (name, drawing) in files {
            write(&folder.join(name), &drawing)?;
        }
        write(&folder.join("README.md"), &page)
    }

    /// Writes the figures to a file, for programs.
    pub(crate) fn write_json(&self, file: &Path) -> Result<(), Error> {
        let json = serde_json::to_string_pretty(self);
        let json = json.map_err(|error| cannot_write(file, error.into()))?;
        write(file, &(json + "\n"))
    }
}

/// Tells early that a file cannot be written.
pub(crate) fn can_write(file: &Path) -> Result<(), Error> {
    let known = std::fs::metadata(file);
    if known
        .as_ref()
        .is_ok_and(|known| !known.is_file() && !known.is_dir())
    {
        // A pipe that was opened and closed would have ended.
        return Ok(());
    }
    let opened = OpenOptions::new().append(true).create(true).open(file);
    opened.map_err(|error| cannot_write(file, error))?;
    if known.is_err() {
        std::fs::remove_file(file).map_err(|error| cannot_write(file, error))?;
    }
    Ok(())
}

/// Tells early that a folder cannot be written into; makes it.
pub(crate) fn can_write_into(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|error| cannot_write(folder, error))?;
    can_write(&folder.join("README.md"))
}

fn write(file: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(file, text).map_err(|error| cannot_write(file, error))
}

fn cannot_write(file: &Path, error: std::io::Error) -> Error {
    let message = format!("cannot write `{}`", file.display());
    Error::new(ErrorKind::InvalidInput, message).with_source(error)
}
