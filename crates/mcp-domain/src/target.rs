//! How a server is reached.
//!
//! Plain data: nothing here is looked up or opened. Values of environment
//! variables and headers, arguments and parts of URLs are often credentials, so
//! `Debug` and `Display` show at most their names.

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
    /// A server that listens at a Unix socket.
    Unix(UnixTarget),
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

    /// A Unix socket where a server speaks as over standard input and output: one
    /// JSON message a line.
    pub fn unix(socket: impl Into<PathBuf>) -> Self {
        Self::Unix(UnixTarget {
            socket: socket.into(),
            speech: UnixSpeech::Lines,
        })
    }

    /// A Unix socket where a server speaks Streamable HTTP; the endpoint is a path
    /// such as `/mcp`.
    pub fn http_over_unix(socket: impl Into<PathBuf>, endpoint: impl Into<String>) -> Self {
        Self::Unix(UnixTarget {
            socket: socket.into(),
            speech: UnixSpeech::Http {
                endpoint: endpoint.into(),
                headers: BTreeMap::new(),
            },
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(command) => write!(f, "{}", command.program.display()),
            Self::Http(http) => http.fmt(f),
            Self::Unix(unix) => unix.fmt(f),
        }
    }
}

impl From<CommandTarget> for Target {
    fn from(target: CommandTarget) -> Self {
        Self::Command(target)
    }
}

impl From<HttpTarget> for Target {
    fn from(target: HttpTarget) -> Self {
        Self::Http(target)
    }
}

impl From<UnixTarget> for Target {
    fn from(target: UnixTarget) -> Self {
        Self::Unix(target)
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
            .field("args", &format_args!("{} of them", self.args.len()))
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

impl fmt::Display for HttpTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_credentials(&self.url))
    }
}

impl fmt::Debug for HttpTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTarget")
            .field("url", &format_args!("{self}"))
            .field("headers", &self.headers.keys())
            .finish()
    }
}

/// A server that listens at a Unix socket.
#[derive(Clone, PartialEq, Eq)]
pub struct UnixTarget {
    /// The socket's path.
    pub socket: PathBuf,
    /// What is spoken there.
    pub speech: UnixSpeech,
}

/// What is spoken at a Unix socket.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnixSpeech {
    /// Streamable HTTP, as behind a reverse proxy or a sidecar.
    Http {
        /// The path of the endpoint, such as `/mcp`.
        endpoint: String,
        /// Headers for every request, such as `authorization`.
        headers: BTreeMap<String, String>,
    },
    /// One JSON message a line, as over standard input and output.
    Lines,
}

impl fmt::Display for UnixTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let socket = self.socket.display();
        match &self.speech {
            UnixSpeech::Http { endpoint, .. } => {
                write!(f, "{} at unix:{socket}", without_credentials(endpoint))
            }
            UnixSpeech::Lines => write!(f, "unix:{socket}"),
        }
    }
}

impl fmt::Debug for UnixTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixTarget")
            .field("socket", &self.socket)
            .field("speech", &self.speech)
            .finish()
    }
}

impl fmt::Debug for UnixSpeech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { endpoint, headers } => f
                .debug_struct("Http")
                .field("endpoint", &without_credentials(endpoint))
                .field("headers", &headers.keys())
                .finish(),
            Self::Lines => f.write_str("Lines"),
        }
    }
}

/// The URL without user, password, query and fragment, each of which may hold a secret.
fn without_credentials(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    // A text that is no URL is treated as if it began with the host.
    let (scheme, rest) = match url.find("://") {
        Some(end) => url.split_at(end + 3),
        None => ("", url),
    };
    let (authority, path) = match rest.find('/') {
        Some(slash) if !scheme.is_empty() => rest.split_at(slash),
        _ => (rest, ""),
    };
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}{host}{path}")
}

#[cfg(test)]
mod tests;
