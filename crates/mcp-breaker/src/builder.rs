//! What can be set, and what is refused.

use std::time::Duration;

use mcp_domain::BreakerMode;

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
    max_open_timeout: Duration,
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
            max_open_timeout: Duration::from_secs(600),
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

    /// With fewer results in the window there is no rate. Default: 10, or the window if
    /// that is smaller.
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

    /// What the wait grows to. Default: 600 s, or `open_timeout` if that is longer.
    pub fn max_open_timeout(mut self, most: Duration) -> Self {
        self.max_open_timeout = most;
        self
    }

    /// The part of the wait that is left to chance, so that many clients do not all
    /// come back at once: 0.1 makes it up to a tenth shorter. Default: 0.1; 0 turns it off.
    pub fn jitter(mut self, part: f64) -> Self {
        self.jitter = part;
        self
    }

    /// A server that asks to be left alone for longer than the wait is left alone, but
    /// for no longer than this. Default: 1 h; zero leaves it unheard.
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

    /// When all probes have passed and none has come back for so long, those missing are
    /// given up, and others may pass. Default: `None`, which is `open_timeout`.
    pub fn probe_timeout(mut self, most: impl Into<Option<Duration>>) -> Self {
        self.probe_timeout = most.into();
        self
    }

    /// How it behaves from the start. Default: by its results.
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
        let config = Config {
            mode: self.mode,
            policy: self.policy()?,
            open_timeout: not_zero("open_timeout", self.open_timeout)?,
            growth: within("growth", self.growth, GROWTH)?,
            max_open_timeout: self.max_open_timeout,
            jitter: within("jitter", self.jitter, JITTER)?,
            max_retry_after: self.max_retry_after,
            probe_timeout: match self.probe_timeout {
                Some(timeout) => as_nanos(not_zero("probe_timeout", timeout)?),
                None => as_nanos(self.open_timeout),
            },
        };
        Ok(Breaker::new(config, self.listeners, clock))
    }

    fn policy(&self) -> Result<Policy, BuildError> {
        let rate = |name, rate: Option<f64>| rate.map(|r| within(name, r, RATE)).transpose();
        let failure_threshold = self
            .failure_threshold
            .map(|n| not_zero("failure_threshold", n));
        let policy = Policy {
            in_a_row: failure_threshold.transpose()?,
            window: self.window_or_default()?,
            minimum_calls: self.minimum_or_default()?,
            failure_rate: rate("failure_rate", self.failure_rate)?,
            slow_call_rate: rate("slow_call_rate", self.slow_call_rate)?,
            slow_call_duration: self.checked_slow_call_duration()?,
            probes: not_zero("probes", self.probes)?,
        };
        if policy.in_a_row.is_none() && !self.has_rate() {
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

    fn minimum_or_default(&self) -> Result<u64, BuildError> {
        let most = match self.window {
            Some(Window::Calls(calls)) => calls,
            Some(Window::Time(_)) => u32::MAX,
            None => match WINDOW {
                Window::Calls(calls) => calls,
                Window::Time(_) => u32::MAX,
            },
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

/// What a number may be: a test, and the same in words.
type Allowed = (fn(f64) -> bool, &'static str);

const GROWTH: Allowed = (|x| x >= 1.0 && x.is_finite(), "1 or more");
const JITTER: Allowed = (|x| (0.0..=1.0).contains(&x), "between 0 and 1");
const RATE: Allowed = (|x| x > 0.0 && x <= 1.0, "more than 0 and at most 1");

fn within(
    name: &'static str,
    value: f64,
    (is_allowed, allowed): Allowed,
) -> Result<f64, BuildError> {
    if is_allowed(value) {
        Ok(value)
    } else {
        Err(BuildError::Outside {
            name,
            value,
            allowed,
        })
    }
}

fn not_zero<T: Default + PartialEq>(name: &'static str, value: T) -> Result<T, BuildError> {
    if value == T::default() {
        Err(BuildError::Zero { name })
    } else {
        Ok(value)
    }
}

/// A setting that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting means nothing without another one.
    #[error("{name} is not set; {needed_by} needs it")]
    Missing {
        /// The one that is not set.
        name: &'static str,
        /// The one that is.
        needed_by: &'static str,
    },
    /// Nothing is set that could open it.
    #[error("none of failure_threshold, failure_rate and slow_call_rate is set; one must be")]
    NeverOpens,
    /// The window is too small for a rate ever to be taken.
    #[error("minimum_calls is {value}; it must be at most the window, which is {most} calls")]
    NeverReached {
        /// What was asked for.
        value: u32,
        /// The window.
        most: u32,
    },
    /// A number that makes no sense here.
    #[error("{name} is {value}; it must be {allowed}")]
    Outside {
        /// The setting.
        name: &'static str,
        /// What was asked for.
        value: f64,
        /// What would be right.
        allowed: &'static str,
    },
    /// A setting that is nothing, where that makes no sense.
    #[error("{name} is 0; it must be more")]
    Zero {
        /// The setting.
        name: &'static str,
    },
}
