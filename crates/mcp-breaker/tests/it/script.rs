//! Short stories: what happens to a breaker, and what it does.
//!
//! A script is a list of steps. `+1s` moves the clock, `t` calls `tick`; `a` asks for a
//! permit and must get it, `x` must be refused; `S`, `F`, `I` and `C` settle the oldest
//! permit as success, failure, ignored and cancelled; `F9` is a failure whose server asks
//! for 9 s; `7S` is seven calls one after another that end so; `=closed` checks the state.

use std::{collections::VecDeque, time::Duration};

use mcp_breaker::{Breaker, BreakerBuilder, ManualClock, Window};
use mcp_domain::{BreakerMode, CircuitBreaker as _, Outcome};

/// With three failures in a row.
#[track_caller]
fn check(probes: u32, script: &str) {
    check_growing(1.0, probes, script);
}

#[track_caller]
fn check_growing(growth: f64, probes: u32, script: &str) {
    let builder = Breaker::builder().failure_threshold(3);
    check_with(builder.growth(growth).probes(probes), script);
}

/// With half of the latest ten results being failures, but only from four on.
#[track_caller]
fn check_rate(script: &str) {
    check_with(by_rate().window(Window::Calls(10)), script);
}

/// With half of the results of the latest ten seconds being failures.
#[track_caller]
fn check_rate_in_time(script: &str) {
    check_with(by_rate().window(Window::Time(seconds(10))), script);
}

fn by_rate() -> BreakerBuilder {
    let builder = Breaker::builder().failure_threshold(None).failure_rate(0.5);
    builder.minimum_calls(4)
}

/// With half of the latest four results taking five seconds or longer.
#[track_caller]
fn check_slow(script: &str) {
    let builder = Breaker::builder()
        .failure_threshold(None)
        .slow_call_rate(0.5)
        .slow_call_duration(seconds(5))
        .window(Window::Calls(4));
    check_with(builder, script);
}

#[track_caller]
fn check_with(builder: BreakerBuilder, script: &str) {
    let clock = ManualClock::default();
    let breaker = builder
        .open_timeout(seconds(10))
        .max_open_timeout(seconds(30))
        .max_retry_after(seconds(60))
        .jitter(0.0)
        .build_with_clock(clock.clone())
        .unwrap();
    let mut permits = VecDeque::new();
    for step in script.split_whitespace() {
        let (many, step) = step.split_at(step.find(|c: char| !c.is_ascii_digit()).unwrap());
        let (first, rest) = step.split_at(1);
        let outcome = match first {
            "+" => {
                clock.advance(seconds(rest.trim_end_matches('s').parse().unwrap()));
                continue;
            }
            "t" => {
                breaker.tick();
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
                retry_after: rest.parse().ok().map(seconds),
            },
            "I" => Outcome::Ignored,
            "C" => Outcome::Cancelled,
            _ => panic!("no such step: {step}"),
        };
        match many.parse::<u32>() {
            Ok(many) => {
                for _ in 0..many {
                    breaker.settle(breaker.try_admit().unwrap(), outcome);
                }
            }
            Err(_) => breaker.settle(permits.pop_front().unwrap(), outcome),
        }
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
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
    check(1, "a F a F a F +10s a F45 +44s x +1s a");
    check(1, "a F a F a F2 +9s x +1s a");
}

#[test]
fn the_servers_wish_is_heard_from_every_failure() {
    check(1, "a F30 a F a F +29s x +1s a");
    check(1, "a F a F30 a F20 +29s x +1s a");
    // From when it was told, and only as far as it lies ahead.
    check(1, "a F30 +5s a F a F +24s x +1s a");
    check(1, "a F12 +15s a F a F +9s x +1s a");
    // It is the server's whatever else succeeds.
    check(1, "a F30 1S 3F +29s x +1s a");
    let all = Breaker::builder().failure_threshold(3).failure_rate(1.0);
    let probes = "3F +10s a a F25 =half-open F =open +24s x +1s a";
    check_with(all.growth(1.0).probes(2), probes);
}

#[test]
fn the_servers_wish_is_fulfilled_once() {
    check(1, "a F30 a F a F +30s a F +9s x +1s a");
    check(1, "a F40 a F a F +40s a S a F a F a F +9s x +1s a");
    // What counts for nothing asks for nothing.
    check(1, "a a F a F a F =open F60 +10s a");
}

#[test]
fn no_server_is_left_alone_for_longer_than_is_allowed() {
    check(1, "a F a F a F86400 +59s x +1s a");
    check(1, "a F86400 +5s a F a F +54s x +1s a");
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
    // Its wait is over, but no probe has passed yet.
    check(1, "a a a a F F F =open +10s S =open a S =closed");
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
fn a_timer_makes_it_half_open_in_time() {
    check(
        1,
        "a F a F a F +9s t =open +1s t =half-open t =half-open a x",
    );
}

#[test]
fn a_probe_that_takes_long_decides_when_it_comes_back() {
    check(1, "a F a F a F +10s a +10s a x S =closed");
    check(1, "a F a F a F +10s a +10s a x F =open");
    // Also when every probe takes three times as long as probes are waited for.
    check(1, "3F +10s a +10s a +10s a +10s S =closed");
    check(2, "3F +10s a a +10s a a +10s a a x S =half-open S =closed");
}

#[test]
fn a_probe_that_is_lost_takes_no_results_along() {
    check(3, "3F +10s a a a S S =half-open x +10s a x C S =closed");
    check(2, "3F +10s a a S x +10s a x +10s a x F =open");
}

/// Which of the probes has come back is not known; so no more pass than if it was not the
/// one whose place was given away.
#[test]
fn of_probes_under_way_no_more_than_set_keep_their_places() {
    check(1, "3F +10s a +10s a x C x +9s x +1s a x");
    check(2, "3F +10s a a +10s a a x C C x +10s a a x");
}

/// The time of a probe begins when it passes, not when it became half-open.
#[test]
fn half_open_without_probes_waits_for_the_first() {
    check(
        1,
        "a F a F a F +10s t +60s t =half-open a x +9s x t x +1s a",
    );
}

#[test]
fn too_many_failures_among_the_latest_calls_open_it() {
    check_rate("3F =closed 1S =open");
    check_rate("3F =closed 1F =open");
    check_rate("6S 4F =closed 1F =open");
}

/// Nothing is divided by zero before, and one failure of one is no rate.
#[test]
fn below_the_minimum_no_rate_opens_it() {
    check_rate("1F 1F 1F =closed");
    check_rate("5C 5I 3F =closed 5C 5I =closed");
}

#[test]
fn old_results_make_room_for_new_ones() {
    check_rate("6S 4F 6S 4F =closed");
    check_rate("6S 4F 5S =closed 1F =open");
}

#[test]
fn results_count_for_the_time_of_the_window() {
    check_rate_in_time("5S +5s 4F =closed +5s 1S =open");
    // Also where somebody has looked, and seen the rate that only time has raised.
    check_rate_in_time("5S +5s 4F +5s =closed 1S =open");
    check_rate_in_time("5S +5s 4F +5s +5s 3F =closed 1F =open");
    check_rate_in_time("3F +10s 3F =closed");
}

#[test]
fn closing_forgets_the_window() {
    check_rate("4F =open +10s 1S =closed 3F =closed 1F =open");
    check_rate_in_time("4F =open +10s 1S =closed 3F =closed 1F =open");
}

#[test]
fn too_many_slow_calls_open_it() {
    check_slow("a +4s S a +5s S a +5s S =closed a +4s S =open");
    check_slow("a +5s S a +4s S a +4s S a +4s S =closed a +4s S a +9s F =closed a +5s S =open");
}

#[test]
fn a_slow_probe_opens_it_again() {
    let opened = "a +5s S a +5s S 2S =open";
    check_slow(&format!("{opened} +10s a +5s S =open"));
    check_slow(&format!("{opened} +10s a +4s S =closed"));
    check_slow(&format!("{opened} +10s a +4s F =open"));
}

#[test]
fn probes_are_judged_by_their_rate_where_there_is_one() {
    let builder = by_rate().probes(4);
    check_with(builder.clone(), "4F +10s 1F =half-open 3S =closed");
    check_with(builder.clone(), "4F +10s 1S 1F =half-open 1F =open");
    check_with(builder, "4F +10s a a a a x F S S =half-open S =closed");
}

#[test]
fn disabled_it_lets_all_calls_pass_and_counts_none() {
    let builder = Breaker::builder().mode(BreakerMode::Disabled);
    check_with(
        builder.failure_threshold(1),
        "9F 9S a a =closed F F =closed",
    );
}

#[test]
fn forced_open_it_lets_no_call_pass() {
    let builder = Breaker::builder().mode(BreakerMode::ForcedOpen);
    check_with(builder, "x =open +1000000s t x =open");
}

#[test]
fn observing_it_goes_its_way_and_lets_all_calls_pass() {
    let builder = Breaker::builder().mode(BreakerMode::ObserveOnly);
    let builder = builder.failure_threshold(3);
    check_with(
        builder.clone(),
        "3F =open 9F 9S =open +10s a =half-open 2F a S =closed",
    );
    // What passes beside the probe does not count for it.
    check_with(
        builder,
        "3F +10s a =half-open 2F 2S =half-open a S =closed F",
    );
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
        "circuit breaker refuses calls, next try in 6.0 s"
    );
    assert_eq!(breaker.snapshot().rejected, 1);
    assert_eq!(breaker.snapshot().failure_count, 1);
}
