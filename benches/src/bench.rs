//! What every measurement is given: servers, a measure of effort, and progress.

use std::{path::PathBuf, time::Duration};

use crate::{
    foreign::Call,
    parts::Part,
    progress::{Pace, Paced, Progress},
    servers::Servers,
};

/// What every measurement is given.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) servers: Servers,
    pub(crate) effort: Effort,
    pub(crate) progress: Progress,
    /// The benchmarks of the parts.
    pub(crate) parts: Vec<Part>,
    /// Where servers of others are installed.
    pub(crate) third_party: Option<PathBuf>,
    /// A server that the user names, and what it is asked.
    pub(crate) named: Option<(String, Call)>,
    /// A longer way than the case studies', if one is asked for.
    pub(crate) rtt: Option<Duration>,
}

impl Bench {
    /// Repeats one row up to `most` times, as far as its time allows.
    pub(crate) fn row(&self, label: &str, most: usize) -> Paced {
        self.progress.pace(label, self.effort.pace(most))
    }
}

/// How much time is spent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) quick: bool,
}

impl Effort {
    /// The pace of one row.
    fn pace(self, most: usize) -> Pace {
        if self.quick {
            Pace {
                least: 2,
                most: most.div_ceil(10),
                time: Duration::from_millis(60),
            }
        } else {
            Pace {
                least: 5,
                most,
                time: Duration::from_secs(2),
            }
        }
    }

    /// This time, or a tenth of it.
    pub(crate) fn time(self, full: Duration) -> Duration {
        if self.quick { full / 10 } else { full }
    }

    /// `full` of something, or a tenth of it.
    pub(crate) fn of(self, full: usize) -> usize {
        if self.quick { full.div_ceil(10) } else { full }
    }
}
