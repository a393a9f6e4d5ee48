//! What opens a breaker, and what its probes must show: plain arithmetic.

use std::time::Duration;

use crate::Reason;

/// The results that rates are taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// So many of the latest results. Takes 16 bytes per failure or slow call among them.
    Calls(u32),
    /// The results of so long a time. It moves on in steps of a tenth, so that a result
    /// counts for nine to ten of them. Its size does not depend on the number of calls.
    Time(Duration),
}

/// The thresholds, checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// So many failures in a row open it.
    pub(crate) in_a_row: Option<u32>,
    pub(crate) window: Option<Window>,
    /// With fewer results in the window there is no rate. At least 1.
    pub(crate) minimum_calls: u64,
    /// Such a part of the results being failures opens it.
    pub(crate) failure_rate: Option<f64>,
    /// Such a part of the results being slow opens it.
    pub(crate) slow_call_rate: Option<f64>,
    /// A call that takes so many nanoseconds is slow.
    pub(crate) slow_call_duration: Option<u64>,
    /// How many probes decide.
    pub(crate) probes: u32,
}

/// How a call that counts has gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) failed: bool,
    pub(crate) slow: bool,
}

impl Call {
    /// Worth remembering one by one.
    pub(crate) fn is_marked(self) -> bool {
        self.failed || self.slow
    }
}

/// How many calls have gone how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) calls: u64,
    pub(crate) failures: u64,
    pub(crate) slow: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, call: Call) {
        self.calls += 1;
        self.failures += u64::from(call.failed);
        self.slow += u64::from(call.slow);
    }

    pub(crate) fn minus(self, less: Self) -> Self {
        Self {
            calls: self.calls - less.calls,
            failures: self.failures - less.failures,
            slow: self.slow - less.slow,
        }
    }
}

/// What is certain after some of the probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Bad(Reason),
    Good,
    Undecided,
}

impl Policy {
    /// Why these results should open the breaker, if they should.
    pub(crate) fn judge(&self, run: u32, tally: Tally) -> Option<Reason> {
        if self.in_a_row.is_some_and(|most| run >= most) {
            return Some(Reason::FailuresInARow);
        }
        if !self.has_rates(tally) {
            return None;
        }
        let reached =
            |count, most: Option<f64>| most.is_some_and(|m| rate(count, tally.calls) >= m);
        if reached(tally.failures, self.failure_rate) {
            Some(Reason::FailureRate)
        } else if reached(tally.slow, self.slow_call_rate) {
            Some(Reason::SlowCallRate)
        } else {
            None
        }
    }

    /// Whether there are enough results for a rate.
    pub(crate) fn has_rates(&self, tally: Tally) -> bool {
        tally.calls >= self.minimum_calls
    }

    /// How many successes can follow on these results without opening the breaker,
    /// whatever their number: those that dilute the rates, or do not complete the minimum.
    pub(crate) fn harmless_successes(&self, run: u32, tally: Tally) -> u64 {
        if self.judge(run, tally).is_some() {
            // Time has passed, and only by that a rate is too high: the next result tells.
            0
        } else if self.has_rates(tally) || tally.failures + tally.slow == 0 {
            u64::MAX
        } else {
            self.minimum_calls - tally.calls - 1
        }
    }

    /// What the probes so far have shown. It is certain as soon as the missing ones
    /// could not change it.
    pub(crate) fn verdict(&self, probes: Tally) -> Verdict {
        let all = u64::from(self.probes);
        let missing = all.saturating_sub(probes.calls);
        // Without a rate to go by, one failure is too much.
        let failed = |count| match self.failure_rate {
            Some(most) => rate(count, all) >= most,
            None => count > 0,
        };
        let slow = |count| {
            self.slow_call_rate
                .is_some_and(|most| rate(count, all) >= most)
        };
        if failed(probes.failures) {
            Verdict::Bad(Reason::ProbesFailed)
        } else if slow(probes.slow) {
            Verdict::Bad(Reason::ProbesSlow)
        } else if failed(probes.failures + missing) || slow(probes.slow + missing) {
            Verdict::Undecided
        } else {
            Verdict::Good
        }
    }
}

/// Divided, and not the threshold multiplied: 7 of 100 is exactly 0.07, but 0.07 x 100
/// is more than 7.
pub(crate) fn rate(count: u64, of: u64) -> f64 {
    count as f64 / of as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Policy = Policy {
        in_a_row: None,
        window: None,
        minimum_calls: 4,
        failure_rate: None,
        slow_call_rate: None,
        slow_call_duration: None,
        probes: 1,
    };

    fn tally(calls: u64, failures: u64, slow: u64) -> Tally {
        Tally {
            calls,
            failures,
            slow,
        }
    }

    #[test]
    fn the_threshold_itself_opens() {
        let policy = Policy {
            failure_rate: Some(0.07),
            slow_call_rate: Some(0.29),
            ..NOTHING
        };
        assert_eq!(policy.judge(0, tally(100, 6, 28)), None);
        assert_eq!(policy.judge(0, tally(100, 7, 0)), Some(Reason::FailureRate));
        assert_eq!(
            policy.judge(0, tally(100, 0, 29)),
            Some(Reason::SlowCallRate)
        );
    }

    #[test]
    fn every_percentage_is_reached_by_so_many_of_a_hundred() {
        for percent in 1..=100_u32 {
            // As a user would write it.
            let most: f64 = format!("{}.{:02}", percent / 100, percent % 100)
                .parse()
                .unwrap();
            let policy = Policy {
                failure_rate: Some(most),
                ..NOTHING
            };
            let failures = u64::from(percent);
            assert!(policy.judge(0, tally(100, failures, 0)).is_some());
            assert!(policy.judge(0, tally(100, failures - 1, 0)).is_none());
        }
    }

    #[test]
    fn below_the_minimum_there_is_no_rate() {
        let policy = Policy {
            failure_rate: Some(0.5),
            ..NOTHING
        };
        assert_eq!(policy.judge(0, tally(0, 0, 0)), None);
        assert_eq!(policy.judge(0, tally(3, 3, 0)), None);
        assert_eq!(policy.judge(0, tally(4, 4, 0)), Some(Reason::FailureRate));
    }

    /// Whatever the results so far, the successes that are lent change no judgement;
    /// and where one more would, it is not lent.
    #[test]
    fn no_more_successes_are_lent_than_are_harmless() {
        let policy = Policy {
            failure_rate: Some(0.5),
            slow_call_rate: Some(0.75),
            ..NOTHING
        };
        for calls in 0..8 {
            for failures in 0..=calls {
                for slow in 0..=calls {
                    let start = tally(calls, failures, slow);
                    let lent = policy.harmless_successes(0, start);
                    let after = |more| policy.judge(0, tally(calls + more, failures, slow));
                    for more in 1..=lent.min(9) {
                        assert_eq!(after(more), None, "{start:?} and {more}");
                    }
                    if lent == 0 && policy.judge(0, start).is_none() {
                        assert_eq!(start.calls + 1, policy.minimum_calls, "{start:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn one_failure_among_the_probes_is_too_much_without_a_rate() {
        let policy = Policy {
            probes: 3,
            ..NOTHING
        };
        assert_eq!(policy.verdict(tally(2, 0, 0)), Verdict::Undecided);
        assert_eq!(policy.verdict(tally(3, 0, 3)), Verdict::Good);
        let bad = Verdict::Bad(Reason::ProbesFailed);
        assert_eq!(policy.verdict(tally(1, 1, 0)), bad);
    }

    #[test]
    fn probes_are_judged_by_the_rates_as_soon_as_the_missing_ones_cannot_matter() {
        let policy = Policy {
            failure_rate: Some(0.5),
            slow_call_rate: Some(1.0),
            probes: 4,
            ..NOTHING
        };
        for (tally, verdict) in [
            (tally(1, 1, 0), Verdict::Undecided),
            (tally(2, 2, 0), Verdict::Bad(Reason::ProbesFailed)),
            (tally(3, 0, 3), Verdict::Undecided),
            (tally(4, 0, 4), Verdict::Bad(Reason::ProbesSlow)),
            (tally(2, 0, 1), Verdict::Undecided),
            (tally(3, 0, 2), Verdict::Good),
            (tally(4, 1, 3), Verdict::Good),
        ] {
            assert_eq!(policy.verdict(tally), verdict, "{tally:?}");
        }
    }
}
