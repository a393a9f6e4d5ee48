//! The one list of all settings: names, meanings, defaults, limits.

use std::{fmt, time::Duration};

use super::{Settings, SettingsError};
use crate::Sharing;

/// No system can use more; and what counts to more overflows somewhere.
const MOST: usize = 1_000_000;

/// What there is to know of one setting.
///
/// For programs that list them, in a `--help` or a page of documentation.
#[derive(Clone, Copy)]
pub struct Setting {
    name: &'static str,
    meaning: &'static str,
    kind: Kind,
}

/// What a setting can be, and where it is kept.
#[derive(Clone, Copy)]
enum Kind {
    Count {
        field: fn(&mut Settings) -> &mut usize,
        least: usize,
    },
    Flag {
        field: fn(&mut Settings) -> &mut bool,
    },
    Sharing {
        field: fn(&mut Settings) -> &mut Sharing,
    },
    Time {
        field: fn(&mut Settings) -> &mut Duration,
        /// May it be zero?
        zero: bool,
        /// May it be off?
        off: bool,
    },
    Times {
        field: fn(&mut Settings) -> &mut u32,
    },
}

/// The value of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    Count(usize),
    Flag(bool),
    Sharing(Sharing),
    Time(Duration),
}

impl Setting {
    /// Every setting.
    pub const ALL: &[Self] = &[
        Self {
            name: "min_connections",
            meaning: "Connections to a server that are kept open, once one was opened; for the process-wide scope only.",
            kind: count(|s| &mut s.min_connections, 0),
        },
        Self {
            name: "max_connections",
            meaning: "The most connections per server and scope, counting those that are still closing.",
            kind: count(|s| &mut s.max_connections, 1),
        },
        Self {
            name: "connection_timeout",
            meaning: "How long one attempt to connect may take.",
            kind: time(|s| &mut s.connection_timeout),
        },
        Self {
            name: "idle_timeout",
            meaning: "An idle connection is closed after this time, down to `min_connections`.",
            kind: time_or_off(|s| &mut s.idle_timeout),
        },
        Self {
            name: "max_connection_age",
            meaning: "A connection is retired at this age, less up to a tenth at random, but never under a caller.",
            kind: time_or_off(|s| &mut s.max_connection_age),
        },
        Self {
            name: "health_check_interval",
            meaning: "How often idle connections are checked in the background.",
            kind: time_or_off(|s| &mut s.health_check_interval),
        },
        Self {
            name: "retry_attempts",
            meaning: "How often a call is repeated after its first failure, where repeating is safe.",
            kind: Kind::Times {
                field: |s| &mut s.retry_attempts,
            },
        },
        Self {
            name: "lazy_initialization",
            meaning: "If false, initializing a pool opens `min_connections` to each server, and fails where it cannot.",
            kind: Kind::Flag {
                field: |s| &mut s.lazy_initialization,
            },
        },
        Self {
            name: "max_total",
            meaning: "The most connections over all servers and scopes; of the whole pool, not of one server.",
            kind: count(|s| &mut s.max_total, 1),
        },
        Self {
            name: "max_in_flight",
            meaning: "The most callers on one connection at the same time, where it may be shared.",
            kind: count(|s| &mut s.max_in_flight, 1),
        },
        Self {
            name: "sharing",
            meaning: "Whether callers may share a connection: where the server keeps no state (`auto`), never, or always.",
            kind: Kind::Sharing {
                field: |s| &mut s.sharing,
            },
        },
        Self {
            name: "call_timeout",
            meaning: "The bound over all that an operation without a timeout of its own does: waiting, connecting, repeating, calling.",
            kind: time(|s| &mut s.call_timeout),
        },
        Self {
            name: "check_after_idle",
            meaning: "A connection that was idle for longer is checked before it is handed out.",
            kind: Kind::Time {
                field: |s| &mut s.check_after_idle,
                zero: true,
                off: true,
            },
        },
        Self {
            name: "check_timeout",
            meaning: "How long a check may take.",
            kind: time(|s| &mut s.check_timeout),
        },
        Self {
            name: "drain_timeout",
            meaning: "How long a connection is given to answer after a call on it was abandoned.",
            kind: time(|s| &mut s.drain_timeout),
        },
        Self {
            name: "close_timeout",
            meaning: "How long closing one connection may take.",
            kind: time(|s| &mut s.close_timeout),
        },
        Self {
            name: "leak_detection_threshold",
            meaning: "A lease that is held for longer is reported, once, with where it was taken.",
            kind: time_or_off(|s| &mut s.leak_detection_threshold),
        },
    ];

    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|setting| setting.name == name)
    }

    /// The name in code and in files, such as `max_connections`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The name of the environment variable, such as `MCP_POOL_MAX_CONNECTIONS`.
    pub fn variable(&self) -> String {
        format!("MCP_POOL_{}", self.name.to_ascii_uppercase())
    }

    /// What it means, in one sentence.
    pub const fn meaning(&self) -> &'static str {
        self.meaning
    }

    /// The default, as it would be written in a variable.
    pub fn default_value(&self) -> String {
        self.get(Settings::default()).to_string()
    }

    /// What it can be.
    pub fn allowed(&self) -> String {
        match self.kind {
            Kind::Count { least, .. } => format!("a whole number from {least} to {MOST}"),
            Kind::Times { .. } => format!("a whole number from 0 to {MOST}"),
            Kind::Flag { .. } => "true or false".to_owned(),
            Kind::Sharing { .. } => "auto, exclusive or shared".to_owned(),
            Kind::Time { zero, off, .. } => format!(
                "{}{EXAMPLES}{}",
                if zero {
                    "a time"
                } else {
                    "a time of more than 0"
                },
                if off { " or off" } else { "" }
            ),
        }
    }

    /// The setting as it is in `settings`.
    pub(crate) fn get(&self, mut settings: Settings) -> Given {
        match self.kind {
            Kind::Count { field, .. } => Given::Count(*field(&mut settings)),
            Kind::Flag { field } => Given::Flag(*field(&mut settings)),
            Kind::Sharing { field } => Given::Sharing(*field(&mut settings)),
            Kind::Time { field, .. } => Given::Time(*field(&mut settings)),
            Kind::Times { field } => Given::Count(*field(&mut settings) as usize),
        }
    }

    /// Changes the setting. A value of another kind changes nothing.
    pub(crate) fn set(&self, settings: &mut Settings, given: Given) {
        match (self.kind, given) {
            (Kind::Count { field, .. }, Given::Count(count)) => *field(settings) = count,
            (Kind::Flag { field }, Given::Flag(flag)) => *field(settings) = flag,
            (Kind::Sharing { field }, Given::Sharing(sharing)) => *field(settings) = sharing,
            (Kind::Time { field, .. }, Given::Time(time)) => *field(settings) = time,
            (Kind::Times { field }, Given::Count(count)) => {
                *field(settings) = u32::try_from(count).unwrap_or(u32::MAX);
            }
            (_, _) => {}
        }
    }

    /// Can the setting be what it is in `settings`?
    pub(crate) fn check(&self, settings: &Settings) -> Result<(), SettingsError> {
        let given = self.get(*settings);
        if self.permits(given) {
            return Ok(());
        }
        Err(SettingsError::Invalid {
            name: self.name.to_owned(),
            value: given.to_string(),
            allowed: self.allowed(),
        })
    }

    /// Can the setting have this value?
    pub(crate) fn permits(&self, given: Given) -> bool {
        match (self.kind, given) {
            (Kind::Count { least, .. }, Given::Count(count)) => (least..=MOST).contains(&count),
            (Kind::Times { .. }, Given::Count(count)) => count <= MOST,
            (Kind::Time { zero, .. }, Given::Time(time)) => zero || !time.is_zero(),
            (Kind::Flag { .. }, Given::Flag(_)) => true,
            (Kind::Sharing { .. }, Given::Sharing(_)) => true,
            (_, _) => false,
        }
    }

    /// What was written in a file or a variable, if the setting can be that.
    #[cfg(feature = "config")]
    pub(crate) fn read(&self, text: &str) -> Option<Given> {
        let text = text.trim();
        let given = match self.kind {
            Kind::Count { .. } | Kind::Times { .. } => Given::Count(text.parse().ok()?),
            Kind::Flag { .. } => Given::Flag(match text.to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" | "on" => true,
                "0" | "false" | "no" | "off" => false,
                _ => return None,
            }),
            Kind::Sharing { .. } => Given::Sharing(match text.to_ascii_lowercase().as_str() {
                "auto" => Sharing::Auto,
                "exclusive" => Sharing::Exclusive,
                "shared" => Sharing::Shared,
                _ => return None,
            }),
            Kind::Time { off: true, .. } if text.eq_ignore_ascii_case("off") => {
                Given::Time(Duration::MAX)
            }
            Kind::Time { .. } => Given::Time(match text.parse() {
                Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
                Err(_) => humantime::parse_duration(text).ok()?,
            }),
        };
        self.permits(given).then_some(given)
    }
}

const EXAMPLES: &str = " (35, 0.5, \"500ms\", \"2h\")";

const fn count(field: fn(&mut Settings) -> &mut usize, least: usize) -> Kind {
    Kind::Count { field, least }
}

const fn time(field: fn(&mut Settings) -> &mut Duration) -> Kind {
    Kind::Time {
        field,
        zero: false,
        off: false,
    }
}

const fn time_or_off(field: fn(&mut Settings) -> &mut Duration) -> Kind {
    Kind::Time {
        field,
        zero: false,
        off: true,
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Setting").field(&self.name).finish()
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Sharing(Sharing::Auto) => f.write_str("auto"),
            Self::Sharing(Sharing::Exclusive) => f.write_str("exclusive"),
            Self::Sharing(Sharing::Shared) => f.write_str("shared"),
            Self::Time(Duration::MAX) => f.write_str("off"),
            // As the case study writes them: 35.0.
            Self::Time(time) => write!(f, "{:?}", time.as_secs_f64()),
        }
    }
}

#[cfg(test)]
mod tests;
