//! A breaker as one would write it on paper: every result is kept for ever, every
//! figure is counted anew, time is in whole seconds, and nothing happens at once.

use mcp_breaker::Reason;
use mcp_domain::{BreakerMode, BreakerState};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Window {
    Calls(usize),
    /// Of twenty seconds, in parts of two.
    Time,
}

/// In quarters: 2 is half of the calls.
pub(crate) type Quarters = usize;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) mode: BreakerMode,
    pub(crate) in_a_row: Option<usize>,
    pub(crate) failure_rate: Option<Quarters>,
    pub(crate) slow_rate: Option<Quarters>,
    pub(crate) window: Option<Window>,
    pub(crate) minimum: usize,
    pub(crate) probes: usize,
    pub(crate) growing: bool,
}

pub(crate) const SLOW: u64 = 5;
pub(crate) const WAIT: u64 = 10;
pub(crate) const LONGEST_WAIT: u64 = 30;
pub(crate) const LONGEST_HINT: u64 = 25;
pub(crate) const PROBE_TIMEOUT: u64 = 7;

#[derive(Clone, Copy, Debug)]
struct Ended {
    at: u64,
    failed: bool,
    slow: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    pub(crate) calls: usize,
    pub(crate) failures: usize,
    pub(crate) slow: usize,
}

impl Figures {
    fn of<'a>(results: impl Iterator<Item = &'a Ended>) -> Self {
        let mut figures = Self::default();
        for result in results {
            figures.calls += 1;
            figures.failures += usize::from(result.failed);
            figures.slow += usize::from(result.slow);
        }
        figures
    }
}

#[derive(Clone, Debug)]
enum State {
    Closed,
    Open {
        until: Option<u64>,
    },
    HalfOpen {
        under_way: Vec<Place>,
        ended: Vec<Ended>,
        last_admission: u64,
    },
}

/// Whether a probe under way still has its place among those that may pass.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Kept,
    /// It took too long, and another may pass in its place.
    GivenAway,
}

/// How a call that counts ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Result {
    pub(crate) failed: bool,
    pub(crate) slow: bool,
    pub(crate) hint: Option<u64>,
}

/// Leave for a call: the number of the state that gave it, or none if it only passed
/// because the breaker was to observe.
pub(crate) type Leave = Option<usize>;

pub(crate) struct Model {
    settings: Settings,
    pub(crate) mode: BreakerMode,
    /// Goes on also when the clock goes back.
    pub(crate) now: u64,
    /// Counts the states.
    epoch: usize,
    state: State,
    since: u64,
    run: usize,
    results: Vec<Ended>,
    frozen: Figures,
    waits: u32,
    /// Until when the server asked to be left alone, each time.
    asked: Vec<u64>,
    pub(crate) opened: u64,
    pub(crate) rejected: u64,
    pub(crate) let_through: u64,
    pub(crate) changes: Vec<(BreakerState, BreakerState, Reason)>,
}

impl Model {
    pub(crate) fn new(settings: Settings, now: u64) -> Self {
        let mut model = Self {
            mode: settings.mode,
            settings,
            now,
            epoch: 0,
            state: State::Closed,
            since: now,
            run: 0,
            results: Vec::new(),
            frozen: Figures::default(),
            waits: 0,
            asked: Vec::new(),
            opened: 0,
            rejected: 0,
            let_through: 0,
            changes: Vec::new(),
        };
        model.begin(Reason::ModeSet);
        model.changes.clear();
        model
    }

    fn enter(&mut self, state: State, reason: Reason) {
        let from = self.state();
        self.state = state;
        self.epoch += 1;
        self.since = self.now;
        self.changes.push((from, self.state(), reason));
    }

    pub(crate) fn begin(&mut self, reason: Reason) {
        self.run = 0;
        self.results.clear();
        self.frozen = Figures::default();
        self.waits = 0;
        self.asked.clear();
        if self.mode == BreakerMode::ForcedOpen {
            self.enter(State::Open { until: None }, reason);
        } else {
            self.enter(State::Closed, reason);
        }
    }

    pub(crate) fn set_mode(&mut self, mode: BreakerMode) {
        if mode != self.mode {
            self.mode = mode;
            self.begin(Reason::ModeSet);
        }
    }

    fn open(&mut self, reason: Reason) {
        self.frozen = match &self.state {
            State::HalfOpen { ended, .. } => Figures::of(ended.iter()),
            _ => self.figures(),
        };
        let mut wait = WAIT;
        for _ in 0..self.waits {
            wait = if self.settings.growing {
                (2 * wait).min(LONGEST_WAIT)
            } else {
                wait
            };
        }
        let asked = self.asked.drain(..).max().unwrap_or(0);
        self.waits += 1;
        self.opened += 1;
        let until = Some(asked.max(self.now + wait));
        self.enter(State::Open { until }, reason);
    }

    /// What time alone brings about, when somebody looks.
    fn time_passes(&mut self) {
        if self.due().is_some_and(|due| self.now >= due) {
            let fresh = State::HalfOpen {
                under_way: Vec::new(),
                ended: Vec::new(),
                last_admission: self.now,
            };
            self.enter(fresh, Reason::WaitOver);
        }
    }

    fn due(&self) -> Option<u64> {
        match &self.state {
            State::Open { until } => *until,
            _ => None,
        }
    }

    pub(crate) fn tick(&mut self) -> Option<u64> {
        self.time_passes();
        Some(self.due()? - self.now)
    }

    /// `None` if it is refused.
    pub(crate) fn admit(&mut self) -> Option<Leave> {
        self.time_passes();
        let (probes, now) = (self.settings.probes, self.now);
        let admitted = match &mut self.state {
            State::Closed => true,
            State::Open { .. } => false,
            State::HalfOpen {
                under_way,
                ended,
                last_admission,
            } => {
                let taken = |places: &[Place]| places.iter().filter(|p| **p == Place::Kept).count();
                let mut is_free = taken(under_way) + ended.len() < probes;
                if !is_free && now >= *last_admission + PROBE_TIMEOUT {
                    under_way.fill(Place::GivenAway);
                    is_free = true;
                }
                if is_free {
                    under_way.push(Place::Kept);
                    *last_admission = now;
                }
                is_free
            }
        };
        if admitted {
            Some(Some(self.epoch))
        } else if self.mode == BreakerMode::ObserveOnly {
            self.let_through += 1;
            Some(None)
        } else {
            self.rejected += 1;
            None
        }
    }

    /// A call ended; without a result it counts for nothing.
    pub(crate) fn settle(&mut self, leave: Leave, result: Option<Result>) {
        if leave != Some(self.epoch) {
            return;
        }
        if let State::HalfOpen { under_way, .. } = &mut self.state {
            // Which one it was is not known. The answer that lets fewer pass is taken.
            let first = under_way.iter().position(|p| *p == Place::GivenAway);
            under_way.remove(first.unwrap_or(0));
        }
        let Some(Result { failed, slow, hint }) = result else {
            return;
        };
        let ended = Ended {
            at: self.now,
            failed,
            slow,
        };
        if let (Some(hint), false) = (hint, self.mode == BreakerMode::Disabled) {
            self.asked.push(self.now + hint.min(LONGEST_HINT));
        }
        if let State::HalfOpen { ended: probes, .. } = &mut self.state {
            probes.push(ended);
            match self.verdict() {
                Some(Some(reason)) => self.open(reason),
                Some(None) => self.begin(Reason::ProbesSucceeded),
                None => {}
            }
        } else if self.mode != BreakerMode::Disabled {
            self.results.push(ended);
            self.run = if failed { self.run + 1 } else { 0 };
            if let Some(reason) = self.judgement() {
                self.open(reason);
            }
        }
    }

    fn judgement(&self) -> Option<Reason> {
        if self.settings.in_a_row.is_some_and(|most| self.run >= most) {
            return Some(Reason::FailuresInARow);
        }
        let figures = self.figures();
        if figures.calls < self.settings.minimum || figures.calls == 0 {
            return None;
        }
        let reached = |count: usize, most: Option<Quarters>| {
            most.is_some_and(|quarters| 4 * count >= quarters * figures.calls)
        };
        if reached(figures.failures, self.settings.failure_rate) {
            return Some(Reason::FailureRate);
        }
        reached(figures.slow, self.settings.slow_rate).then_some(Reason::SlowCallRate)
    }

    /// Why the probes were bad, or that they were good; `None` if those that are missing
    /// could make it one or the other.
    fn verdict(&self) -> Option<Option<Reason>> {
        let State::HalfOpen { ended, .. } = &self.state else {
            return None;
        };
        let probes = self.settings.probes;
        let so_far = Figures::of(ended.iter());
        let missing = probes - so_far.calls;
        let too_many_failed = |failures: usize| match self.settings.failure_rate {
            Some(quarters) => 4 * failures >= quarters * probes,
            None => failures > 0,
        };
        let too_many_slow = |slow: usize| {
            let rate = self.settings.slow_rate;
            rate.is_some_and(|quarters| 4 * slow >= quarters * probes)
        };
        // All ways that it can end.
        let mut ends = Vec::new();
        for failures in so_far.failures..=so_far.failures + missing {
            for slow in so_far.slow..=so_far.slow + missing {
                ends.push(too_many_failed(failures) || too_many_slow(slow));
            }
        }
        if ends.iter().all(|bad| *bad) {
            let failed = too_many_failed(so_far.failures);
            Some(Some(if failed {
                Reason::ProbesFailed
            } else {
                Reason::ProbesSlow
            }))
        } else if ends.iter().all(|bad| !bad) {
            Some(None)
        } else {
            None
        }
    }

    /// What counts: closed, what is in the window now; else, what was when it opened.
    pub(crate) fn figures(&self) -> Figures {
        if !matches!(self.state, State::Closed) {
            return self.frozen;
        }
        match self.settings.window {
            None => Figures {
                failures: if self.settings.in_a_row.is_some() {
                    self.run
                } else {
                    0
                },
                ..Figures::default()
            },
            Some(Window::Calls(size)) => Figures::of(self.results.iter().rev().take(size)),
            Some(Window::Time) => {
                let is_young = |result: &&Ended| result.at / 2 + 10 > self.now / 2;
                Figures::of(self.results.iter().filter(is_young))
            }
        }
    }

    pub(crate) fn state(&self) -> BreakerState {
        match self.state {
            State::Closed => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    pub(crate) fn probes_under_way(&self) -> usize {
        match self.state {
            State::HalfOpen { ref under_way, .. } => under_way.len(),
            _ => 0,
        }
    }

    pub(crate) fn in_state_for(&self) -> u64 {
        self.now - self.since
    }

    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self.state {
            State::Open { until } => until.map(|until| until.saturating_sub(self.now)),
            _ => None,
        }
    }
}
