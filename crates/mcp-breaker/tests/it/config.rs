//! Settings that cannot be are refused by name.

use std::{collections::HashSet, time::Duration};

use mcp_breaker::{Breaker, BreakerBuilder, ManualClock, Window};
use mcp_domain::{BreakerMode, BreakerState, CircuitBreaker as _, Outcome};

#[test]
fn the_defaults_are_valid_and_closed() {
    assert_eq!(Breaker::default().snapshot().state, BreakerState::Closed);
}

#[track_caller]
fn refused(builder: BreakerBuilder, message: &str) {
    assert_eq!(builder.build().unwrap_err().to_string(), message);
}

#[test]
fn what_must_not_be_nothing_is_named() {
    let new = Breaker::builder;
    let rate = || new().failure_rate(0.5);
    for (builder, name) in [
        (new().failure_threshold(0), "failure_threshold"),
        (new().open_timeout(Duration::ZERO), "open_timeout"),
        (new().probes(0), "probes"),
        (new().probe_timeout(Duration::ZERO), "probe_timeout"),
        (rate().window(Window::Calls(0)), "window"),
        (rate().window(Window::Time(Duration::ZERO)), "window"),
        (rate().minimum_calls(0), "minimum_calls"),
        (
            new().slow_call_rate(0.5).slow_call_duration(Duration::ZERO),
            "slow_call_duration",
        ),
    ] {
        refused(builder, &format!("{name} is 0; it must be more"));
    }
}

#[test]
fn numbers_out_of_range_are_named_with_their_range() {
    let rate = "more than 0 and at most 1";
    for wrong in [0.0, -0.5, 1.5, 50.0, f64::NAN, f64::INFINITY] {
        let failure = Breaker::builder().failure_rate(wrong);
        refused(
            failure,
            &format!("failure_rate is {wrong}; it must be {rate}"),
        );
        let slow = Breaker::builder()
            .slow_call_rate(wrong)
            .slow_call_duration(Duration::from_secs(1));
        refused(
            slow,
            &format!("slow_call_rate is {wrong}; it must be {rate}"),
        );
    }
    for wrong in [0.5, f64::NAN, f64::INFINITY] {
        let growth = Breaker::builder().growth(wrong);
        refused(
            growth,
            &format!("growth is {wrong}; it must be finite and 1 or more"),
        );
    }
    for wrong in [-0.1, 1.5, f64::NAN] {
        let jitter = Breaker::builder().jitter(wrong);
        refused(
            jitter,
            &format!("jitter is {wrong}; it must be between 0 and 1"),
        );
    }
}

#[test]
fn a_breaker_that_could_never_open_is_refused() {
    refused(
        Breaker::builder().failure_threshold(None),
        "none of failure_threshold, failure_rate and slow_call_rate is set; one must be",
    );
    let by_rate = Breaker::builder().failure_rate(0.5);
    refused(
        by_rate.clone().window(Window::Calls(20)).minimum_calls(21),
        "minimum_calls is 21; it must be at most the window, which is 20 calls",
    );
    refused(
        by_rate.clone().minimum_calls(101),
        "minimum_calls is 101; it must be at most the window, which is 100 calls",
    );
    refused(
        Breaker::builder().minimum_calls(20),
        "window is not set; minimum_calls needs it",
    );
    let minute = Window::Time(Duration::from_secs(60));
    assert!(by_rate.window(minute).minimum_calls(101).build().is_ok());
}

#[test]
fn the_longest_wait_is_not_shorter_than_the_first() {
    let minute = Breaker::builder().open_timeout(Duration::from_secs(60));
    refused(
        minute
            .clone()
            .max_open_timeout(Duration::from_millis(2_500)),
        "max_open_timeout is 2.5s; it must be at least open_timeout, which is 60s",
    );
    let same = minute.max_open_timeout(Duration::from_secs(60));
    assert!(same.build().is_ok());
    // Where none is set, it is never too short.
    let day = Breaker::builder().open_timeout(Duration::from_secs(86_400));
    assert!(day.build().is_ok());
}

/// A switch needs no threshold; but one that goes by results does.
#[test]
fn what_is_only_switched_needs_nothing_that_opens_it() {
    let switch = |mode| Breaker::builder().failure_threshold(None).mode(mode);
    for (mode, state) in [
        (BreakerMode::Disabled, BreakerState::Closed),
        (BreakerMode::ForcedOpen, BreakerState::Open),
    ] {
        let breaker = switch(mode).build().unwrap();
        assert_eq!(breaker.snapshot().state, state);
        breaker.set_mode(BreakerMode::Automatic);
        for _ in 0..100 {
            breaker.settle(breaker.try_admit().unwrap(), Outcome::failure());
        }
        assert_eq!(breaker.snapshot().state, BreakerState::Closed);
    }
    refused(
        switch(BreakerMode::ObserveOnly),
        "none of failure_threshold, failure_rate and slow_call_rate is set; one must be",
    );
}

#[test]
fn slow_calls_need_both_a_rate_and_a_duration() {
    refused(
        Breaker::builder().slow_call_rate(0.5),
        "slow_call_duration is not set; slow_call_rate needs it",
    );
    refused(
        Breaker::builder().slow_call_duration(Duration::from_secs(1)),
        "slow_call_rate is not set; slow_call_duration needs it",
    );
}

#[test]
fn a_window_smaller_than_the_default_minimum_is_its_own_minimum() {
    let breaker = Breaker::builder()
        .failure_threshold(None)
        .failure_rate(1.0)
        .window(Window::Calls(2))
        .build()
        .unwrap();
    for _ in 0..2 {
        breaker.settle(breaker.try_admit().unwrap(), Outcome::failure());
    }
    assert_eq!(breaker.snapshot().state, BreakerState::Open);
}

#[test]
fn the_longest_times_do_no_harm() {
    let breaker = Breaker::builder()
        .failure_threshold(1)
        .slow_call_rate(1.0)
        .slow_call_duration(Duration::MAX)
        .window(Window::Time(Duration::MAX))
        .open_timeout(Duration::MAX)
        .max_open_timeout(Duration::MAX)
        .max_retry_after(Duration::MAX)
        .probe_timeout(Duration::MAX)
        .jitter(0.0)
        .build()
        .unwrap();
    let outcome = Outcome::Failure {
        retry_after: Some(Duration::MAX),
    };
    breaker.settle(breaker.try_admit().unwrap(), outcome);
    assert_eq!(breaker.snapshot().state, BreakerState::Open);
    assert!(breaker.try_admit().is_err());
}

#[test]
fn waits_differ_within_the_jitter() {
    let second = Duration::from_secs(1);
    let wait = || {
        let breaker = Breaker::builder().failure_threshold(1);
        let breaker = breaker.open_timeout(second).jitter(0.5);
        let clock = ManualClock::default();
        let breaker = breaker.build_with_clock(clock).unwrap();
        breaker.settle(breaker.try_admit().unwrap(), Outcome::failure());
        breaker.snapshot().retry_after.unwrap()
    };
    let waits: HashSet<_> = (0..100).map(|_| wait()).collect();
    assert!(
        waits
            .iter()
            .all(|wait| (second / 2..=second).contains(wait))
    );
    assert!(
        waits.len() > 50,
        "so many out of a hundred differ: {}",
        waits.len()
    );
}

/// Fails until it opens, and returns how often and how long it waits then.
fn opens(breaker: &Breaker<ManualClock>, retry_after: Option<Duration>) -> (usize, Duration) {
    for failures in 0.. {
        match breaker.try_admit() {
            Ok(ticket) => breaker.settle(ticket, Outcome::Failure { retry_after }),
            Err(rejected) => return (failures, rejected.retry_after.unwrap()),
        }
    }
    unreachable!("it opens sooner");
}

#[test]
fn the_defaults_are_those_of_the_guide() {
    let clock = ManualClock::default();
    let build = |builder: BreakerBuilder| builder.build_with_clock(clock.clone()).unwrap();
    let calm = || Breaker::builder().jitter(0.0);
    let seconds = Duration::from_secs;
    let breaker = build(calm());
    assert_eq!(opens(&breaker, None), (5, seconds(60)));
    for wait in [120, 240, 480, 600, 600].map(seconds) {
        clock.advance(seconds(600));
        assert_eq!(opens(&breaker, None), (1, wait));
    }
    let hour = seconds(3600);
    assert_eq!(opens(&build(calm()), Some(24 * hour)), (5, hour));
    let by_rate = || calm().failure_threshold(None).failure_rate(1.0);
    assert_eq!(opens(&build(by_rate()), None), (10, seconds(60)));
    let waits = (0..100).map(|_| opens(&build(Breaker::builder()), None).1);
    let (least, most) = (waits.clone().min().unwrap(), waits.max().unwrap());
    assert!((54..57).contains(&least.as_secs()), "{least:?}");
    assert!((57..=60).contains(&most.as_secs()), "{most:?}");
}

#[test]
fn the_shortest_times_do_no_harm() {
    let clock = ManualClock::default();
    let shortest = Duration::from_nanos(1);
    let breaker = Breaker::builder()
        .failure_threshold(2)
        .slow_call_rate(1.0)
        .slow_call_duration(shortest)
        .window(Window::Time(shortest))
        .open_timeout(shortest)
        .max_open_timeout(shortest)
        .probe_timeout(shortest)
        .jitter(1.0)
        .build_with_clock(clock.clone())
        .unwrap();
    for outcome in [Outcome::failure(), Outcome::failure(), Outcome::Success] {
        breaker.settle(breaker.try_admit().unwrap(), outcome);
        clock.advance(shortest);
    }
    assert_eq!(breaker.snapshot().state, BreakerState::Closed);
    assert_eq!(breaker.snapshot().opened, 1);
}
