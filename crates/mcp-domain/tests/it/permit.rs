//! A permit settles its ticket exactly once, whatever happens to it.

use std::{sync::Mutex, time::Duration};

use mcp_domain::{BreakerSnapshot, CircuitBreaker, Outcome, Permit, Rejected, Ticket};

#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<Outcome>>);

impl CircuitBreaker for Recorder {
    fn try_admit(&self) -> Result<Ticket, Rejected> {
        Ok(Ticket::new(7).with_stamp(8))
    }

    fn settle(&self, ticket: Ticket, outcome: Outcome) {
        assert_eq!((ticket.generation(), ticket.stamp()), (7, 8));
        self.0.lock().unwrap().push(outcome);
    }

    fn snapshot(&self) -> BreakerSnapshot {
        BreakerSnapshot::default()
    }
}

#[test]
fn a_recorded_permit_settles_once() {
    let breaker = Recorder::default();
    Permit::acquire(&breaker).unwrap().record(Outcome::Success);
    assert_eq!(*breaker.0.lock().unwrap(), [Outcome::Success]);
}

#[test]
fn a_dropped_permit_settles_as_cancelled() {
    let breaker = Recorder::default();
    drop(Permit::acquire(&breaker).unwrap());
    assert_eq!(*breaker.0.lock().unwrap(), [Outcome::Cancelled]);
}

#[derive(Debug, Default)]
struct Timed(Mutex<Vec<Option<Duration>>>);

impl CircuitBreaker for Timed {
    fn try_admit(&self) -> Result<Ticket, Rejected> {
        Ok(Ticket::new(0))
    }

    fn settle(&self, _: Ticket, _: Outcome) {
        self.0.lock().unwrap().push(None);
    }

    fn settle_taking(&self, _: Ticket, took: Duration, _: Outcome) {
        self.0.lock().unwrap().push(Some(took));
    }

    fn snapshot(&self) -> BreakerSnapshot {
        BreakerSnapshot::default()
    }
}

#[test]
fn the_breaker_hears_how_long_the_server_took_if_somebody_knows() {
    let breaker = Timed::default();
    let second = Duration::from_secs(1);
    let permit = || Permit::acquire(&breaker).unwrap();
    permit().record_taking(second, Outcome::Success);
    permit().record(Outcome::Success);
    drop(permit());
    assert_eq!(*breaker.0.lock().unwrap(), [Some(second), None, None]);
}

#[test]
fn a_breaker_that_does_not_care_how_long_it_took_hears_how_it_went() {
    let breaker = Recorder::default();
    let permit = Permit::acquire(&breaker).unwrap();
    permit.record_taking(Duration::from_secs(1), Outcome::failure());
    assert_eq!(*breaker.0.lock().unwrap(), [Outcome::failure()]);
}

#[test]
fn a_permit_works_through_the_object() {
    let breaker: Box<dyn CircuitBreaker> = Box::new(Recorder::default());
    Permit::acquire(&*breaker)
        .unwrap()
        .record(Outcome::failure());
}
