//! Progress on standard error, where that is a terminal.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::time::Instant;

/// How fine a bar is.
const STEPS: u64 = 1000;

/// One bar for each row that is being measured, the finished ones gone.
#[derive(Debug)]
pub(crate) struct Progress(MultiProgress);

impl Progress {
    pub(crate) fn new() -> Self {
        Self(MultiProgress::new())
    }

    /// A bar that goes when it is dropped.
    fn bar(&self, label: &str) -> ProgressBar {
        let style = ProgressStyle::with_template("{msg:40} {wide_bar} {percent:>3} % {eta:>4}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = self.0.add(ProgressBar::new(STEPS));
        bar.set_style(style);
        bar.set_message(label.to_owned());
        bar
    }

    /// Shows that something is waited for, and since when, until it is dropped.
    pub(crate) fn wait(&self, label: &str) -> Waiting {
        let style = ProgressStyle::with_template("{msg} {elapsed:>4}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = self.0.add(ProgressBar::new_spinner());
        bar.set_style(style);
        bar.set_message(label.to_owned());
        // From a thread of its own: nothing is measured while it is waited for.
        bar.enable_steady_tick(Duration::from_secs(1));
        Waiting(bar)
    }

    /// Measures one row at this pace.
    pub(crate) fn pace(&self, label: &str, pace: Pace) -> Paced {
        Paced {
            pace,
            bar: self.bar(label),
            start: None,
            done: 0,
        }
    }

    /// Shows how far something of so many steps has come.
    pub(crate) fn steps(&self, label: &str, steps: usize) -> Paced {
        let pace = Pace {
            least: steps,
            most: steps,
            time: Duration::MAX,
        };
        self.pace(label, pace)
    }

    pub(crate) fn end(&self) {
        // Fails only if the terminal is gone.
        let _ = self.0.clear();
    }
}

/// How long something is repeated: so many times, or until time is up, but not
/// less often than is needed to say anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) least: usize,
    pub(crate) most: usize,
    pub(crate) time: Duration,
}

/// Repeats under way, with their bar.
#[derive(Debug)]
pub(crate) struct Paced {
    pace: Pace,
    bar: ProgressBar,
    /// When it was first asked whether to go on.
    start: Option<Instant>,
    done: usize,
}

impl Paced {
    /// Once more?
    pub(crate) fn goes_on(&mut self) -> bool {
        let Pace { least, most, time } = self.pace;
        let elapsed = self.start.get_or_insert_with(Instant::now).elapsed();
        let by_count = self.done as f64 / most as f64;
        let by_time = elapsed.as_secs_f64() / time.as_secs_f64();
        let share = by_count.max(by_time.min(self.done as f64 / least as f64));
        self.bar.set_position((share * STEPS as f64) as u64);
        let more = self.done < least || (self.done < most && elapsed < time);
        self.done += 1;
        more
    }
}

impl Paced {
    /// How long it goes on, at the least repeats.
    pub(crate) fn time(&self) -> Duration {
        self.pace.time
    }

    /// One step is done.
    pub(crate) fn step(&mut self) {
        self.goes_on();
    }
}

/// Something that is waited for.
#[derive(Debug)]
pub(crate) struct Waiting(ProgressBar);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeats(least: usize, most: usize, time: Duration) -> usize {
        let pace = Pace { least, most, time };
        let mut paced = Progress::new().pace("test", pace);
        std::iter::from_fn(|| paced.goes_on().then_some(())).count()
    }

    #[test]
    fn time_ends_it_but_not_before_the_least() {
        assert_eq!(repeats(3, 10, Duration::ZERO), 3);
        assert_eq!(repeats(3, 10, Duration::MAX), 10);
    }
}
