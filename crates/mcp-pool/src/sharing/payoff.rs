//! Does sharing a connection of this server pay?
//!
//! Many servers run the calls of one connection one after another: whoever shares
//! one waits for the others, and would be better off with a connection of its own.
//! Nobody says so beforehand, but it shows in two ways together: no call ever
//! overtakes one that began before it, and those that begin behind another take
//! longer than those that do not.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

/// Departures, behind another call or of another call, that a verdict needs.
const ENOUGH_PAIRS: u32 = 16;
/// Departures that a verdict needs where it is evident: nobody overtakes, and whoever is
/// behind another takes far longer than others do. A slow call is not to hold up more.
const ENOUGH_EVIDENT: u32 = 6;
/// So many times as long is far longer.
const FAR_LONGER: f64 = 10.0;
/// Calls that nothing held up, to compare with, that a verdict needs.
const ENOUGH_FIRST: u32 = 8;
/// Where at least one call in so many overtakes, they run side by side.
const OVERTAKING: u32 = 8;
/// Sharing does not pay if it makes a typical call more than this many times as long.
/// Behind one other call of its kind, it takes between once and twice as long.
const LONGER: f64 = 1.4;
/// How often the question is asked again: servers are replaced, and load changes.
const HOLDS: Duration = Duration::from_secs(600);

/// What is known so far of one server.
#[derive(Debug, Default)]
pub(crate) struct Payoff {
    verdict: AtomicU8,
    observed: Mutex<Observed>,
}

/// An answer to the question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Verdict {
    /// It is not known yet.
    #[default]
    Open,
    /// The server runs the calls of one connection side by side.
    Pays,
    /// It runs them one after another.
    DoesNotPay,
}

/// What was seen when a call left a shared connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Departure {
    /// Nobody was on the connection when it began.
    pub(crate) first: bool,
    /// How long it took.
    pub(crate) took: Duration,
    /// It leaves before one that began earlier.
    pub(crate) overtook: bool,
    /// So many that began later are still there.
    pub(crate) kept_waiting: u32,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Nothing.
    None,
    /// Open one more connection: there is nothing to compare with, because callers
    /// are never alone on one.
    OpenAnother,
    /// The verdict has fallen.
    Decided(Verdict),
}

impl Payoff {
    pub(crate) fn verdict(&self) -> Verdict {
        match self.verdict.load(Relaxed) {
            0 => Verdict::Open,
            1 => Verdict::Pays,
            _ => Verdict::DoesNotPay,
        }
    }

    /// Takes one departure into account.
    pub(crate) fn observe(&self, departure: Departure, now: Instant) -> Advice {
        let mut observed = self.lock();
        if self.verdict() != Verdict::Open {
            return Advice::None;
        }
        observed.add(departure);
        let advice = observed.advice();
        if let Advice::Decided(verdict) = advice {
            self.verdict.store(verdict as u8, Relaxed);
            *observed = Observed {
                decided_at: Some(now),
                ..Observed::default()
            };
        }
        advice
    }

    /// Asks the question again if the answer is old.
    pub(crate) fn review(&self, now: Instant) {
        let mut observed = self.lock();
        if let Some(at) = observed.decided_at
            && now.saturating_duration_since(at) >= HOLDS
        {
            *observed = Observed::default();
            self.verdict.store(Verdict::Open as u8, Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Observed> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The figures behind a verdict.
#[derive(Debug, Default)]
struct Observed {
    first: Typical,
    behind: Typical,
    overtook: u32,
    kept_waiting: u32,
    /// Departures of a call that kept others waiting.
    rounds: u32,
    decided_at: Option<Instant>,
}

impl Observed {
    fn add(&mut self, departure: Departure) {
        if departure.first {
            self.first.add(departure.took);
        } else {
            self.behind.add(departure.took);
        }
        self.overtook += u32::from(departure.overtook);
        self.kept_waiting += departure.kept_waiting;
        self.rounds += u32::from(departure.kept_waiting > 0);
    }

    fn advice(&mut self) -> Advice {
        let pairs = self.overtook + self.kept_waiting;
        if self.is_evident() {
            return Advice::Decided(Verdict::DoesNotPay);
        }
        if pairs < ENOUGH_PAIRS {
            return Advice::None;
        }
        if self.overtook * OVERTAKING >= pairs {
            return Advice::Decided(Verdict::Pays);
        }
        if self.behind.count < ENOUGH_PAIRS {
            return Advice::None;
        }
        if self.first.count < ENOUGH_FIRST {
            // Asked for every few rounds, not for every call of a burst.
            let due = self.rounds >= ENOUGH_FIRST;
            self.rounds = if due { 0 } else { self.rounds };
            return if due {
                Advice::OpenAnother
            } else {
                Advice::None
            };
        }
        Advice::Decided(if self.is_longer(LONGER) {
            Verdict::DoesNotPay
        } else {
            Verdict::Pays
        })
    }

    fn is_evident(&self) -> bool {
        self.overtook == 0
            && self.kept_waiting >= ENOUGH_EVIDENT
            && self.behind.count >= ENOUGH_EVIDENT
            && self.first.count >= ENOUGH_FIRST
            && self.is_longer(FAR_LONGER)
    }

    /// Does a typical call behind another take more than this many times as long?
    fn is_longer(&self, times: f64) -> bool {
        self.behind.median() > self.first.median().mul_f64(times)
    }
}

/// A typical duration: the median of the last few, which a few very long ones do
/// not spoil.
#[derive(Debug, Default)]
struct Typical {
    recent: [Duration; 16],
    count: u32,
}

impl Typical {
    fn add(&mut self, duration: Duration) {
        self.recent[self.count as usize % self.recent.len()] = duration;
        self.count += 1;
    }

    fn median(&self) -> Duration {
        let mut known = self.recent;
        let known = &mut known[..self.recent.len().min(self.count as usize)];
        known.sort_unstable();
        known.get(known.len() / 2).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Four calls of one of these durations each begin on one connection, half a
    /// millisecond apart, and run side by side or one after another; then the next
    /// four on the next connection.
    fn played(durations: &[u32], side_by_side: bool, rounds: u32) -> Payoff {
        let payoff = Payoff::default();
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..rounds {
            let mut free = Duration::ZERO;
            let mut calls: Vec<_> = (0u32..4)
                .map(|number| {
                    let duration = *random.choice(durations).unwrap();
                    let begin = MS / 2 * number;
                    let start = if side_by_side { begin } else { begin.max(free) };
                    free = start + MS * duration;
                    (free, number, begin)
                })
                .collect();
            calls.sort_unstable();
            let mut leader = Some(0);
            for (others, &(end, number, begin)) in (0..4).rev().zip(&calls) {
                let leads = leader == Some(number);
                let departure = Departure {
                    first: number == 0,
                    took: end - begin,
                    overtook: leader.is_some() && !leads,
                    kept_waiting: if leads { others } else { 0 },
                };
                payoff.observe(departure, Instant::now());
                leader = leader.filter(|_| !leads);
            }
        }
        payoff
    }

    const MIXED: [u32; 10] = [5, 5, 5, 5, 5, 5, 5, 5, 5, 500];

    #[test]
    fn one_after_another_does_not_pay() {
        assert_eq!(played(&[5], false, 20).verdict(), Verdict::DoesNotPay);
        assert_eq!(played(&MIXED, false, 20).verdict(), Verdict::DoesNotPay);
    }

    #[test]
    fn two_slow_calls_that_hold_up_three_each_are_evidence_enough() {
        let payoff = Payoff::default();
        let leave = |first, millis: u32, kept_waiting| {
            let took = MS * millis;
            let departure = Departure {
                first,
                took,
                overtook: false,
                kept_waiting,
            };
            payoff.observe(departure, Instant::now())
        };
        for _ in 0..ENOUGH_FIRST {
            leave(true, 5, 0);
        }
        for slow in 1..=2 {
            assert_eq!(payoff.verdict(), Verdict::Open, "before {slow}");
            leave(true, 500, 3);
            for behind in 1..=3 {
                leave(false, 450 + behind, 0);
            }
        }
        assert_eq!(payoff.verdict(), Verdict::DoesNotPay);
    }

    #[test]
    fn side_by_side_pays_whether_calls_are_alike_or_not() {
        assert_eq!(played(&[5], true, 20).verdict(), Verdict::Pays);
        assert_eq!(played(&MIXED, true, 20).verdict(), Verdict::Pays);
        assert_eq!(played(&[5, 10, 20, 80], true, 20).verdict(), Verdict::Pays);
    }

    #[test]
    fn a_few_calls_decide_nothing() {
        assert_eq!(played(&[5], false, 1).verdict(), Verdict::Open);
    }

    #[test]
    fn where_nobody_is_ever_alone_another_connection_is_asked_for() {
        let payoff = Payoff::default();
        let behind = Departure {
            first: false,
            took: MS,
            overtook: false,
            kept_waiting: 3,
        };
        let advice: Vec<_> = (0..40)
            .map(|_| payoff.observe(behind, Instant::now()))
            .collect();
        let asked = advice
            .iter()
            .filter(|&&advice| advice == Advice::OpenAnother);
        assert!((1..=5).contains(&asked.count()), "{advice:?}");
        assert_eq!(payoff.verdict(), Verdict::Open);
    }

    #[tokio::test(start_paused = true)]
    async fn the_question_is_asked_again_in_time() {
        let payoff = played(&[5], false, 20);
        payoff.review(Instant::now() + HOLDS / 2);
        assert_eq!(payoff.verdict(), Verdict::DoesNotPay);
        payoff.review(Instant::now() + HOLDS);
        assert_eq!(payoff.verdict(), Verdict::Open);
    }
}
