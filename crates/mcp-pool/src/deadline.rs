//! One bound over everything that an operation does.

use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

use tokio::time::{Instant, timeout_at};

/// A bound that starts with the first suspension.
///
/// A call on an idle connection that never suspends asks no clock and sets no
/// timer. Whatever suspends first starts the clock for all that follows.
#[derive(Debug)]
pub(crate) struct Deadline {
    limit: Duration,
    at: Option<Instant>,
    /// When what was bound last suspended first.
    since: Option<Instant>,
}

/// A limit beyond what the clock can tell is no limit; 30 years will do.
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// What something took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Took {
    pub(crate) time: Duration,
    pub(crate) until: Instant,
}

/// The bound was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Elapsed;

impl Deadline {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            at: None,
            since: None,
        }
    }

    /// Runs `future` until it ends or the bound is reached.
    ///
    /// Takes it pinned: one that is moved into an async function counts twice in
    /// the size of that function's own future.
    pub(crate) async fn bound<F: Future>(
        &mut self,
        mut future: Pin<&mut F>,
    ) -> Result<F::Output, Elapsed> {
        self.since = None;
        let first = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        match first {
            Poll::Ready(output) => Ok(output),
            Poll::Pending => {
                let now = Instant::now();
                self.since = Some(now);
                timeout_at(self.at(now), future).await.map_err(|_| Elapsed)
            }
        }
    }

    /// Sleeps for `wait`, unless the bound would be reached before its end.
    pub(crate) async fn sleep(&mut self, wait: Duration) -> Result<(), Elapsed> {
        let now = Instant::now();
        let until = now.checked_add(wait).ok_or(Elapsed)?;
        if until >= self.at(now) {
            return Err(Elapsed);
        }
        tokio::time::sleep_until(until).await;
        Ok(())
    }

    /// How long what was bound last took, if it took any time: of what never
    /// suspended, nothing is known. Asked right after it has ended.
    pub(crate) fn took(&self) -> Option<Took> {
        self.since.map(|since| {
            let until = Instant::now();
            let time = until.saturating_duration_since(since);
            Took { time, until }
        })
    }

    /// The limit, as it was set.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// Time since the clock was started.
    pub(crate) fn elapsed(&self) -> Duration {
        match self.at {
            Some(at) => self
                .limit
                .min(FAR)
                .saturating_sub(at.saturating_duration_since(Instant::now())),
            None => Duration::ZERO,
        }
    }

    /// Has the bound been reached?
    pub(crate) fn is_over(&self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }

    fn at(&mut self, now: Instant) -> Instant {
        let limit = self.limit.min(FAR);
        *self.at.get_or_insert_with(|| now + limit)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, pin::pin};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_limit_bounds_all_steps_together() {
        let start = Instant::now();
        let mut deadline = Deadline::new(Duration::from_secs(3));
        deadline.sleep(Duration::from_secs(2)).await.unwrap();
        assert_eq!(deadline.bound(pin!(pending::<()>())).await, Err(Elapsed));
        assert_eq!(start.elapsed(), Duration::from_secs(3));
        assert_eq!(deadline.elapsed(), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_that_cannot_end_in_time_is_not_begun() {
        let start = Instant::now();
        let mut deadline = Deadline::new(Duration::from_secs(3));
        assert_eq!(deadline.sleep(Duration::from_secs(4)).await, Err(Elapsed));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_limit_is_allowed() {
        let mut deadline = Deadline::new(Duration::MAX);
        deadline.sleep(Duration::from_secs(9)).await.unwrap();
        assert_eq!(deadline.elapsed(), Duration::from_secs(9));
    }
}
