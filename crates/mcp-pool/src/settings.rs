//! What can be set, its defaults and its limits.

use std::time::Duration;

use crate::Sharing;

mod error;
mod table;

pub(crate) use self::table::Given;
pub use self::{error::SettingsError, table::Setting};

/// How a pool, or one server of it, behaves. Checked: made by [`SettingsBuilder::build`].
///
/// The defaults of the first eight settings are those of the case study that
/// this project re-creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    pub(crate) min_connections: usize,
    pub(crate) max_connections: usize,
    pub(crate) connection_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_connection_age: Duration,
    pub(crate) health_check_interval: Duration,
    pub(crate) retry_attempts: u32,
    pub(crate) lazy_initialization: bool,
    pub(crate) max_total: usize,
    pub(crate) max_in_flight: usize,
    pub(crate) sharing: Sharing,
    pub(crate) call_timeout: Duration,
    pub(crate) check_after_idle: Duration,
    pub(crate) check_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) leak_detection_threshold: Duration,
}

impl Settings {
    /// Starts from the defaults.
    pub fn builder() -> SettingsBuilder {
        SettingsBuilder(Self::default())
    }

    /// Starts from these settings, to change a few for one server.
    pub fn to_builder(&self) -> SettingsBuilder {
        SettingsBuilder(*self)
    }

    /// The bound over all that an operation without a timeout of its own does.
    pub fn call_timeout(&self) -> Duration {
        self.call_timeout
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            min_connections: 1,
            max_connections: 6,
            connection_timeout: Duration::from_secs(35),
            idle_timeout: Duration::from_secs(600),
            max_connection_age: Duration::from_secs(7200),
            health_check_interval: Duration::from_secs(300),
            retry_attempts: 2,
            lazy_initialization: true,
            max_total: 256,
            max_in_flight: 8,
            sharing: Sharing::Auto,
            call_timeout: Duration::from_secs(60),
            // HikariCP's alive-bypass window.
            check_after_idle: Duration::from_millis(500),
            check_timeout: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(5),
            close_timeout: Duration::from_secs(10),
            leak_detection_threshold: Duration::MAX,
        }
    }
}

/// Builds [`Settings`]. Unset values keep their defaults.
#[derive(Clone, Debug)]
#[must_use]
pub struct SettingsBuilder(Settings);

impl SettingsBuilder {
    /// Connections to a server that are kept open, once one was opened. Default: 1; 0 keeps none.
    ///
    /// Only for the process-wide scope: nobody knows whether a user or a conversation
    /// will come back.
    pub fn min_connections(mut self, count: usize) -> Self {
        self.0.min_connections = count;
        self
    }

    /// The most connections per server and scope, counting those that are still closing. Default: 6.
    pub fn max_connections(mut self, count: usize) -> Self {
        self.0.max_connections = count;
        self
    }

    /// How long one attempt to connect may take. Default: 35 s.
    pub fn connection_timeout(mut self, limit: Duration) -> Self {
        self.0.connection_timeout = limit;
        self
    }

    /// An idle connection is closed after this time, down to `min_connections`. Default: 600 s; [`Duration::MAX`] turns it off.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.0.idle_timeout = limit;
        self
    }

    /// A connection is retired at this age, less up to a tenth at random, but never under a caller. Default: 7200 s; [`Duration::MAX`] turns it off.
    pub fn max_connection_age(mut self, limit: Duration) -> Self {
        self.0.max_connection_age = limit;
        self
    }

    /// How often idle connections are checked in the background. Default: 300 s; [`Duration::MAX`] turns it off.
    pub fn health_check_interval(mut self, interval: Duration) -> Self {
        self.0.health_check_interval = interval;
        self
    }

    /// How often a call is repeated after its first failure, where repeating is safe. Default: 2; 0 turns it off.
    pub fn retry_attempts(mut self, count: u32) -> Self {
        self.0.retry_attempts = count;
        self
    }

    /// Whether [`Pool::initialize`](crate::Pool::initialize) opens nothing. Default: true; if false, it opens
    /// `min_connections` to each server, at least one, and fails where it cannot.
    pub fn lazy_initialization(mut self, lazy: bool) -> Self {
        self.0.lazy_initialization = lazy;
        self
    }

    /// The most connections over all servers and scopes. Default: 256. Only a pool's own settings are asked for it.
    pub fn max_total(mut self, count: usize) -> Self {
        self.0.max_total = count;
        self
    }

    /// The most callers on one connection at the same time, where it may be shared. Default: 8.
    pub fn max_in_flight(mut self, count: usize) -> Self {
        self.0.max_in_flight = count;
        self
    }

    /// Whether callers may share a connection. Default: [`Sharing::Auto`].
    pub fn sharing(mut self, sharing: Sharing) -> Self {
        self.0.sharing = sharing;
        self
    }

    /// The bound over all that an operation without a timeout of its own does. Default: 60 s.
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.0.call_timeout = limit;
        self
    }

    /// A connection that was idle for longer is checked before it is handed out. Default: 500 ms; [`Duration::MAX`] turns it off.
    pub fn check_after_idle(mut self, limit: Duration) -> Self {
        self.0.check_after_idle = limit;
        self
    }

    /// How long a check may take. Default: 5 s.
    pub fn check_timeout(mut self, limit: Duration) -> Self {
        self.0.check_timeout = limit;
        self
    }

    /// How long a connection is given to answer after a call on it was abandoned. Default: 5 s.
    pub fn drain_timeout(mut self, limit: Duration) -> Self {
        self.0.drain_timeout = limit;
        self
    }

    /// How long closing one connection may take. Default: 10 s.
    pub fn close_timeout(mut self, limit: Duration) -> Self {
        self.0.close_timeout = limit;
        self
    }

    /// A [lease](crate::Lease) that is held for longer is reported, once: as a warning that says where it
    /// was taken, and in the statistics. Default: off; [`Duration::MAX`] turns it off.
    pub fn leak_detection_threshold(mut self, limit: Duration) -> Self {
        self.0.leak_detection_threshold = limit;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] names the first setting that cannot be, and what could.
    pub fn build(self) -> Result<Settings, SettingsError> {
        let s = self.0;
        for setting in Setting::ALL {
            setting.check(&s)?;
        }
        if s.min_connections > s.max_connections {
            return Err(SettingsError::MinAboveMax {
                min: s.min_connections,
                max: s.max_connections,
            });
        }
        if s.min_connections > s.max_total {
            return Err(SettingsError::MinAboveTotal {
                min: s.min_connections,
                total: s.max_total,
            });
        }
        Ok(s)
    }

    #[cfg(feature = "config")]
    pub(crate) fn set(mut self, setting: &Setting, given: Given) -> Self {
        setting.set(&mut self.0, given);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_those_of_the_case_study() {
        let settings = Settings::builder().build().unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!((settings.min_connections, settings.max_connections), (1, 6));
        assert_eq!(settings.connection_timeout, Duration::from_secs(35));
        assert_eq!(settings.idle_timeout, Duration::from_secs(600));
        assert_eq!(settings.max_connection_age, Duration::from_secs(7200));
        assert_eq!(settings.health_check_interval, Duration::from_secs(300));
        assert_eq!(settings.retry_attempts, 2);
    }

    #[test]
    fn impossible_settings_are_refused_by_name() {
        let none = Settings::builder().max_connections(0).build().unwrap_err();
        assert_eq!(
            none.to_string(),
            "max_connections is 0; it must be a whole number from 1 to 1000000"
        );
        let never = Settings::builder()
            .call_timeout(Duration::ZERO)
            .build()
            .unwrap_err();
        assert_eq!(
            never.to_string(),
            "call_timeout is 0.0; it must be a time of more than 0 (35, 0.5, \"500ms\", \"2h\")"
        );
        let upside_down = Settings::builder().min_connections(7).build().unwrap_err();
        assert_eq!(upside_down, SettingsError::MinAboveMax { min: 7, max: 6 });
    }
}
