//! The settings of a pool and of single servers of it.

#[cfg(feature = "config")]
mod layers;

use std::collections::BTreeMap;

#[cfg(feature = "config")]
pub use self::layers::ConfigurationBuilder;
use crate::settings::{Given, Setting, Settings, SettingsBuilder, SettingsError};

/// The settings of a pool, and what single servers of it have otherwise. Checked.
///
/// Made from [`Settings`], or read from files and the environment (feature
/// `config`). What is closer to a server wins: its
/// [builder](crate::ServerBuilder::adjust) over its section in a file, that over the
/// pool's settings. Among the pool's settings, code wins over the environment, that
/// over files, those over the defaults.
///
#[cfg_attr(feature = "config", doc = "```no_run")]
#[cfg_attr(not(feature = "config"), doc = "```ignore")]
/// use mcp_pool::Configuration;
///
/// # fn main() -> Result<(), mcp_pool::SettingsError> {
/// let configuration = Configuration::builder()
///     .file("mcp-pool.toml")
///     .environment()
///     .build()?
///     .adjust(|settings| settings.max_connections(4))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    pool: Settings,
    servers: BTreeMap<String, Vec<Override>>,
}

/// One setting that a server has otherwise.
type Override = (&'static str, Given);

impl Configuration {
    /// The settings of the pool.
    pub fn pool(&self) -> Settings {
        self.pool
    }

    /// The settings of the server of this name: its own where it has any, else the pool's.
    pub fn server(&self, name: &str) -> Settings {
        let mut settings = self.pool;
        for (name, given) in self.servers.get(name).into_iter().flatten() {
            if let Some(setting) = Setting::named(name) {
                setting.set(&mut settings, *given);
            }
        }
        settings
    }

    /// The servers that have settings of their own.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        self.servers.keys().map(String::as_str)
    }

    /// Changes the pool's settings in code.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if the settings cannot be, or contradict those of a server.
    pub fn adjust(
        self,
        change: impl FnOnce(SettingsBuilder) -> SettingsBuilder,
    ) -> Result<Self, SettingsError> {
        let pool = change(self.pool.to_builder()).build()?;
        Self { pool, ..self }.checked()
    }

    fn checked(self) -> Result<Self, SettingsError> {
        for name in self.servers() {
            let checked = self.server(name).to_builder().build();
            checked.map_err(|error| in_server(name, error))?;
        }
        Ok(self)
    }
}

impl From<Settings> for Configuration {
    fn from(pool: Settings) -> Self {
        Self {
            pool,
            servers: BTreeMap::new(),
        }
    }
}

fn in_server(server: &str, error: SettingsError) -> SettingsError {
    SettingsError::InServer {
        server: server.to_owned(),
        error: Box::new(error),
    }
}
