//! A sign of life while something takes long.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// Nothing is shown of what is done sooner.
const PATIENCE: Duration = Duration::from_millis(500);

const TICK: Duration = Duration::from_millis(100);

/// Does the work; after a while with a spinner and the time on standard error, if that
/// is a terminal.
pub(crate) async fn shown<F: Future>(work: F) -> F::Output {
    if !io::stderr().is_terminal() {
        return work.await;
    }
    tokio::pin!(work);
    tokio::select! {
        biased;
        done = &mut work => return done,
        () = tokio::time::sleep(PATIENCE) => {}
    }
    let style = ProgressStyle::with_template(
        "{spinner} waiting for the server: {elapsed}, Ctrl-C to cancel",
    );
    let spinner = ProgressBar::new_spinner().with_finish(ProgressFinish::AndClear);
    let spinner = match style {
        Ok(style) => spinner.with_style(style),
        Err(_) => spinner,
    };
    spinner.enable_steady_tick(TICK);
    let done = work.await;
    spinner.finish_and_clear();
    done
}
