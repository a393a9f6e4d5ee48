//! How a server is reached.
//!
//! Plain data: nothing here is looked up or opened. Values of environment
//! variables and headers are often credentials, so `Debug` and `Display` show
//! only their names.

use std::{collections::BTreeMap, fmt, path::PathBuf};

/// How a server is reached.
///
/// An in-process server has no target: its connector is made from the server itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// A program to start, spoken to over its standard input and output.
    Command(CommandTarget),
    /// A Streamable HTTP endpoint.
    Http(HttpTarget),
}

impl Target {
    /// A program to start, with its arguments.
    pub fn command<I>(program: impl Into<PathBuf>, args: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Self::Command(CommandTarget {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            ..CommandTarget::default()
        })
    }

    /// A Streamable HTTP endpoint.
    pub fn http(url: impl Into<String>) -> Self {
        Self::Http(HttpTarget {
            url: url.into(),
            headers: BTreeMap::new(),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(command) => write!(f, "{}", command.program.display()),
            Self::Http(http) => f.write_str(&without_credentials(&http.url)),
        }
    }
}

/// A program to start.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CommandTarget {
    /// The program: a path, or a name to be found in `PATH`.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Environment variables beside those that are inherited.
    pub env: BTreeMap<String, String>,
    /// Its working directory. Default: that of this process.
    pub cwd: Option<PathBuf>,
}

impl fmt::Debug for CommandTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandTarget")
            .field("program", &self.program)
            .field("args", &self.args)
            .field("env", &self.env.keys())
            .field("cwd", &self.cwd)
            .finish()
    }
}

/// A Streamable HTTP endpoint.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HttpTarget {
    /// The endpoint, such as `http://127.0.0.1:8000/mcp`.
    pub url: String,
    /// Headers for every request, such as `authorization`.
    pub headers: BTreeMap<String, String>,
}

impl fmt::Debug for HttpTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTarget")
            .field("url", &without_credentials(&self.url))
            .field("headers", &self.headers.keys())
            .finish()
    }
}

/// The URL without user, password, query and fragment, each of which may hold a secret.
fn without_credentials(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_show_nowhere() {
        let mut http = HttpTarget {
            url: "https://user:hunter2@example.org/mcp?token=hunter2#hunter2".into(),
            ..HttpTarget::default()
        };
        http.headers
            .insert("authorization".into(), "hunter2".into());
        let mut command = CommandTarget {
            program: "server".into(),
            ..CommandTarget::default()
        };
        command.env.insert("PASSWORD".into(), "hunter2".into());
        for target in [Target::Http(http), Target::Command(command)] {
            let shown = format!("{target} {target:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn a_url_is_shown_as_host_and_path() {
        let shown = Target::http("http://127.0.0.1:8000/mcp").to_string();
        assert_eq!(shown, "http://127.0.0.1:8000/mcp");
        assert_eq!(Target::http("http://h").to_string(), "http://h");
    }
}
