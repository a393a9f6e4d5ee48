//! What a breaker tells of itself: its state, its mode and its figures.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};

/// The state of a breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// All calls pass. Goes to open.
    #[default]
    Closed,
    /// A few probes pass. Goes to closed or back to open.
    HalfOpen,
    /// No call passes. Goes to half-open.
    Open,
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        })
    }
}

/// How a breaker was told to behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BreakerMode {
    /// By its results.
    #[default]
    Automatic,
    /// Forced closed: all calls pass, and none counts.
    Disabled,
    /// Forced open: no call passes.
    ForcedOpen,
    /// It goes through its states and says what it would have done; all calls pass.
    ObserveOnly,
}

impl fmt::Display for BreakerMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Automatic => "automatic",
            Self::Disabled => "disabled",
            Self::ForcedOpen => "forced-open",
            Self::ObserveOnly => "observe-only",
        })
    }
}

/// A breaker's state and figures at one moment.
///
/// Built with [`BreakerSnapshot::new`] and the fields that a breaker knows; zero and
/// `None` stand for the others. Reads as a sentence by `Display`; durations serialize
/// as seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BreakerSnapshot {
    /// The state.
    pub state: BreakerState,
    /// How it was told to behave.
    pub mode: BreakerMode,
    /// For how long it has been in this state.
    #[serde(serialize_with = "as_seconds")]
    pub in_state_for: Option<Duration>,
    /// Failures that count at present: in a row, or within the window. While not
    /// closed, those that opened it, which were probes if it opened again.
    pub failure_count: u64,
    /// Slow calls among `calls`.
    pub slow_count: u64,
    /// Results within the window, or of the probes that opened it again; else 0.
    pub calls: u64,
    /// Failures by `calls`, 0 to 1; `None` while there are too few calls to tell.
    pub failure_rate: Option<f64>,
    /// Slow calls by `calls`, 0 to 1; `None` while there are too few calls to tell.
    pub slow_rate: Option<f64>,
    /// Probes under way.
    pub probes: u64,
    /// How often it has opened since it was made.
    pub opened: u64,
    /// Calls refused since the breaker was made.
    pub rejected: u64,
    /// Calls that passed only because it may not do more than observe.
    pub let_through: u64,
    /// Time until the next probe may pass; `None` unless open.
    #[serde(serialize_with = "as_seconds")]
    pub retry_after: Option<Duration>,
}

impl BreakerSnapshot {
    /// A snapshot of this state, with all figures zero.
    pub fn new(state: BreakerState) -> Self {
        Self {
            state,
            ..Self::default()
        }
    }
}

impl fmt::Display for BreakerSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |rate: Option<f64>| match rate {
            Some(rate) => format!(" ({:.1} %)", rate * 100.0),
            None => String::new(),
        };
        write!(f, "{}", self.state)?;
        if self.mode != BreakerMode::Automatic {
            write!(f, " ({})", self.mode)?;
        }
        if let Some(time) = self.in_state_for {
            write!(f, " for {:.1} s", time.as_secs_f64())?;
        }
        match self.calls {
            0 => write!(f, ", failures: {}", self.failure_count)?,
            calls => {
                let (failed, slow) = (share(self.failure_rate), share(self.slow_rate));
                write!(f, ", failures: {}{failed}", self.failure_count)?;
                write!(f, ", slow: {}{slow}, of {calls} calls", self.slow_count)?;
            }
        }
        for (what, count) in [
            ("probes under way", self.probes),
            ("refused", self.rejected),
            ("let through", self.let_through),
        ] {
            if count > 0 {
                write!(f, ", {what}: {count}")?;
            }
        }
        match self.retry_after {
            Some(after) => write!(f, ", next probe in {:.1} s", after.as_secs_f64()),
            None => Ok(()),
        }
    }
}

#[expect(
    clippy::ref_option,
    reason = "serde hands over a reference to the field"
)]
fn as_seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}
