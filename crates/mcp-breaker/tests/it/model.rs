//! The breaker against a plain model, over random settings and random stories.

mod plain;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_breaker::{Breaker, ManualClock, Reason, Window};
use mcp_domain::{BreakerMode, CircuitBreaker as _, Outcome, Ticket};
use proptest::{option, prelude::*, sample};

use self::plain::{Leave, Model, Settings};

/// The clock does not begin at zero, so that it can go back.
const START: u64 = 1_000;

fn settings() -> impl Strategy<Value = Settings> {
    let window = prop_oneof![
        (1..9_usize).prop_map(plain::Window::Calls),
        Just(plain::Window::Time),
    ];
    let by = (
        option::of(1..5_usize),
        option::of(1..5_usize),
        option::of(1..5_usize),
        option::of(window),
    );
    (by, mode(), 1..5_usize, 1..5_usize, any::<bool>()).prop_map(
        |((mut in_a_row, failure_rate, slow_rate, mut window), mode, minimum, probes, growing)| {
            if failure_rate.is_some() || slow_rate.is_some() {
                window = window.or(Some(plain::Window::Calls(100)));
            } else {
                in_a_row = in_a_row.or(Some(3));
            }
            Settings {
                mode,
                in_a_row,
                failure_rate,
                slow_rate,
                window,
                minimum: match window {
                    Some(plain::Window::Calls(size)) => minimum.min(size),
                    _ => minimum,
                },
                probes,
                growing,
            }
        },
    )
}

fn mode() -> impl Strategy<Value = BreakerMode> {
    prop_oneof![
        8 => Just(BreakerMode::Automatic),
        3 => Just(BreakerMode::ObserveOnly),
        1 => Just(BreakerMode::Disabled),
        1 => Just(BreakerMode::ForcedOpen),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Admit,
    Forward(u64),
    /// The clock goes back.
    Back(u64),
    /// A call never ends.
    Forget(sample::Index),
    Look,
    Mode(BreakerMode),
    Reset,
    Settle(sample::Index, Outcome),
    Tick,
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        5 => Just(Outcome::Success),
        4 => Just(Outcome::failure()),
        1 => (0..40_u64).prop_map(|hint| Outcome::Failure {
            retry_after: Some(Duration::from_secs(hint)),
        }),
        1 => Just(Outcome::Cancelled),
        1 => Just(Outcome::Ignored),
    ];
    let index = any::<sample::Index>;
    prop_oneof![
        40 => Just(Step::Admit),
        40 => (index(), outcome).prop_map(|(i, o)| Step::Settle(i, o)),
        12 => (0..12_u64).prop_map(Step::Forward),
        2 => (0..40_u64).prop_map(Step::Forward),
        3 => (0..20_u64).prop_map(Step::Back),
        2 => index().prop_map(Step::Forget),
        5 => Just(Step::Look),
        3 => Just(Step::Tick),
        1 => mode().prop_map(Step::Mode),
        1 => Just(Step::Reset),
    ]
}

type Told = Arc<Mutex<Vec<(mcp_domain::BreakerState, mcp_domain::BreakerState, Reason)>>>;

/// A breaker and its model, who are told the same.
struct Pair {
    clock: ManualClock,
    /// What the clock shows, in seconds.
    reading: u64,
    real: Breaker<ManualClock>,
    /// Slow calls count.
    timed: bool,
    told: Told,
    model: Model,
    permits: Vec<(Ticket, Leave, u64)>,
}

impl Pair {
    fn new(settings: &Settings) -> Self {
        let clock = ManualClock::default();
        clock.set(Duration::from_secs(START));
        let told = Told::default();
        let tell = Arc::clone(&told);
        let seconds = Duration::from_secs;
        let quarters = |quarters: Option<usize>| quarters.map(|q| q as f64 / 4.0);
        let slow_call_duration = settings.slow_rate.map(|_| seconds(plain::SLOW));
        let window = settings.window.map(|window| match window {
            plain::Window::Calls(size) => Window::Calls(size as u32),
            plain::Window::Time => Window::Time(seconds(20)),
        });
        let builder = match window {
            Some(_) => Breaker::builder().minimum_calls(settings.minimum as u32),
            None => Breaker::builder(),
        };
        let real = builder
            .mode(settings.mode)
            .failure_threshold(settings.in_a_row.map(|n| n as u32))
            .failure_rate(quarters(settings.failure_rate))
            .slow_call_rate(quarters(settings.slow_rate))
            .slow_call_duration(slow_call_duration)
            .window(window)
            .open_timeout(seconds(plain::WAIT))
            .max_open_timeout(seconds(plain::LONGEST_WAIT))
            .max_retry_after(seconds(plain::LONGEST_HINT))
            .growth(if settings.growing { 2.0 } else { 1.0 })
            .jitter(0.0)
            .probes(settings.probes as u32)
            .probe_timeout(seconds(plain::PROBE_TIMEOUT))
            .on_change(move |change| {
                let told = (change.from, change.now.state, change.reason);
                tell.lock().unwrap().push(told);
            })
            .build_with_clock(clock.clone())
            .unwrap();
        Self {
            clock,
            reading: START,
            real,
            timed: settings.slow_rate.is_some(),
            told,
            model: Model::new(settings.clone(), START),
            permits: Vec::new(),
        }
    }

    fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Admit => self.admit()?,
            Step::Back(by) => {
                self.reading -= by.min(self.reading);
                self.clock.set(Duration::from_secs(self.reading));
            }
            Step::Forward(by) => {
                self.reading += by;
                self.model.now += by;
                self.clock.advance(Duration::from_secs(by));
            }
            Step::Look => self.look()?,
            Step::Mode(mode) => {
                self.real.set_mode(mode);
                self.model.set_mode(mode);
            }
            Step::Reset => {
                self.real.reset();
                self.model.begin(Reason::Reset);
            }
            Step::Tick => {
                let expected = self.model.tick().map(Duration::from_secs);
                prop_assert_eq!(self.real.tick(), expected);
            }
            Step::Forget(_) | Step::Settle(..) if self.permits.is_empty() => {}
            Step::Forget(index) => {
                let (forgotten, ..) = self.permits.swap_remove(index.index(self.permits.len()));
                drop(forgotten);
            }
            Step::Settle(index, outcome) => {
                let permit = self.permits.swap_remove(index.index(self.permits.len()));
                self.settle(permit, outcome);
            }
        }
        Ok(())
    }

    fn admit(&mut self) -> Result<(), TestCaseError> {
        match (self.real.try_admit(), self.model.admit()) {
            (Ok(ticket), Some(leave)) => self.permits.push((ticket, leave, self.reading)),
            (Err(rejected), None) => {
                let expected = self.model.retry_after().map(Duration::from_secs);
                prop_assert_eq!(rejected.retry_after, expected);
            }
            (real, model) => prop_assert!(false, "{real:?}, the model says {model:?}"),
        }
        Ok(())
    }

    fn settle(&mut self, (ticket, leave, start): (Ticket, Leave, u64), outcome: Outcome) {
        let took = self.reading.saturating_sub(start);
        let result = |failed, hint: Option<Duration>| {
            Some(plain::Result {
                failed,
                slow: self.timed && took >= plain::SLOW,
                hint: hint.map(|hint| hint.as_secs()),
            })
        };
        let result = match outcome {
            Outcome::Success => result(false, None),
            Outcome::Failure { retry_after } => result(true, retry_after),
            _ => None,
        };
        self.real.settle(ticket, outcome);
        self.model.settle(leave, result);
    }

    fn look(&self) -> Result<(), TestCaseError> {
        let (real, model) = (self.real.snapshot(), &self.model);
        let figures = model.figures();
        let seconds = |time: Option<u64>| time.map(Duration::from_secs);
        prop_assert_eq!(real.state, model.state());
        prop_assert_eq!(real.mode, model.mode);
        prop_assert_eq!(real.in_state_for, seconds(Some(model.in_state_for())));
        prop_assert_eq!(real.failure_count, figures.failures as u64);
        prop_assert_eq!(real.calls, figures.calls as u64);
        prop_assert_eq!(real.slow_count, figures.slow as u64);
        prop_assert_eq!(real.probes, model.probes_under_way() as u64);
        prop_assert_eq!(real.opened, model.opened);
        prop_assert_eq!(real.rejected, model.rejected);
        prop_assert_eq!(real.let_through, model.let_through);
        prop_assert_eq!(real.retry_after, seconds(model.retry_after()));
        if let Some(rate) = real.failure_rate {
            prop_assert_eq!(rate, figures.failures as f64 / figures.calls as f64);
        }
        if let Some(rate) = real.slow_rate {
            prop_assert_eq!(rate, figures.slow as f64 / figures.calls as f64);
        }
        prop_assert_eq!(&*self.told.lock().unwrap(), &model.changes);
        Ok(())
    }
}

fn story() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 0..200)
}

proptest! {
    /// With nobody looking in between, successes go their fast way undisturbed.
    #[test]
    fn it_does_what_the_model_does(settings in settings(), story in story()) {
        let mut pair = Pair::new(&settings);
        for step in story {
            if !matches!(step, Step::Back(_)) {
                pair.take(step)?;
            }
        }
        pair.look()?;
    }

    /// The breaker can know of a clock that goes back only where it looks.
    #[test]
    fn a_clock_that_goes_back_stops_its_time_for_no_longer_than_that(
        settings in settings(),
        story in story(),
    ) {
        let mut pair = Pair::new(&settings);
        for step in story {
            pair.take(step)?;
            pair.look()?;
        }
    }
}
