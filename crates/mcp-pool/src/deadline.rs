//! One bound over everything that an operation does.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    task::coop::{Unconstrained, unconstrained},
    time::{Instant, Sleep, sleep_until},
};

/// A bound that starts with the first suspension.
///
/// A call on an idle connection that never suspends asks no clock and sets no
/// timer. Whatever suspends first starts the clock, and sets the only timer, for all
/// that follows.
pub(crate) struct Deadline<'t> {
    limit: Duration,
    at: Option<Instant>,
    /// When what was bound last suspended first.
    since: Option<Instant>,
    /// When what was bound before has ended, if that was just now.
    ended: Option<Instant>,
    timer: Pin<&'t mut Timer>,
}

/// What wakes a [`Deadline`], once it has suspended.
///
/// Not held back by what it bounds, which may always use up the turn of its task.
pub(crate) type Timer = Option<Unconstrained<Sleep>>;

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

impl<'t> Deadline<'t> {
    pub(crate) fn new(limit: Duration, timer: Pin<&'t mut Timer>) -> Self {
        Self {
            limit,
            at: None,
            since: None,
            ended: None,
            timer,
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
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => self.poll_elapsed(context).map(Err),
        })
        .await
    }

    fn poll_elapsed(&mut self, context: &mut Context<'_>) -> Poll<Elapsed> {
        if self.since.is_none() {
            let now = self.ended.take().unwrap_or_else(Instant::now);
            self.since = Some(now);
            let at = self.at(now);
            if self.timer.is_none() {
                self.timer.set(Some(unconstrained(sleep_until(at))));
            }
        }
        if let Some(timer) = self.timer.as_mut().as_pin_mut() {
            ready!(timer.poll(context));
        }
        Poll::Ready(Elapsed)
    }

    /// Sleeps for `wait`, unless the bound would be reached before its end.
    pub(crate) async fn sleep(&mut self, wait: Duration) -> Result<(), Elapsed> {
        self.ended = None;
        let now = Instant::now();
        let until = now.checked_add(wait).ok_or(Elapsed)?;
        if until >= self.at(now) {
            return Err(Elapsed);
        }
        sleep_until(until).await;
        Ok(())
    }

    /// How long what was bound last took, if it took any time: of what never
    /// suspended, nothing is known. Asked right after it has ended, which was at this time,
    /// if that is known.
    pub(crate) fn took(&mut self, until: Option<Instant>) -> Option<Took> {
        self.ended = self.since.map(|_| until.unwrap_or_else(Instant::now));
        let (since, until) = (self.since?, self.ended?);
        let time = until.saturating_duration_since(since);
        Some(Took { time, until })
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

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_limit_bounds_all_steps_together() {
        let start = Instant::now();
        let timer = pin!(None);
        let mut deadline = Deadline::new(Duration::from_secs(3), timer);
        deadline.sleep(Duration::from_secs(2)).await.unwrap();
        assert_eq!(deadline.bound(pin!(pending::<()>())).await, Err(Elapsed));
        assert_eq!(start.elapsed(), Duration::from_secs(3));
        assert_eq!(deadline.elapsed(), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn what_follows_begins_when_what_was_before_has_ended() {
        let timer = pin!(None);
        let mut deadline = Deadline::new(Duration::from_secs(9), timer);
        let second = |n| sleep(Duration::from_secs(n));
        deadline.bound(pin!(second(1))).await.unwrap();
        let ended = deadline.took(None).unwrap();
        assert_eq!(ended.time, Duration::from_secs(1));
        deadline.bound(pin!(second(2))).await.unwrap();
        assert_eq!(deadline.took(None).unwrap().time, Duration::from_secs(2));
        // A pause between two calls is neither's.
        deadline.sleep(Duration::from_secs(3)).await.unwrap();
        deadline.bound(pin!(second(1))).await.unwrap();
        assert_eq!(deadline.took(None).unwrap().time, Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_lets_others_have_a_turn_is_bounded_too() {
        let timer = pin!(None);
        let mut deadline = Deadline::new(Duration::from_secs(3), timer);
        let mut turns = 0;
        let greedy = poll_fn(|context| {
            turns += 1;
            if turns > 1000 {
                return Poll::Ready(());
            }
            while tokio::task::coop::has_budget_remaining() {
                let _ = pin!(tokio::task::coop::consume_budget()).poll(context);
            }
            context.waker().wake_by_ref();
            Poll::Pending
        });
        let bounded = tokio::spawn(async { tokio::time::advance(Duration::from_secs(4)).await });
        assert_eq!(deadline.bound(pin!(greedy)).await, Err(Elapsed));
        bounded.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_that_cannot_end_in_time_is_not_begun() {
        let start = Instant::now();
        let timer = pin!(None);
        let mut deadline = Deadline::new(Duration::from_secs(3), timer);
        assert_eq!(deadline.sleep(Duration::from_secs(4)).await, Err(Elapsed));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_limit_is_allowed() {
        let timer = pin!(None);
        let mut deadline = Deadline::new(Duration::MAX, timer);
        deadline.sleep(Duration::from_secs(9)).await.unwrap();
        assert_eq!(deadline.elapsed(), Duration::from_secs(9));
    }
}
