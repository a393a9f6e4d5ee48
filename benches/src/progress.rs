//! Progress on standard error, where that is a terminal.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// One bar for each task, the finished ones gone.
#[derive(Debug)]
pub(crate) struct Progress(MultiProgress);

impl Progress {
    pub(crate) fn new() -> Self {
        Self(MultiProgress::new())
    }

    /// A bar that goes when it is dropped.
    pub(crate) fn task(&self, label: &str, steps: usize) -> Task {
        let style = ProgressStyle::with_template("{msg:32} {wide_bar} {pos}/{len} {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = self.0.add(ProgressBar::new(steps as u64));
        bar.set_style(style);
        bar.set_message(label.to_owned());
        Task(bar)
    }

    pub(crate) fn end(&self) {
        // Fails only if the terminal is gone.
        let _ = self.0.clear();
    }
}

/// The bar of one task.
#[derive(Debug)]
pub(crate) struct Task(ProgressBar);

impl Task {
    pub(crate) fn inc(&self, steps: u64) {
        self.0.inc(steps);
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
