//! The breaker: a state machine that many threads use at once.

use std::{sync::PoisonError, time::Duration};

use mcp_domain::{
    BreakerMode, BreakerSnapshot, BreakerState, CircuitBreaker, Outcome, Rejected, Ticket,
};

use crate::{
    BreakerBuilder, Change, Clock, SystemClock, Window,
    change::{Listeners, Outbox},
    clock::as_nanos,
    config::Config,
    machine::{Admission, Machine},
    policy::Call,
    sync::{AtomicU64, Mutex, MutexGuard, Ordering},
    timeline::{NEVER, Timeline},
    word::{UNCOUNTED, Word},
};

/// A circuit breaker.
///
/// - *closed*: all calls pass. To open, when too many results of late were failures, in a
///   row or by their rate, or were slow.
/// - *open*: no call passes. To half-open after `open_timeout`, which grows while the
///   server stays down, or after the time that the server asked for, if that is longer:
///   with the next call, or with a [`tick`](Self::tick).
/// - *half-open*: up to `probes` calls pass. To closed when enough of them have
///   succeeded; to open when too many have failed or were slow.
///
/// It can be told to behave otherwise: [`set_mode`](Self::set_mode).
#[derive(Debug)]
pub struct Breaker<K: Clock = SystemClock> {
    /// A [`Word`]. Without the lock, all that changes is that less is lent.
    word: AtomicU64,
    /// From when until when the word is good, by the clock; closed, only where results
    /// count in a window of time. They change only under the lock, and while nothing is
    /// lent.
    from: AtomicU64,
    until: AtomicU64,
    /// A call that takes so long is slow.
    slow: Option<u64>,
    /// The results count in a window of time.
    in_time: bool,
    clock: K,
    rejected: AtomicU64,
    let_through: AtomicU64,
    listeners: Listeners,
    core: Mutex<Core>,
}

/// What one thread at a time may look at.
#[derive(Debug)]
struct Core {
    machine: Machine,
    time: Timeline,
    outbox: Outbox,
}

/// The generation on the tickets of calls that pass only because the breaker may not do
/// more than observe. It is nobody's, so that their results are not heard.
const OF_NO_STATE: u64 = u64::MAX;

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

// === What the owner can do ===

impl<K: Clock> Breaker<K> {
    pub(crate) fn new(config: Config, listeners: Listeners, clock: K) -> Self {
        let time = Timeline::new(as_nanos(clock.now()));
        let mut machine = Machine::new(config);
        let (from, until) = machine.span();
        Self {
            word: AtomicU64::new(machine.word().0),
            from: AtomicU64::new(time.reading(from)),
            until: AtomicU64::new(time.reading(until)),
            slow: config.policy.slow_call_duration,
            in_time: matches!(config.policy.window, Some(Window::Time(_))),
            clock,
            rejected: AtomicU64::new(0),
            let_through: AtomicU64::new(0),
            listeners,
            core: Mutex::new(Core {
                machine,
                time,
                outbox: Outbox::default(),
            }),
        }
    }

    /// Tells it how to behave from now on; if that is new, it forgets all results and
    /// begins closed, or open if that is forced.
    ///
    /// Results of calls that were admitted before count for nothing.
    pub fn set_mode(&self, mode: BreakerMode) {
        self.locked(|machine, now| machine.set_mode(mode, now));
    }

    /// Forgets all results and begins anew: closed, or open if that is forced.
    ///
    /// Results of calls that were admitted before count for nothing.
    pub fn reset(&self) {
        self.locked(|machine, now| machine.start(crate::Reason::Reset, now));
    }

    /// Makes it half-open if its wait is over; else returns what is left of the wait.
    /// `None` unless it is open and not forced so.
    ///
    /// Without it, an open breaker becomes half-open with the first call that comes when
    /// the wait is over, and says *open* until then. With a timer that calls this, it does
    /// so in time, and listeners hear of it: for dashboards, and for programs that have
    /// a probe of their own to send. While it is not open there is nothing to wait for but
    /// a change, of which a listener hears: the guide (`docs/breaker.md`) has such a timer.
    pub fn tick(&self) -> Option<Duration> {
        self.locked(|machine, now| {
            machine.advance(now);
            machine.wait_left(now)
        })
    }
}

// === The hot path ===

impl<K: Clock> CircuitBreaker for Breaker<K> {
    fn try_admit(&self) -> Result<Ticket, Rejected> {
        let word = self.word();
        if word.state() == BreakerState::Closed {
            Ok(self.ticket(word.generation()))
        } else {
            self.admit_unless_closed(word)
        }
    }

    fn settle(&self, ticket: Ticket, outcome: Outcome) {
        self.end(ticket, None, outcome);
    }

    fn settle_taking(&self, ticket: Ticket, took: Duration, outcome: Outcome) {
        self.end(ticket, Some(took), outcome);
    }

    fn snapshot(&self) -> BreakerSnapshot {
        let snapshot = self.locked(Machine::snapshot);
        self.with_counters(snapshot)
    }
}

impl<K: Clock> Breaker<K> {
    fn word(&self) -> Word {
        Word(self.word.load(Ordering::Acquire))
    }

    /// What the clock shows.
    fn reading(&self) -> u64 {
        as_nanos(self.clock.now())
    }

    fn ticket(&self, generation: u32) -> Ticket {
        let ticket = Ticket::new(u64::from(generation));
        match self.slow {
            Some(_) => ticket.with_stamp(self.reading()),
            None => ticket,
        }
    }

    /// A call has ended that took so long; `None` if nobody knows better than the clock.
    // Otherwise what is known of `took` is found out anew each time: 1 to 2 ns.
    #[inline(always)]
    fn end(&self, ticket: Ticket, took: Option<Duration>, outcome: Outcome) {
        let word = self.word();
        if u64::from(word.generation()) != ticket.generation() {
            return;
        }
        let (failed, hint) = match outcome {
            Outcome::Success => (false, None),
            Outcome::Failure { retry_after } => (true, retry_after),
            // It counts for nothing; but the place of a probe is free again.
            _ if word.state() == BreakerState::Closed => return,
            _ => return self.locked(|machine, _| machine.release(ticket.generation())),
        };
        let is_to_measure = self.slow.is_some() && took.is_none();
        let reading = if is_to_measure || self.in_time {
            self.reading()
        } else {
            0
        };
        let took = match took {
            Some(took) => as_nanos(took),
            None => reading.saturating_sub(ticket.stamp()),
        };
        let slow = self.slow.is_some_and(|slow| took >= slow);
        let call = Call { failed, slow };
        if call.is_marked() || !self.settle_by_loan(word, reading) {
            self.locked(|machine, now| machine.settle(ticket.generation(), call, hint, now));
        }
    }

    /// Settles a success that cannot change anything but a number. False if it might.
    fn settle_by_loan(&self, mut word: Word, reading: u64) -> bool {
        let generation = word.generation();
        while word.state() == BreakerState::Closed {
            match word.lent() {
                UNCOUNTED => return true,
                0 => return false,
                _ if self.in_time && !self.is_good(reading) => return false,
                _ => {}
            }
            let less = word.0 - Word::ONE;
            let changed =
                self.word
                    .compare_exchange_weak(word.0, less, Ordering::AcqRel, Ordering::Acquire);
            match changed {
                Ok(_) => return true,
                Err(other) => word = Word(other),
            }
            if word.generation() != generation {
                // Its state is over: it counts for nothing.
                return true;
            }
        }
        false
    }

    /// Whether the word, loaded before, is good at this reading; provided that it has
    /// not changed when it is looked at again.
    fn is_good(&self, reading: u64) -> bool {
        let (from, until) = self.span();
        from <= reading && reading < until
    }

    fn span(&self) -> (u64, u64) {
        (
            self.from.load(Ordering::Acquire),
            self.until.load(Ordering::Acquire),
        )
    }

    fn admit_unless_closed(&self, word: Word) -> Result<Ticket, Rejected> {
        let (from, until) = self.span();
        // What is forced open needs no clock.
        let reading = if until == NEVER { from } else { self.reading() };
        let is_good = from <= reading && reading < until;
        // The same word again: it and the span belong together.
        if word.lent() > 0 && is_good && self.word() == word {
            let is_waiting = word.state() == BreakerState::Open && until != NEVER;
            let left = is_waiting.then(|| Duration::from_nanos(until - reading));
            return self.refuse(word.observes(), left);
        }
        let (admission, observes, left) = self.locked(|machine, now| {
            let admission = machine.admit(now);
            (admission, machine.observes(), machine.wait_left(now))
        });
        match admission {
            Admission::Granted(generation) => Ok(self.ticket(generation)),
            Admission::Refused => self.refuse(observes, left),
        }
    }

    fn refuse(&self, observes: bool, retry_after: Option<Duration>) -> Result<Ticket, Rejected> {
        if observes {
            self.let_through.fetch_add(1, Ordering::Relaxed);
            Ok(Ticket::new(OF_NO_STATE))
        } else {
            self.rejected.fetch_add(1, Ordering::Relaxed);
            Err(Rejected { retry_after })
        }
    }

    /// Adds what is counted without the machine.
    fn with_counters(&self, mut snapshot: BreakerSnapshot) -> BreakerSnapshot {
        snapshot.rejected = self.rejected.load(Ordering::Relaxed);
        snapshot.let_through = self.let_through.load(Ordering::Relaxed);
        snapshot
    }
}

// === Under the lock ===

impl<K: Clock> Breaker<K> {
    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock, with a reading of the clock that is not older than the latest,
    /// unless the clock has gone back.
    fn lock_in_time(&self) -> (MutexGuard<'_, Core>, u64) {
        let reading = self.reading();
        let core = self.lock();
        let latest = core.time.latest();
        if reading >= latest {
            return (core, reading);
        }
        // Either another thread has looked at the clock later and come here sooner, or
        // the clock has gone back. A second look tells; without the lock, for the clock
        // is code of others.
        drop(core);
        let reading = self.reading();
        let mut core = self.lock();
        if reading < latest && core.time.latest() >= latest {
            core.time.turned_back(reading);
        }
        (core, reading)
    }

    /// Moves the machine on: takes back what was lent, and lends anew. Then tells of
    /// the change, if there was one, with the lock released.
    fn locked<R>(&self, step: impl FnOnce(&mut Machine, u64) -> R) -> R {
        let (mut guard, reading) = self.lock_in_time();
        let core = &mut *guard;
        let now = core.time.at(reading);
        let word = Word(self.word.fetch_and(!Word::LENT, Ordering::AcqRel));
        core.machine.absorb(word.lent());
        let result = step(&mut core.machine, now);
        let is_mine_to_tell = self.note_change(core, now);
        let (from, until) = core.machine.span();
        self.from.store(core.time.reading(from), Ordering::Release);
        self.until
            .store(core.time.reading(until), Ordering::Release);
        self.word.store(core.machine.word().0, Ordering::Release);
        drop(guard);
        if is_mine_to_tell {
            self.tell_changes();
        }
        result
    }

    fn note_change(&self, core: &mut Core, now: u64) -> bool {
        match core.machine.take_change() {
            Some((from, reason)) if !self.listeners.is_empty() => {
                let now = self.with_counters(core.machine.snapshot(now));
                core.outbox.add(Change { from, reason, now })
            }
            _ => false,
        }
    }

    fn tell_changes(&self) {
        loop {
            let next = self.lock().outbox.next();
            match next {
                Some(change) => self.listeners.tell(&change),
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests;
