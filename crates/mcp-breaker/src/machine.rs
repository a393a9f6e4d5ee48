//! The state machine: what calls, results and time make of the state.
//!
//! Plain data: it reads no clock, and somebody else sees to it that one thread at a
//! time moves it on. Moments are the breaker's own ([`Timeline`](crate::timeline::Timeline)).

use std::time::Duration;

use mcp_domain::{BreakerMode, BreakerSnapshot, BreakerState};

use crate::{
    Reason,
    clock::as_nanos,
    config::Config,
    policy::{Call, Tally, Verdict, rate},
    timeline::{NEVER, later},
    window::Results,
    word::{MOST_LENT, UNCOUNTED, Word},
};

#[derive(Debug)]
pub(crate) struct Machine {
    config: Config,
    mode: BreakerMode,
    phase: Phase,
    /// Counts the phases.
    generation: u32,
    /// When the state began.
    since: u64,
    /// Failures in a row. Not closed: those that opened it first.
    run: u32,
    /// The results that count. Not closed: those that opened it first.
    results: Results,
    /// The probes that opened it again, if any did since it was last closed.
    reopened_by: Option<Tally>,
    /// How often it has opened since it was last closed.
    opened_in_a_row: u32,
    /// The latest moment until which the server asked to be left alone since it was last
    /// closed. It lies ahead only by failures since it was last opened, for it was left
    /// alone for that long.
    asked_until: u64,
    /// How often it has ever opened.
    opened: u64,
    /// What the last [`word`](Self::word) has lent.
    lent: u32,
    /// The latest change of state: from which, and why.
    changed: Option<(BreakerState, Reason)>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed,
    HalfOpen {
        /// Probes under way.
        out: u32,
        /// How many of them others may take the place of, for they took too long.
        /// Their results count nevertheless.
        forgiven: u32,
        /// Probes that have ended.
        ended: Tally,
        /// When those under way will be forgiven, if no more may pass by then.
        until: u64,
    },
    Open {
        /// When a probe may pass.
        until: u64,
    },
}

/// The answer to who asks leave for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// In this generation.
    Granted(u32),
    Refused,
}

impl Machine {
    /// Begins at moment 0.
    pub(crate) fn new(config: Config) -> Self {
        let mut machine = Self {
            mode: config.mode,
            phase: Phase::Closed,
            generation: 0,
            since: 0,
            run: 0,
            results: Results::new(config.policy.window, 0),
            reopened_by: None,
            opened_in_a_row: 0,
            asked_until: 0,
            opened: 0,
            lent: 0,
            changed: None,
            config,
        };
        machine.start(Reason::ModeSet, 0);
        machine.changed = None;
        machine
    }

    /// Asks leave for a call.
    pub(crate) fn admit(&mut self, now: u64) -> Admission {
        self.advance(now);
        let full = self.is_full();
        match &mut self.phase {
            Phase::Closed => Admission::Granted(self.generation),
            Phase::HalfOpen { until, .. } if full && now < *until => Admission::Refused,
            Phase::HalfOpen {
                out,
                forgiven,
                until,
                ..
            } => {
                if full {
                    *forgiven = *out;
                }
                *out = out.saturating_add(1);
                *until = later(now, self.config.probe_timeout);
                Admission::Granted(self.generation)
            }
            Phase::Open { .. } => Admission::Refused,
        }
    }

    /// A call of this generation has ended; `hint` is for how long the server asked to be
    /// left alone.
    pub(crate) fn settle(&mut self, generation: u64, call: Call, hint: Option<Duration>, now: u64) {
        if u64::from(self.generation) != generation {
            return;
        }
        if self.mode == BreakerMode::Disabled {
            return;
        }
        if call.failed {
            self.hear(hint, now);
        }
        self.probe_is_back();
        match &mut self.phase {
            Phase::Closed => self.count(call, now),
            Phase::HalfOpen { ended, .. } => {
                ended.add(call);
                let ended = *ended;
                match self.config.policy.verdict(ended) {
                    Verdict::Bad(reason) => {
                        self.reopened_by = Some(ended);
                        self.open(reason, now);
                    }
                    Verdict::Good => self.start(Reason::ProbesSucceeded, now),
                    Verdict::Undecided => {}
                }
            }
            // Nobody has a ticket of an open generation.
            Phase::Open { .. } => {}
        }
    }

    /// A call of this generation has ended and counts for nothing.
    pub(crate) fn release(&mut self, generation: u64) {
        if u64::from(self.generation) == generation {
            self.probe_is_back();
        }
    }

    /// A probe is no longer under way. Nobody knows whether it was one of the forgiven:
    /// that it was lets no more pass than if it was not.
    fn probe_is_back(&mut self) {
        if let Phase::HalfOpen { out, forgiven, .. } = &mut self.phase {
            *out = out.saturating_sub(1);
            *forgiven = forgiven.saturating_sub(1);
        }
    }

    /// The server asked to be left alone for so long.
    fn hear(&mut self, hint: Option<Duration>, now: u64) {
        if let Some(hint) = hint {
            let hint = hint.min(self.config.max_retry_after);
            self.asked_until = self.asked_until.max(later(now, as_nanos(hint)));
        }
    }

    /// Does what is due by now.
    pub(crate) fn advance(&mut self, now: u64) {
        if self.due().is_some_and(|due| now >= due) {
            let fresh = Phase::HalfOpen {
                out: 0,
                forgiven: 0,
                ended: Tally::default(),
                until: NEVER,
            };
            self.enter(fresh, Reason::WaitOver, now);
        }
    }

    /// When [`advance`](Self::advance) will have something to do, if nothing else
    /// happens before.
    pub(crate) fn due(&self) -> Option<u64> {
        match self.phase {
            Phase::Open { until } if until != NEVER => Some(until),
            Phase::Closed | Phase::HalfOpen { .. } | Phase::Open { .. } => None,
        }
    }

    /// No more probes may pass, unless those under way are forgiven.
    fn is_full(&self) -> bool {
        match self.phase {
            Phase::HalfOpen {
                out,
                forgiven,
                ended,
                ..
            } => u64::from(out - forgiven) + ended.calls >= u64::from(self.config.policy.probes),
            Phase::Closed | Phase::Open { .. } => false,
        }
    }

    /// Begins anew in this mode, unless it is in it already.
    pub(crate) fn set_mode(&mut self, mode: BreakerMode, now: u64) {
        if self.mode != mode {
            self.mode = mode;
            self.start(Reason::ModeSet, now);
        }
    }

    /// Forgets all results and begins as the mode wants it.
    pub(crate) fn start(&mut self, reason: Reason, now: u64) {
        self.run = 0;
        self.results = Results::new(self.config.policy.window, now);
        self.reopened_by = None;
        self.opened_in_a_row = 0;
        self.asked_until = 0;
        let first = match self.mode {
            BreakerMode::ForcedOpen => Phase::Open { until: NEVER },
            _ => Phase::Closed,
        };
        self.enter(first, reason, now);
    }

    /// Counts a result while closed.
    fn count(&mut self, call: Call, now: u64) {
        let policy = self.config.policy;
        self.results.roll(now);
        self.results.record(call);
        self.run = if call.failed && policy.in_a_row.is_some() {
            self.run.saturating_add(1)
        } else {
            0
        };
        if let Some(reason) = policy.judge(self.run, self.results.tally()) {
            self.open(reason, now);
        }
    }

    fn open(&mut self, reason: Reason, now: u64) {
        let asked = Duration::from_nanos(self.asked_until.saturating_sub(now));
        let wait = self
            .config
            .wait(self.opened_in_a_row, asked, fastrand::f64());
        self.opened_in_a_row = self.opened_in_a_row.saturating_add(1);
        self.opened += 1;
        let until = later(now, as_nanos(wait));
        self.enter(Phase::Open { until }, reason, now);
    }

    fn enter(&mut self, phase: Phase, reason: Reason, now: u64) {
        let from = self.state();
        self.phase = phase;
        // After 2^32 changes it starts over; a ticket that old is gone.
        self.generation = self.generation.wrapping_add(1);
        self.since = now;
        self.changed = Some((from, reason));
    }

    /// The change of state since the last time, from which state and why. Each of the
    /// other methods makes one at most.
    pub(crate) fn take_change(&mut self) -> Option<(BreakerState, Reason)> {
        self.changed.take()
    }
}

// === What can be seen of it ===

impl Machine {
    pub(crate) fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed => BreakerState::Closed,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
            Phase::Open { .. } => BreakerState::Open,
        }
    }

    /// Calls pass even where the state forbids it.
    pub(crate) fn observes(&self) -> bool {
        self.mode == BreakerMode::ObserveOnly
    }

    /// The time until a probe may pass, if it is open and that will come.
    pub(crate) fn wait_left(&self, now: u64) -> Option<Duration> {
        let due = self.due()?;
        Some(Duration::from_nanos(due.saturating_sub(now)))
    }

    /// All but what is counted without the machine.
    pub(crate) fn snapshot(&mut self, now: u64) -> BreakerSnapshot {
        if matches!(self.phase, Phase::Closed) {
            self.results.roll(now);
        }
        let policy = &self.config.policy;
        let (tally, failures, known) = match self.reopened_by {
            Some(probes) => (probes, probes.failures, true),
            None => {
                let tally = self.results.tally();
                match policy.window {
                    Some(_) => (tally, tally.failures, policy.has_rates(tally)),
                    None => (tally, u64::from(self.run), false),
                }
            }
        };
        let share = |count| known.then(|| rate(count, tally.calls));
        let mut snapshot = BreakerSnapshot::new(self.state());
        snapshot.mode = self.mode;
        snapshot.in_state_for = Some(Duration::from_nanos(now.saturating_sub(self.since)));
        snapshot.failure_count = failures;
        snapshot.slow_count = tally.slow;
        snapshot.calls = tally.calls;
        snapshot.failure_rate = share(tally.failures);
        snapshot.slow_rate = share(tally.slow).filter(|_| policy.slow_call_rate.is_some());
        snapshot.opened = self.opened;
        snapshot.retry_after = self.wait_left(now);
        if let Phase::HalfOpen { out, .. } = self.phase {
            snapshot.probes = u64::from(out);
        }
        snapshot
    }
}

// === What works without asking the machine ===

impl Machine {
    /// What the hot path needs to know from now on.
    pub(crate) fn word(&mut self) -> Word {
        self.lent = match self.phase {
            Phase::Closed => self.harmless_successes(),
            Phase::HalfOpen { .. } => u32::from(self.is_full()),
            Phase::Open { .. } => 1,
        };
        Word::new(self.state(), self.observes(), self.lent, self.generation)
    }

    fn harmless_successes(&self) -> u32 {
        if self.mode == BreakerMode::Disabled {
            UNCOUNTED
        } else if self.run > 0 {
            // It would end the run.
            0
        } else if self.config.policy.window.is_none() {
            UNCOUNTED
        } else {
            let policy = &self.config.policy;
            let harmless = policy.harmless_successes(self.run, self.results.tally());
            u32::try_from(harmless).map_or(MOST_LENT, |harmless| harmless.min(MOST_LENT))
        }
    }

    /// Counts the successes that were lent and are not left.
    pub(crate) fn absorb(&mut self, left: u32) {
        if matches!(self.phase, Phase::Closed) && self.lent != UNCOUNTED {
            self.results.absorb(self.lent.saturating_sub(left));
        }
        self.lent = left;
    }

    /// From when until when the word is good.
    pub(crate) fn span(&self) -> (u64, u64) {
        match self.phase {
            Phase::Closed => self.results.span(),
            Phase::HalfOpen { until, .. } | Phase::Open { until } => (self.since, until),
        }
    }
}
