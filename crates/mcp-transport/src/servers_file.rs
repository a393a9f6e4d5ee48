//! The `mcpServers` file in which agents and editors keep how their servers are reached.

use std::{
    collections::BTreeMap,
    env, fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use mcp_domain::{Error, ErrorKind, Target};
use serde_json::{Map, Value};

mod entry;
mod expand;
mod jsonc;
mod unique;

/// Where a file may keep its servers: the clients' own way, VS Code's `mcp.json`, and
/// VS Code's settings.
const PLACES: [&[&str]; 3] = [&["mcpServers"], &["servers"], &["mcp", "servers"]];

/// A file that names servers and says how each is reached.
///
/// It is the JSON of Claude Desktop, Claude Code, Cursor and FastMCP (`mcpServers`) and
/// of VS Code (`servers`), comments and trailing commas included:
///
/// ```
/// use mcp_transport::ServersFile;
///
/// let file = ServersFile::parse("mcp.json", r#"{
///     "mcpServers": {
///         "files": { "command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "."] },
///         // Served by somebody else:
///         "shop": { "url": "https://${SHOP_HOST:-127.0.0.1:8000}/mcp", "headers": { "x-tenant": "7" } },
///     }
/// }"#)?;
/// assert!(file.names().eq(["files", "shop"]));
/// assert_eq!(file.target("shop")?.to_string(), "https://127.0.0.1:8000/mcp");
/// # Ok::<(), mcp_domain::Error>(())
/// ```
///
/// | field | meaning |
/// | --- | --- |
/// | `command`, `args`, `env`, `cwd` | a program to start |
/// | `url` (also `serverUrl`, `httpUrl`), `headers` | Streamable HTTP |
/// | `type` or `transport` | `stdio`, `http` or `streamable-http`: what the others say anyway |
/// | `auth` | a bearer token |
/// | `disabled` | if `true`, this server is not to be used |
///
/// In all of their values `${NAME}` and `${NAME:-default}` stand for environment
/// variables; a default may hold others. Fields by which a client arranges what it does with the server (`timeout`,
/// `autoApprove`, `description` and the like) are passed over. Any other field is an
/// error: one that is misspelt may be the one that makes a server read-only.
///
/// A server is looked at when it is asked for, so that one that is wrong, or whose
/// variables are not set, does not stand in the way of the others.
#[derive(Clone)]
pub struct ServersFile {
    origin: PathBuf,
    servers: Map<String, Value>,
    variables: Variables,
}

type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

impl ServersFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it cannot be read, and as [`parse`](Self::parse).
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|error| {
            let message = format!("cannot read `{}`", path.display());
            Error::new(ErrorKind::InvalidInput, message).with_source(error)
        })?;
        Self::parse(path, &text)
    }

    /// Reads a text; `origin` is what errors call it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is not JSON, names no servers in a way that is known, or has two
    /// servers, or fields of one, by the same name.
    pub fn parse(origin: impl Into<PathBuf>, text: &str) -> Result<Self, Error> {
        let origin = origin.into();
        // Some editors begin with a mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let wrong = |what: String| {
            let message = format!("`{}` {what}", origin.display());
            Error::new(ErrorKind::InvalidInput, message)
        };
        let (file, twice) = unique::parse(&jsonc::to_json(text))
            .map_err(|error| wrong("is not JSON".to_owned()).with_source(error))?;
        if let Some(path) = twice.iter().find(|path| concerns_servers(path)) {
            return Err(wrong(format!(
                "has two of `{}`, of which only the last would count; rename or remove one",
                path.join(".")
            )));
        }
        let found: Vec<_> = PLACES
            .iter()
            .filter_map(|place| Some((place.join("."), at(&file, place)?)))
            .collect();
        let servers = match found.as_slice() {
            [(_, Value::Object(servers))] => servers.clone(),
            [(place, _)] => return Err(wrong(format!("has a `{place}` that is no object"))),
            [] => {
                return Err(wrong(format!(
                    "names no servers: neither `mcpServers` nor `servers` is in it, but {}",
                    keys(&file)
                )));
            }
            [(one, _), (other, _), ..] => {
                return Err(wrong(format!(
                    "names servers twice, in `{one}` and in `{other}`"
                )));
            }
        };
        Ok(Self {
            origin,
            servers,
            variables: Arc::new(|name| env::var(name).ok()),
        })
    }

    /// Where the values of variables come from. Default: the environment of this process.
    #[must_use]
    pub fn with_variables(
        mut self,
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.variables = Arc::new(lookup);
        self
    }

    /// The names of its servers, those that are disabled included, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.servers.keys().map(String::as_str)
    }

    /// How the server of this name is reached.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is none of that name, if it is disabled, or if what is
    /// said of it is unknown, contradicts itself or needs a variable that is not set.
    /// The message names the file, the server and the field, and no value.
    pub fn target(&self, name: &str) -> Result<Target, Error> {
        let Some(server) = self.servers.get(name) else {
            let names: Vec<_> = self.names().collect();
            let known = match names.is_empty() {
                true => "it names none".to_owned(),
                false => format!("it has: {}", names.join(", ")),
            };
            let origin = self.origin.display();
            let message = format!("`{origin}` names no server `{name}`; {known}");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        };
        let target = self.understand(name, server)?;
        target.ok_or_else(|| self.wrong(name, "it is disabled (`disabled` is true)"))
    }

    /// How each server is reached, but for those that are disabled.
    ///
    /// # Errors
    ///
    /// As [`target`](Self::target), for the first server that has one.
    pub fn targets(&self) -> Result<BTreeMap<String, Target>, Error> {
        let mut targets = BTreeMap::new();
        for (name, server) in &self.servers {
            if let Some(target) = self.understand(name, server)? {
                targets.insert(name.clone(), target);
            }
        }
        Ok(targets)
    }

    /// The only server of the file.
    pub(crate) fn only(&self) -> Result<(&str, Target), Error> {
        let mut names = self.names();
        match (names.next(), names.next()) {
            (Some(name), None) => Ok((name, self.target(name)?)),
            (None, _) => {
                let message = format!("`{}` names no server", self.origin.display());
                Err(Error::new(ErrorKind::InvalidInput, message))
            }
            _ => {
                let names: Vec<_> = self.names().collect();
                let message = format!(
                    "`{}` names {} servers ({}); choose one with `ServersFile::target`",
                    self.origin.display(),
                    names.len(),
                    names.join(", ")
                );
                Err(Error::new(ErrorKind::InvalidInput, message))
            }
        }
    }

    fn understand(&self, name: &str, server: &Value) -> Result<Option<Target>, Error> {
        entry::read(server, &*self.variables).map_err(|what| self.wrong(name, &what))
    }

    fn wrong(&self, server: &str, what: &str) -> Error {
        let message = format!("server `{server}` of `{}`: {what}", self.origin.display());
        Error::new(ErrorKind::InvalidInput, message)
    }
}

impl fmt::Debug for ServersFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServersFile")
            .field("origin", &self.origin)
            .field("servers", &self.servers.keys())
            .finish_non_exhaustive()
    }
}

/// Does a path lead to servers, or to what is said of them?
fn concerns_servers(path: &[String]) -> bool {
    let agrees = |place: &&[&str]| place.iter().zip(path).all(|(one, other)| one == other);
    PLACES.iter().any(agrees)
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

fn keys(file: &Value) -> String {
    match file {
        Value::Object(object) if object.is_empty() => "nothing".to_owned(),
        Value::Object(object) => {
            let keys: Vec<_> = object.keys().map(|key| format!("`{key}`")).collect();
            keys.join(", ")
        }
        other => format!("{} instead of an object", entry::kind(other)),
    }
}

#[cfg(test)]
mod tests;
