//! Short stories: what happens to a breaker, and what it does.
//!
//! A script is a list of steps. `+1s` moves the clock; `a` asks for a permit and
//! must get it, `x` must be refused; `S`, `F`, `I` and `C` settle the oldest permit
//! as success, failure, ignored and cancelled; `F9` is a failure whose server asks
//! for 9 s; `=closed` checks the state.

use std::{collections::VecDeque, time::Duration};

use mcp_breaker::{Breaker, ManualClock};
use mcp_domain::{CircuitBreaker as _, Outcome};

#[track_caller]
fn check(probes: u32, script: &str) {
    check_growing(1.0, probes, script);
}

#[track_caller]
fn check_growing(growth: f64, probes: u32, script: &str) {
    let clock = ManualClock::default();
    let breaker = Breaker::builder()
        .failure_threshold(3)
        .open_timeout(Duration::from_secs(10))
        .max_open_timeout(Duration::from_secs(30))
        .growth(growth)
        .jitter(0.0)
        .probes(probes)
        .build_with_clock(clock.clone())
        .unwrap();
    let mut permits = VecDeque::new();
    for step in script.split_whitespace() {
        let (first, rest) = step.split_at(1);
        let outcome = match first {
            "+" => {
                clock.advance(Duration::from_secs(
                    rest.trim_end_matches('s').parse().unwrap(),
                ));
                continue;
            }
            "a" => {
                permits.push_back(breaker.try_admit().unwrap());
                continue;
            }
            "x" => {
                assert!(breaker.try_admit().is_err(), "admitted at {step}");
                continue;
            }
            "=" => {
                assert_eq!(breaker.snapshot().state.to_string(), rest, "{script}");
                continue;
            }
            "S" => Outcome::Success,
            "F" => Outcome::Failure {
                retry_after: rest.parse().ok().map(Duration::from_secs),
            },
            "I" => Outcome::Ignored,
            "C" => Outcome::Cancelled,
            _ => panic!("no such step: {step}"),
        };
        breaker.settle(permits.pop_front().unwrap(), outcome);
    }
}

#[test]
fn failures_in_a_row_open_it() {
    check(1, "a F a F =closed a F =open x");
}

#[test]
fn a_success_between_failures_starts_the_count_anew() {
    check(1, "a F a F a S a F a F =closed a F =open");
}

#[test]
fn what_counts_for_nothing_does_not_start_the_count_anew() {
    check(1, "a F a F a I a C =closed a F =open");
}

#[test]
fn it_stays_open_for_its_time() {
    check(1, "a F a F a F x +9s x =open +1s a =half-open");
}

#[test]
fn the_servers_wish_extends_the_time() {
    check(1, "a F a F a F30 +29s x +1s a");
    check(1, "a F a F a F2 +9s x +1s a");
}

#[test]
fn half_open_admits_one_probe() {
    check(1, "a F a F a F +10s a x x =half-open");
}

#[test]
fn half_open_admits_as_many_probes_as_set() {
    check(2, "a F a F a F +10s a a x S =half-open x S =closed a");
}

#[test]
fn a_probe_that_succeeds_closes_it() {
    check(1, "a F a F a F +10s a S =closed a a a");
}

#[test]
fn a_probe_that_fails_opens_it_again_for_its_whole_time() {
    check(1, "a F a F a F +10s a F =open x +9s x +1s a");
}

#[test]
fn the_wait_grows_while_the_server_stays_down_and_starts_anew_when_it_is_back() {
    let down = "a F a F a F x +10s a F x +19s x +1s a F x +29s x +1s a F x +29s x +1s a";
    check_growing(2.0, 1, down);
    check_growing(
        2.0,
        1,
        &format!("{down} S =closed a F a F a F x +9s x +1s a"),
    );
}

#[test]
fn a_cancelled_probe_frees_its_place() {
    check(1, "a F a F a F +10s a C =half-open a S =closed");
    check(1, "a F a F a F +10s a I =half-open a S =closed");
}

#[test]
fn a_probe_that_never_comes_back_holds_nothing_up() {
    check(1, "a F a F a F +10s a x +9s x +1s a =half-open x");
}

#[test]
fn a_late_result_changes_nothing() {
    // A call from before it opened ends while it is half-open.
    check(1, "a a F a S a F a F a F =open");
    check(1, "a a a a F F F =open +10s a S =half-open S =closed");
    check(1, "a a a a F F F =open +10s a F =half-open S =closed");
}

#[test]
fn closing_forgets_all_failures() {
    check(1, "a F a F a F +10s a S a F a F =closed");
}

#[test]
fn time_alone_does_not_close_it() {
    check(1, "a F a F a F +10s =open +1000s =open");
}

#[test]
fn refusals_are_counted_and_say_when_to_come_back() {
    let clock = ManualClock::default();
    let breaker = Breaker::builder()
        .failure_threshold(1)
        .open_timeout(Duration::from_secs(10))
        .jitter(0.0)
        .build_with_clock(clock.clone())
        .unwrap();
    breaker.settle(breaker.try_admit().unwrap(), Outcome::failure());
    clock.advance(Duration::from_secs(4));
    let rejected = breaker.try_admit().unwrap_err();
    assert_eq!(rejected.retry_after, Some(Duration::from_secs(6)));
    assert_eq!(
        rejected.to_string(),
        "circuit breaker is open, next try in 6.0 s"
    );
    assert_eq!(breaker.snapshot().rejected, 1);
    assert_eq!(breaker.snapshot().failure_count, 1);
}
