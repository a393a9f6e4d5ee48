//! The servers of others that are measured, and how each is asked.

use std::{fs, path::Path};

use mcp_domain::{CommandTarget, Target};
use mcp_transport::ClientConnector;
use serde_json::json;

use super::{Call, Foreign};

/// A server that `cargo xtask` installs.
#[derive(Debug)]
pub(super) struct Known {
    /// What the report calls it.
    pub(super) name: &'static str,
    program: &'static str,
    args: &'static [&'static str],
    env: Option<(&'static str, &'static str)>,
    tool: &'static str,
    /// The tool's only argument, and its value.
    argument: (&'static str, &'static str),
    expected: &'static str,
    /// Does it serve a database, as ours does?
    pub(super) is_database: bool,
}

pub(super) const KNOWN: [Known; 8] = [
    Known {
        name: "dbmcp (Rust)",
        program: "dbmcp",
        args: &[
            "stdio",
            "--db-backend",
            "sqlite",
            "--db-name",
            "some.sqlite",
        ],
        env: None,
        tool: "readQuery",
        argument: ("query", "select 40 + 2 as n"),
        expected: "42",
        is_database: true,
    },
    Known {
        name: "toolbox (Go)",
        program: "toolbox",
        args: &["--prebuilt", "sqlite", "--stdio"],
        env: Some(("SQLITE_DATABASE", "some.sqlite")),
        tool: "execute_sql",
        argument: ("sql", "select 40 + 2 as n"),
        expected: "42",
        is_database: true,
    },
    Known {
        name: "dbhub (Node)",
        program: "dbhub",
        args: &["--transport", "stdio", "--dsn", "sqlite:///:memory:"],
        env: None,
        tool: "execute_sql",
        argument: ("sql", "select 40 + 2 as n"),
        expected: "42",
        is_database: true,
    },
    Known {
        name: "everything (Node)",
        program: "mcp-server-everything",
        args: &["stdio"],
        env: None,
        tool: "echo",
        argument: ("message", "hello there"),
        expected: "hello there",
        is_database: false,
    },
    Known {
        name: "filesystem (Node)",
        program: "mcp-server-filesystem",
        args: &["."],
        env: None,
        tool: "read_text_file",
        argument: ("path", "note.txt"),
        expected: "the milk",
        is_database: false,
    },
    Known {
        name: "sqlite (Python)",
        program: "mcp-server-sqlite",
        args: &["--db-path", "some.sqlite"],
        env: None,
        tool: "read_query",
        argument: ("query", "select 40 + 2"),
        expected: "42",
        is_database: true,
    },
    Known {
        name: "time (Python)",
        program: "mcp-server-time",
        args: &[],
        env: None,
        tool: "get_current_time",
        argument: ("timezone", "Asia/Tokyo"),
        expected: "Asia/Tokyo",
        is_database: false,
    },
    Known {
        name: "alchemy (Python)",
        program: "mcp-alchemy",
        args: &[],
        env: Some(("DB_URL", "sqlite:///some.sqlite")),
        tool: "execute_query",
        argument: ("query", "select 40 + 2 as n"),
        expected: "42",
        is_database: true,
    },
];

impl Known {
    /// The server in a folder of its own.
    ///
    /// # Errors
    ///
    /// Why it cannot be measured, in words.
    pub(super) fn foreign(&self, installed: &Path) -> Result<Foreign, String> {
        let program = installed.join("bin").join(self.program);
        if !program.exists() {
            return Err("not installed".to_owned());
        }
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        // What a server reads; an empty file is an empty database.
        for (name, content) in [("note.txt", "remember the milk"), ("some.sqlite", "")] {
            fs::write(folder.path().join(name), content).map_err(|error| error.to_string())?;
        }
        let mut target = CommandTarget {
            program,
            args: self.args.iter().map(|arg| (*arg).to_owned()).collect(),
            cwd: Some(folder.path().to_owned()),
            ..CommandTarget::default()
        };
        if let Some((name, value)) = self.env {
            target.env.insert(name.to_owned(), value.to_owned());
        }
        let connector = ClientConnector::new(Target::Command(target));
        let (argument, value) = self.argument;
        Ok(Foreign {
            name: self.name.to_owned(),
            connector: connector.map_err(|error| error.chain().to_string())?,
            call: Call::Tool {
                name: self.tool.to_owned(),
                arguments: json!({ argument: value }),
                expected: self.expected.to_owned(),
            },
            _folder: Some(folder),
        })
    }
}
