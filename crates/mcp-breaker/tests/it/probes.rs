//! Whatever becomes of the probes, a server that answers well ends closed.

use std::time::Duration;

use mcp_breaker::{Breaker, ManualClock};
use mcp_domain::{BreakerState, CircuitBreaker as _, Outcome, Permit, Ticket};
use proptest::{collection::vec, option, prelude::*};

const WAIT: u64 = 10;
const PROBE_TIMEOUT: u64 = 7;

/// Half-open, with no probe under way.
fn half_open(probes: u64, failure_rate: Option<f64>, clock: &ManualClock) -> Breaker<ManualClock> {
    let breaker = Breaker::builder()
        .failure_threshold(1)
        .failure_rate(failure_rate)
        .open_timeout(Duration::from_secs(WAIT))
        .probe_timeout(Duration::from_secs(PROBE_TIMEOUT))
        .jitter(0.0)
        .probes(probes as u32)
        .build_with_clock(clock.clone())
        .unwrap();
    breaker.settle(breaker.try_admit().unwrap(), Outcome::failure());
    clock.advance(Duration::from_secs(WAIT));
    assert_eq!(breaker.tick(), None);
    breaker
}

/// How a probe ends.
#[derive(Clone, Copy, Debug)]
enum End {
    After(u64),
    Cancelled(u64),
    Never,
}

fn ends() -> impl Strategy<Value = Vec<End>> {
    let end = prop_oneof![
        3 => (0..20 * PROBE_TIMEOUT).prop_map(End::After),
        1 => (0..3 * PROBE_TIMEOUT).prop_map(End::Cancelled),
        2 => Just(End::Never),
    ];
    // One of them must answer, or nobody could know that the server is well.
    (vec(end, 0..6), 0..20 * PROBE_TIMEOUT).prop_map(|(mut ends, last)| {
        ends.push(End::After(last));
        ends
    })
}

proptest! {
    #[test]
    fn a_server_that_answers_well_however_slowly_ends_closed(
        probes in 1..5_u64,
        failure_rate in option::of(Just(0.5)),
        ends in ends(),
    ) {
        let clock = ManualClock::default();
        let breaker = half_open(probes, failure_rate, &clock);
        let mut under_way: Vec<(u64, Ticket, Outcome)> = Vec::new();
        let mut to_come = ends.iter().cycle();
        let mut admitted = 0;
        let mut cancelled = 0;
        // Each time that the probes are waited for brings one more at least; of so many as
        // there are ends one answers; so many answers as there are probes are enough.
        let limit = (ends.len() as u64 * probes + 20) * PROBE_TIMEOUT;
        for now in 0..=limit {
            for (_, ticket, outcome) in under_way.extract_if(.., |(end, ..)| *end <= now) {
                cancelled += u64::from(outcome == Outcome::Cancelled);
                breaker.settle(ticket, outcome);
            }
            if breaker.snapshot().state == BreakerState::Closed {
                return Ok(());
            }
            while let Ok(ticket) = breaker.try_admit() {
                prop_assert_eq!(breaker.snapshot().state, BreakerState::HalfOpen);
                admitted += 1;
                match to_come.next() {
                    Some(End::After(time)) => {
                        under_way.push((now + time, ticket, Outcome::Success));
                    }
                    Some(End::Cancelled(time)) => {
                        under_way.push((now + time, ticket, Outcome::Cancelled));
                    }
                    _ => drop(ticket), // which settles nothing
                }
            }
            // And it is not flooded meanwhile.
            let rounds = 1 + now / PROBE_TIMEOUT;
            prop_assert!(admitted <= rounds * probes + cancelled);
            clock.advance(Duration::from_secs(1));
        }
        prop_assert!(false, "{}", breaker.snapshot());
    }
}

#[test]
fn permits_that_are_leaked_do_not_keep_it_half_open() {
    let clock = ManualClock::default();
    let breaker = half_open(2, None, &clock);
    for _ in 0..100 {
        for _ in 0..2 {
            std::mem::forget(Permit::acquire(&breaker).unwrap());
        }
        assert!(Permit::acquire(&breaker).is_err());
        clock.advance(Duration::from_secs(PROBE_TIMEOUT));
    }
    assert_eq!(breaker.snapshot().probes, 200);
    for _ in 0..2 {
        Permit::acquire(&breaker).unwrap().record(Outcome::Success);
        clock.advance(Duration::from_secs(PROBE_TIMEOUT));
    }
    assert_eq!(breaker.snapshot().state, BreakerState::Closed);
}
