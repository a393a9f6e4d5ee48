//! The results that count at present.
//!
//! Successes that were not slow come in bulk, for the hot path only counts them; the
//! others are few in a healthy breaker, and come one by one.

mod calls;
mod time;

use self::{calls::LatestCalls, time::LatestTime};
use crate::{
    policy::{Call, Tally, Window},
    timeline::NEVER,
};

/// The results within a [`Window`], or none if there is no window.
#[derive(Clone, Debug)]
pub(crate) enum Results {
    Calls(LatestCalls),
    None,
    Time(LatestTime),
}

impl Results {
    /// No results, from this moment on.
    pub(crate) fn new(window: Option<Window>, now: u64) -> Self {
        match window {
            Some(Window::Calls(size)) => Self::Calls(LatestCalls::new(size)),
            Some(Window::Time(length)) => Self::Time(LatestTime::new(length, now)),
            None => Self::None,
        }
    }

    /// Counts so many successes that were not slow, which ended within the
    /// [`span`](Self::span).
    pub(crate) fn absorb(&mut self, successes: u32) {
        match self {
            Self::Calls(calls) => calls.absorb(u64::from(successes)),
            Self::None => {}
            Self::Time(time) => time.absorb(u64::from(successes)),
        }
    }

    /// Forgets what is too old at this moment.
    pub(crate) fn roll(&mut self, now: u64) {
        if let Self::Time(time) = self {
            time.roll(now);
        }
    }

    /// Counts a call that ended at the moment it was rolled to.
    pub(crate) fn record(&mut self, call: Call) {
        match self {
            Self::Calls(calls) => calls.record(call),
            Self::None => {}
            Self::Time(time) => time.record(call),
        }
    }

    pub(crate) fn tally(&self) -> Tally {
        match self {
            Self::Calls(calls) => calls.tally(),
            Self::None => Tally::default(),
            Self::Time(time) => time.tally(),
        }
    }

    /// From when until when the results count that count now.
    pub(crate) fn span(&self) -> (u64, u64) {
        match self {
            Self::Calls(_) | Self::None => (0, NEVER),
            Self::Time(time) => time.span(),
        }
    }
}
