//! What is wrong with a setting.

/// A setting that cannot be, and what could.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A file with settings cannot be read.
    #[error("cannot read settings from {place}: {cause}")]
    File {
        /// The file, as it was named.
        place: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The settings of one server are wrong.
    #[error("server `{server}`: {error}")]
    InServer {
        /// The server's name.
        server: String,
        /// What is wrong.
        error: Box<Self>,
    },
    /// The value is none that the setting can have.
    #[error("{name} is {value}; it must be {allowed}")]
    Invalid {
        /// The setting, or the variable or the place in a file where it was given.
        name: String,
        /// The value, as it was given.
        value: String,
        /// What it could be.
        allowed: String,
    },
    /// Fewer connections would be allowed than are to be kept open.
    #[error("min_connections is {min}, but max_connections is only {max}; it must be at most that")]
    MinAboveMax {
        /// `min_connections`.
        min: usize,
        /// `max_connections`.
        max: usize,
    },
    /// Fewer connections would be allowed over all servers than are to be kept open to one.
    #[error("min_connections is {min}, but max_total is only {total}; it must be at most that")]
    MinAboveTotal {
        /// `min_connections`.
        min: usize,
        /// `max_total`.
        total: usize,
    },
    /// A setting of the whole pool was given for one server.
    #[error("{name} holds for the whole pool, not for one server")]
    OfThePool {
        /// The setting.
        name: &'static str,
    },
    /// There is no such setting.
    #[error("there is no setting {name}{}", match .nearest {
        Some(nearest) => format!("; did you mean {nearest}?"),
        None => String::new(),
    })]
    Unknown {
        /// The setting, or the variable or the place in a file where it was given.
        name: String,
        /// What it might have been meant to be.
        nearest: Option<String>,
    },
}
