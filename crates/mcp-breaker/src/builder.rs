//! What can be set.

mod refused;

use std::time::Duration;

use mcp_domain::BreakerMode;

pub use self::refused::BuildError;
use self::refused::{GROWTH, JITTER, RATE, not_zero, within};
use crate::{
    Breaker, Change, Clock, SystemClock, Window, change::Listeners, clock::as_nanos,
    config::Config, policy::Policy,
};

/// Builds a [`Breaker`]. Unset values keep their defaults.
///
/// What opens it: [`failure_threshold`](Self::failure_threshold),
/// [`failure_rate`](Self::failure_rate), [`slow_call_rate`](Self::slow_call_rate), each
/// by itself; the rates are taken over a [`window`](Self::window).
///
/// ```
/// # use std::time::Duration;
/// use mcp_breaker::{Breaker, Window};
///
/// let breaker = Breaker::builder()
///     .failure_threshold(None) // by rates alone
///     .failure_rate(0.5)
///     .slow_call_rate(0.8)
///     .slow_call_duration(Duration::from_secs(5))
///     .window(Window::Time(Duration::from_secs(30)))
///     .minimum_calls(20)
///     .probes(3)
///     .on_change(|change| println!("{change}"))
///     .build()?;
/// # drop(breaker);
///
/// let error = Breaker::builder().failure_rate(50.0).build().unwrap_err();
/// assert_eq!(error.to_string(), "failure_rate is 50; it must be more than 0 and at most 1");
/// # Ok::<(), mcp_breaker::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct BreakerBuilder {
    mode: BreakerMode,
    failure_threshold: Option<u32>,
    failure_rate: Option<f64>,
    slow_call_rate: Option<f64>,
    slow_call_duration: Option<Duration>,
    window: Option<Window>,
    minimum_calls: Option<u32>,
    open_timeout: Duration,
    growth: f64,
    max_open_timeout: Option<Duration>,
    jitter: f64,
    max_retry_after: Duration,
    probes: u32,
    probe_timeout: Option<Duration>,
    listeners: Listeners,
}

/// What rates are taken over if nothing else is said.
const WINDOW: Window = Window::Calls(100);

/// The fewest results that make a rate if nothing else is said.
const MINIMUM_CALLS: u32 = 10;

/// What the wait grows to if nothing else is said and it is not longer from the start.
const MAX_OPEN_TIMEOUT: Duration = Duration::from_secs(600);

impl BreakerBuilder {
    /// The defaults of the session pool that this project measures itself against
    /// (`docs/benchmarks.md`): 5 failures in a row, 60 s.
    pub(crate) fn new() -> Self {
        Self {
            mode: BreakerMode::Automatic,
            failure_threshold: Some(5),
            failure_rate: None,
            slow_call_rate: None,
            slow_call_duration: None,
            window: None,
            minimum_calls: None,
            open_timeout: Duration::from_secs(60),
            growth: 2.0,
            max_open_timeout: None,
            jitter: 0.1,
            max_retry_after: Duration::from_secs(3600),
            probes: 1,
            probe_timeout: None,
            listeners: Listeners::default(),
        }
    }

    /// The breaker opens after so many failures in a row. Default: 5; `None` turns it off.
    pub fn failure_threshold(mut self, failures: impl Into<Option<u32>>) -> Self {
        self.failure_threshold = failures.into();
        self
    }

    /// The breaker opens when such a part of the results in the window are failures:
    /// 0.5 is half of them. Default: `None`, which is off.
    pub fn failure_rate(mut self, part: impl Into<Option<f64>>) -> Self {
        self.failure_rate = part.into();
        self
    }

    /// The breaker opens when such a part of the results in the window are slow, failed
    /// or not. Needs [`slow_call_duration`](Self::slow_call_duration). Default: `None`,
    /// which is off.
    pub fn slow_call_rate(mut self, part: impl Into<Option<f64>>) -> Self {
        self.slow_call_rate = part.into();
        self
    }

    /// A call that takes so long, or longer, is slow. Needs
    /// [`slow_call_rate`](Self::slow_call_rate). Default: `None`, and no call is timed.
    pub fn slow_call_duration(mut self, duration: impl Into<Option<Duration>>) -> Self {
        self.slow_call_duration = duration.into();
        self
    }

    /// The results that rates are taken over. Default: the latest 100 if there is a rate
    /// to take, else none. Set without a rate it only fills the
    /// [snapshot](mcp_domain::CircuitBreaker::snapshot).
    ///
    /// A success costs an atomic operation on a window of calls. On a window of time it
    /// also costs a look at the clock.
    pub fn window(mut self, window: impl Into<Option<Window>>) -> Self {
        self.window = window.into();
        self
    }

    /// With fewer results in the window there is no rate. Needs a rate or a
    /// [`window`](Self::window). Default: 10, or the window if that is smaller.
    pub fn minimum_calls(mut self, calls: u32) -> Self {
        self.minimum_calls = Some(calls);
        self
    }

    /// How long a breaker that opens waits before it lets probes through. Default: 60 s.
    pub fn open_timeout(mut self, wait: Duration) -> Self {
        self.open_timeout = wait;
        self
    }

    /// By how much the wait grows each time the probes fail; it starts anew when the
    /// breaker closes. Default: 2; 1 turns it off.
    pub fn growth(mut self, factor: f64) -> Self {
        self.growth = factor;
        self
    }

    /// What the wait grows to, at least `open_timeout`. Default: `None`, which is 600 s,
    /// or `open_timeout` if that is longer.
    pub fn max_open_timeout(mut self, most: impl Into<Option<Duration>>) -> Self {
        self.max_open_timeout = most.into();
        self
    }

    /// The part of the wait that is left to chance, so that many clients do not all
    /// come back at once: 0.1 makes it up to a tenth shorter, and the one that a server
    /// asked for up to a tenth longer. Default: 0.1; 0 turns it off.
    pub fn jitter(mut self, part: f64) -> Self {
        self.jitter = part;
        self
    }

    /// A server that asks to be left alone for longer than the wait is left alone, but
    /// for no longer than this (and the [`jitter`](Self::jitter)) from when it asked.
    /// Default: 1 h; zero leaves it unheard.
    ///
    /// It is heard from every failure since the breaker was last opened or closed, not
    /// only from the one that opens it.
    pub fn max_retry_after(mut self, most: Duration) -> Self {
        self.max_retry_after = most;
        self
    }

    /// How many probes pass before it is decided whether the breaker closes. Default: 1.
    ///
    /// They are judged by `failure_rate` and `slow_call_rate` where these are set.
    /// Without a `failure_rate`, one failure is too much.
    pub fn probes(mut self, count: u32) -> Self {
        self.probes = count;
        self
    }

    /// How long probes are waited for. When all that may pass have passed, and nothing is
    /// decided so long after the last of them, others may pass in place of those that are
    /// missing. A result counts however late it comes: a server that answers well, however
    /// slowly, ends closed. Default: `None`, which is `open_timeout`; good is the longest
    /// time that a call may take.
    pub fn probe_timeout(mut self, most: impl Into<Option<Duration>>) -> Self {
        self.probe_timeout = most.into();
        self
    }

    /// How it behaves from the start. Default: by its results.
    ///
    /// One that begins disabled or forced open needs no threshold, for it may be no more
    /// than a switch. Without one it opens by itself in no mode.
    pub fn mode(mut self, mode: BreakerMode) -> Self {
        self.mode = mode;
        self
    }

    /// Calls `listener` after each change of state, one change after another. Default:
    /// none; each call adds one.
    ///
    /// It runs in a call that caused a change, then or soon after, with nothing locked: it
    /// may use the breaker. It should be quick. A panic in it harms nobody.
    pub fn on_change(mut self, listener: impl Fn(&Change) + Send + Sync + 'static) -> Self {
        self.listeners.add(listener);
        self
    }

    /// Builds the breaker.
    ///
    /// # Errors
    ///
    /// [`BuildError`] names the first setting that cannot be.
    pub fn build(self) -> Result<Breaker, BuildError> {
        self.build_with_clock(SystemClock::default())
    }

    /// Builds the breaker with a clock of yours.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_with_clock<K: Clock>(self, clock: K) -> Result<Breaker<K>, BuildError> {
        Ok(Breaker::new(self.config()?, self.listeners, clock))
    }

    pub(crate) fn config(&self) -> Result<Config, BuildError> {
        Ok(Config {
            mode: self.mode,
            policy: self.policy()?,
            open_timeout: not_zero("open_timeout", self.open_timeout)?,
            growth: within("growth", self.growth, GROWTH)?,
            max_open_timeout: self.checked_max_open_timeout()?,
            jitter: within("jitter", self.jitter, JITTER)?,
            max_retry_after: self.max_retry_after,
            probe_timeout: match self.probe_timeout {
                Some(timeout) => as_nanos(not_zero("probe_timeout", timeout)?),
                None => as_nanos(self.open_timeout),
            },
        })
    }

    fn checked_max_open_timeout(&self) -> Result<Duration, BuildError> {
        let least = self.open_timeout;
        match self.max_open_timeout {
            Some(value) if value < least => Err(BuildError::WaitShrinks { value, least }),
            Some(value) => Ok(value),
            None => Ok(MAX_OPEN_TIMEOUT.max(least)),
        }
    }

    fn policy(&self) -> Result<Policy, BuildError> {
        let rate = |name, rate: Option<f64>| rate.map(|r| within(name, r, RATE)).transpose();
        let failure_threshold = self
            .failure_threshold
            .map(|n| not_zero("failure_threshold", n));
        let window = self.window_or_default()?;
        let policy = Policy {
            in_a_row: failure_threshold.transpose()?,
            window,
            minimum_calls: self.minimum_or_default(window)?,
            failure_rate: rate("failure_rate", self.failure_rate)?,
            slow_call_rate: rate("slow_call_rate", self.slow_call_rate)?,
            slow_call_duration: self.checked_slow_call_duration()?,
            probes: not_zero("probes", self.probes)?,
        };
        let goes_by_results = !matches!(self.mode, BreakerMode::Disabled | BreakerMode::ForcedOpen);
        if goes_by_results && policy.in_a_row.is_none() && !self.has_rate() {
            return Err(BuildError::NeverOpens);
        }
        Ok(policy)
    }

    fn has_rate(&self) -> bool {
        self.failure_rate.is_some() || self.slow_call_rate.is_some()
    }

    fn window_or_default(&self) -> Result<Option<Window>, BuildError> {
        match self.window {
            Some(Window::Calls(calls)) => drop(not_zero("window", calls)?),
            Some(Window::Time(length)) => drop(not_zero("window", length)?),
            None => {}
        }
        Ok(self.window.or_else(|| self.has_rate().then_some(WINDOW)))
    }

    fn minimum_or_default(&self, window: Option<Window>) -> Result<u64, BuildError> {
        let most = match window {
            Some(Window::Calls(calls)) => calls,
            Some(Window::Time(_)) => u32::MAX,
            None if self.minimum_calls.is_some() => {
                return Err(BuildError::Missing {
                    name: "window",
                    needed_by: "minimum_calls",
                });
            }
            None => MINIMUM_CALLS,
        };
        match self.minimum_calls {
            Some(value) if value > most => Err(BuildError::NeverReached { value, most }),
            Some(value) => Ok(u64::from(not_zero("minimum_calls", value)?)),
            None => Ok(u64::from(MINIMUM_CALLS.min(most))),
        }
    }

    fn checked_slow_call_duration(&self) -> Result<Option<u64>, BuildError> {
        let missing = |name, needed_by| Err(BuildError::Missing { name, needed_by });
        match (self.slow_call_rate, self.slow_call_duration) {
            (Some(_), None) => missing("slow_call_duration", "slow_call_rate"),
            (None, Some(_)) => missing("slow_call_rate", "slow_call_duration"),
            (None, None) => Ok(None),
            (Some(_), Some(duration)) => {
                Ok(Some(as_nanos(not_zero("slow_call_duration", duration)?)))
            }
        }
    }
}
