//! The breaker: closed to open to half-open, and back.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mcp_domain::{BreakerSnapshot, BreakerState, CircuitBreaker, Outcome, Rejected, Ticket};

use crate::{BreakerBuilder, Clock, SystemClock, config::Config, word::Word};

/// A circuit breaker that opens after a number of failures in a row.
///
/// - *closed*: all calls pass. To open, when the last `failure_threshold` results were failures.
/// - *open*: no call passes. To half-open, with the first call after `open_timeout`,
///   which grows while the server stays down, or after the time that the server
///   asked for, if that is longer.
/// - *half-open*: up to `probes` calls pass. To closed when so many have succeeded;
///   to open when one fails.
#[derive(Debug)]
pub struct Breaker<K: Clock = SystemClock> {
    config: Config,
    clock: K,
    /// A [`Word`]. Out of the closed state it changes only under the lock.
    word: AtomicU64,
    rejected: AtomicU64,
    tripped: Mutex<Tripped>,
}

/// What matters while the breaker is not closed.
#[derive(Clone, Copy, Debug, Default)]
struct Tripped {
    /// Open: when the first probe may pass. Half-open: when the probes under way
    /// are given up.
    until: Duration,
    /// Probes under way.
    out: u32,
    /// Probes that succeeded.
    succeeded: u32,
    /// How often it has opened since it was last closed.
    opened: u32,
}

impl Breaker {
    /// Starts from the defaults.
    pub fn builder() -> BreakerBuilder {
        BreakerBuilder::new()
    }
}

impl Default for Breaker {
    fn default() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "the defaults are valid, as a test shows"
        )]
        Self::builder().build().expect("valid defaults")
    }
}

impl<K: Clock> Breaker<K> {
    pub(crate) fn new(config: Config, clock: K) -> Self {
        Self {
            config,
            clock,
            word: AtomicU64::new(Word::CLOSED.0),
            rejected: AtomicU64::new(0),
            tripped: Mutex::default(),
        }
    }

    fn word(&self) -> Word {
        Word(self.word.load(Ordering::Acquire))
    }

    fn lock(&self) -> MutexGuard<'_, Tripped> {
        self.tripped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the word if it is still the expected one.
    fn change(&self, from: Word, to: Word) -> bool {
        self.word
            .compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    fn ticket(word: Word) -> Ticket {
        Ticket::new(word.generation())
    }

    /// Admission when the breaker is not closed.
    fn admit_probe(&self) -> Result<Ticket, Rejected> {
        let mut tripped = self.lock();
        // Under the lock an open or half-open word stays as it is.
        let word = self.word();
        let now = self.clock.now();
        let due = now >= tripped.until;
        match word.state() {
            BreakerState::Closed => Ok(Self::ticket(word)),
            BreakerState::HalfOpen if tripped.out + tripped.succeeded < self.config.probes => {
                tripped.out += 1;
                Ok(Self::ticket(word))
            }
            BreakerState::Open | BreakerState::HalfOpen if due => {
                let next = word.next(BreakerState::HalfOpen);
                *tripped = Tripped {
                    until: now.saturating_add(self.config.open_timeout),
                    out: 1,
                    succeeded: 0,
                    opened: tripped.opened,
                };
                self.word.store(next.0, Ordering::Release);
                Ok(Self::ticket(next))
            }
            BreakerState::Open | BreakerState::HalfOpen => {
                self.rejected.fetch_add(1, Ordering::Relaxed);
                Err(Rejected {
                    retry_after: Some(tripped.until.saturating_sub(now)),
                })
            }
        }
    }

    /// A call that was admitted while closed has ended.
    fn settle_closed(&self, generation: u64, outcome: Outcome) {
        loop {
            let word = self.word();
            if word.generation() != generation {
                return;
            }
            let next = match outcome {
                Outcome::Success if word.failures() > 0 => word.with_failures(0),
                Outcome::Failure { retry_after } => {
                    let failures = word.failures() + 1;
                    if failures >= self.config.failure_threshold {
                        if self.trip(word, retry_after) {
                            return;
                        }
                        continue;
                    }
                    word.with_failures(failures)
                }
                _ => return,
            };
            if self.change(word, next) {
                return;
            }
        }
    }

    /// Opens the breaker, unless its state has changed meanwhile.
    fn trip(&self, from: Word, retry_after: Option<Duration>) -> bool {
        let mut tripped = self.lock();
        let opened = self.change(from, from.next(BreakerState::Open));
        if opened {
            *tripped = self.waiting(0, retry_after);
        }
        opened
    }

    fn waiting(&self, opened: u32, retry_after: Option<Duration>) -> Tripped {
        let wait = self.config.wait(opened, fastrand::f64());
        let wait = wait.max(retry_after.unwrap_or_default());
        Tripped {
            until: self.clock.now().saturating_add(wait),
            opened: opened.saturating_add(1),
            ..Tripped::default()
        }
    }

    /// A probe has ended.
    fn settle_probe(&self, generation: u64, outcome: Outcome) {
        let mut tripped = self.lock();
        let word = self.word();
        if word.generation() != generation {
            return;
        }
        tripped.out = tripped.out.saturating_sub(1);
        match outcome {
            Outcome::Success => {
                tripped.succeeded += 1;
                if tripped.succeeded >= self.config.probes {
                    let next = word.next(BreakerState::Closed);
                    self.word.store(next.0, Ordering::Release);
                }
            }
            Outcome::Failure { retry_after } => {
                *tripped = self.waiting(tripped.opened, retry_after);
                let next = word.next(BreakerState::Open);
                self.word.store(next.0, Ordering::Release);
            }
            _ => {}
        }
    }
}

impl<K: Clock> CircuitBreaker for Breaker<K> {
    fn try_admit(&self) -> Result<Ticket, Rejected> {
        let word = self.word();
        match word.state() {
            BreakerState::Closed => Ok(Self::ticket(word)),
            BreakerState::HalfOpen | BreakerState::Open => self.admit_probe(),
        }
    }

    fn settle(&self, ticket: Ticket, outcome: Outcome) {
        let word = self.word();
        if word.generation() != ticket.generation() {
            return;
        }
        match (word.state(), outcome) {
            // The hot path.
            (BreakerState::Closed, Outcome::Success) if word.failures() == 0 => {}
            (BreakerState::Closed, outcome) => self.settle_closed(ticket.generation(), outcome),
            (BreakerState::HalfOpen, outcome) => self.settle_probe(ticket.generation(), outcome),
            // No ticket is of an open generation.
            (BreakerState::Open, _) => {}
        }
    }

    fn snapshot(&self) -> BreakerSnapshot {
        let tripped = self.lock();
        let word = self.word();
        let mut snapshot = BreakerSnapshot::new(word.state());
        snapshot.rejected = self.rejected.load(Ordering::Relaxed);
        match word.state() {
            BreakerState::Closed => snapshot.failure_count = u64::from(word.failures()),
            BreakerState::HalfOpen => {
                snapshot.failure_count = u64::from(self.config.failure_threshold);
            }
            BreakerState::Open => {
                snapshot.failure_count = u64::from(self.config.failure_threshold);
                let wait = tripped.until.saturating_sub(self.clock.now());
                snapshot.retry_after = Some(wait);
            }
        }
        snapshot
    }
}
