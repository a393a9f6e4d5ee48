//! Defaults, under files, under the environment.
//!
//! The `config` crate reads the layers and lays them upon each other; what the
//! values mean, and what is wrong with them, is said here.

use std::{
    collections::HashMap,
    env,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

use config::{Config, ConfigError, Environment, File, Source, Value, ValueKind};

use super::{Configuration, Override, in_server};
use crate::settings::{Given, Setting, Settings, SettingsError};

/// What the names of all variables begin with.
const PREFIX: &str = "MCP_POOL_";

/// The variable that names a file with settings.
const FILE: &str = "MCP_POOL_FILE";

/// The section of a file with the settings of single servers.
const SERVERS: &str = "servers";

/// The one setting that no server can have otherwise.
const OF_THE_POOL: &str = "max_total";

/// What Kubernetes sets, in every container beside a service named `mcp-pool`.
const FOREIGN: [&str; 2] = ["MCP_POOL_PORT", "MCP_POOL_SERVICE_"];

impl Configuration {
    /// The name of the variable that names a file with settings.
    pub const FILE_VARIABLE: &str = FILE;

    /// Starts from the defaults, to lay files and the environment upon them.
    pub fn builder() -> ConfigurationBuilder {
        ConfigurationBuilder {
            files: Vec::new(),
            variables: Vec::new(),
        }
    }

    /// What the environment says: the variables `MCP_POOL_*`, above the file that
    /// `MCP_POOL_FILE` names, if it names one.
    ///
    /// # Errors
    ///
    /// As [`ConfigurationBuilder::build`].
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::builder().environment().build()
    }
}

/// Reads a [`Configuration`] from files and the environment.
#[derive(Clone, Debug)]
#[must_use]
pub struct ConfigurationBuilder {
    files: Vec<PathBuf>,
    variables: Vec<(OsString, OsString)>,
}

impl ConfigurationBuilder {
    /// Lays a file upon what was named before: TOML, YAML or JSON, by its ending.
    ///
    /// Settings stand at the top; those of one server in a table under `servers`, by its name.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.files.push(path.into());
        self
    }

    /// Lays the environment of this process upon all files. `MCP_POOL_FILE` names one more file.
    pub fn environment(self) -> Self {
        self.variables(env::vars_os())
    }

    /// Lays these variables upon all files, as if they were the environment.
    pub fn variables<N, V>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = variables.into_iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        self.variables.extend(variables);
        self
    }

    /// Reads the files, and checks every layer by itself and all of them together.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if a file cannot be read, and for settings that there are not,
    /// that cannot be, or that contradict each other. It names the variable or the
    /// file, the value, and what is allowed.
    pub fn build(self) -> Result<Configuration, SettingsError> {
        let mut files = self.files;
        let variables = ours(self.variables)?;
        let (named, variables): (Vec<_>, Vec<_>) =
            variables.into_iter().partition(|(name, _)| name == FILE);
        files.extend(named.into_iter().map(|(_, path)| PathBuf::from(path)));
        let mut layers = Config::builder();
        for path in &files {
            let file = File::from(path.as_path());
            let values = file.collect();
            let values = values.map_err(|error| unreadable(quoted(path.display()), error))?;
            Reader(Names::InFile(path)).read(values)?;
            layers = layers.add_source(file);
        }
        let environment = environment(variables);
        let broken = |error| unreadable("the environment".to_owned(), error);
        Reader(Names::OfVariables).read(environment.collect().map_err(broken)?)?;
        let merged = layers.add_source(environment).build();
        let merged = merged.and_then(|merged| merged.cache.into_table());
        let merged = merged.map_err(broken)?;
        Reader(Names::Plain).read(merged)?.configuration()
    }
}

/// Our variables among these; empty ones count as unset.
fn ours(variables: Vec<(OsString, OsString)>) -> Result<Vec<(String, String)>, SettingsError> {
    let mut ours = Vec::new();
    for (name, value) in variables {
        let Ok(name) = name.into_string() else {
            continue;
        };
        let foreign = FOREIGN.iter().any(|prefix| name.starts_with(prefix));
        if !name.starts_with(PREFIX) || foreign || value.is_empty() {
            continue;
        }
        let value = value.to_string_lossy().into_owned();
        let known = Setting::ALL.iter().any(|s| s.variable() == name);
        if !known && name != FILE {
            let plain = name[PREFIX.len()..].to_ascii_lowercase();
            let names = Setting::ALL.iter().map(Setting::name).chain(["file"]);
            let nearest = nearest(&plain, names).map(variable);
            return Err(SettingsError::Unknown { name, nearest });
        }
        ours.push((name, value));
    }
    Ok(ours)
}

fn environment(variables: Vec<(String, String)>) -> Environment {
    let variables: HashMap<_, _> = variables.into_iter().collect();
    Environment::with_prefix(PREFIX.trim_end_matches('_')).source(Some(variables))
}

/// Reads the values of one layer, or of all of them.
struct Reader<'p>(Names<'p>);

/// How the user wrote the names of settings.
#[derive(Clone, Copy)]
enum Names<'p> {
    InFile(&'p Path),
    OfVariables,
    Plain,
}

/// What was read.
struct Read {
    pool: Vec<Override>,
    servers: Vec<(String, Vec<Override>)>,
}

/// Whose settings a table holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Pool,
    Server,
}

type Table = config::Map<String, Value>;

impl Reader<'_> {
    fn read(&self, mut values: Table) -> Result<Read, SettingsError> {
        let mut servers = Vec::new();
        for (server, section) in self.sections(values.remove(SERVERS))? {
            match self.settings(section, Owner::Server) {
                Ok(given) => servers.push((server, given)),
                Err(error) => return Err(in_server(&server, error)),
            }
        }
        let pool = self.settings(values, Owner::Pool)?;
        Ok(Read { pool, servers })
    }

    /// The tables under `servers`.
    fn sections(&self, servers: Option<Value>) -> Result<Vec<(String, Table)>, SettingsError> {
        let Some(servers) = servers else {
            return Ok(Vec::new());
        };
        let invalid = |name: String, value: &Value| SettingsError::Invalid {
            name: self.name(&name),
            value: shown(value),
            allowed: "a table of settings".to_owned(),
        };
        let ValueKind::Table(servers) = servers.kind else {
            return Err(invalid(SERVERS.to_owned(), &servers));
        };
        let mut sections = Vec::new();
        for (name, value) in sorted(servers) {
            match value.kind {
                ValueKind::Table(table) => sections.push((name, table)),
                _ => return Err(invalid(format!("{SERVERS}.{name}"), &value)),
            }
        }
        Ok(sections)
    }

    /// The settings in one table.
    fn settings(&self, values: Table, owner: Owner) -> Result<Vec<Override>, SettingsError> {
        let mut given = Vec::new();
        for (name, value) in sorted(values) {
            let Some(setting) = Setting::named(&name) else {
                let names = Setting::ALL.iter().map(Setting::name);
                return Err(SettingsError::Unknown {
                    nearest: nearest(&name, names).map(str::to_owned),
                    name: self.name(&name),
                });
            };
            if owner == Owner::Server && setting.name() == OF_THE_POOL {
                return Err(SettingsError::OfThePool {
                    name: setting.name(),
                });
            }
            given.push((setting.name(), self.value(setting, &value)?));
        }
        Ok(given)
    }

    fn value(&self, setting: &Setting, value: &Value) -> Result<Given, SettingsError> {
        let text = match &value.kind {
            ValueKind::Array(_) | ValueKind::Nil | ValueKind::Table(_) => None,
            scalar => Some(scalar.to_string()),
        };
        let given = text.and_then(|text| setting.read(&text));
        given.ok_or_else(|| SettingsError::Invalid {
            name: self.name(setting.name()),
            value: shown(value),
            allowed: setting.allowed(),
        })
    }

    fn name(&self, name: &str) -> String {
        match self.0 {
            Names::InFile(path) => format!("{name} in `{}`", path.display()),
            Names::OfVariables => variable(name),
            Names::Plain => name.to_owned(),
        }
    }
}

impl Read {
    fn configuration(self) -> Result<Configuration, SettingsError> {
        let mut pool = Settings::builder();
        for (name, given) in &self.pool {
            if let Some(setting) = Setting::named(name) {
                pool = pool.set(setting, *given);
            }
        }
        let configuration = Configuration {
            pool: pool.build()?,
            servers: self.servers.into_iter().collect(),
        };
        configuration.checked()
    }
}

/// In an order that does not change from run to run.
fn sorted(table: Table) -> Vec<(String, Value)> {
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    entries
}

/// A value as it is shown in an error.
fn shown(value: &Value) -> String {
    const LONG: usize = 60;
    match &value.kind {
        ValueKind::Array(_) => "a list".to_owned(),
        ValueKind::Nil => "nothing".to_owned(),
        ValueKind::Table(_) => "a table".to_owned(),
        scalar => {
            let text = scalar.to_string();
            let short: String = text.chars().take(LONG).collect();
            let rest = if short == text { "" } else { "…" };
            quoted(format_args!("{short}{rest}"))
        }
    }
}

fn quoted(text: impl fmt::Display) -> String {
    format!("`{text}`")
}

/// The name that was most likely meant.
fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    /// Less likeness than this is chance.
    const ALIKE: f64 = 0.6;
    names
        .map(|known| (strsim::normalized_damerau_levenshtein(name, known), known))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known)
}

fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_ascii_uppercase())
}

fn unreadable(place: String, error: ConfigError) -> SettingsError {
    let cause = match error {
        // The place is said already.
        ConfigError::FileParse { cause, .. } => cause.to_string(),
        ConfigError::Foreign(cause) => cause.to_string(),
        error => error.to_string(),
    };
    SettingsError::File {
        place,
        cause: cause.trim_end().to_owned(),
    }
}
