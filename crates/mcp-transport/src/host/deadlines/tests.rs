//! Moments, waited for in every order.

use std::{
    pin::pin,
    sync::TryLockError,
    task::{Context, Wake},
    time::Duration,
};

use futures::future::join_all;
use tokio::time::timeout;

use super::*;

/// How many wait.
fn waiting(deadlines: &Deadlines) -> usize {
    deadlines.ahead.state().waiting.len()
}

#[tokio::test(start_paused = true)]
async fn each_is_waited_for_exactly_whatever_the_order() {
    let deadlines = Deadlines::new();
    let start = Instant::now();
    for orders in [[1, 2, 3], [3, 2, 1], [2, 2, 1]] {
        let waits = orders.map(|seconds| {
            let deadlines = &deadlines;
            async move {
                let at = Instant::now() + Duration::from_secs(seconds);
                deadlines.wait_until(Some(at)).await;
                assert_eq!(Instant::now(), at);
            }
        });
        join_all(waits).await;
    }
    assert_eq!(start.elapsed(), Duration::from_secs(3 + 3 + 2));
    assert_eq!(waiting(&deadlines), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_earlier_than_the_timer_is_not_missed() {
    let deadlines = Deadlines::new();
    let now = Instant::now();
    let late = deadlines.wait_until(Some(now + Duration::from_secs(300)));
    let early = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        deadlines
            .wait_until(Some(now + Duration::from_secs(2)))
            .await;
        assert_eq!(now.elapsed(), Duration::from_secs(2));
    };
    timeout(Duration::from_secs(10), async {
        tokio::select! {
            _ = late => panic!("much too early"),
            () = early => {}
        }
    })
    .await
    .unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_is_later_than_an_abandoned_one_is_not_missed() {
    let deadlines = Deadlines::new();
    let now = Instant::now();
    let abandoned = deadlines.wait_until(Some(now + Duration::from_secs(5)));
    timeout(Duration::from_secs(1), abandoned)
        .await
        .unwrap_err();
    assert_eq!(waiting(&deadlines), 0);
    deadlines
        .wait_until(Some(now + Duration::from_secs(6)))
        .await;
    assert_eq!(now.elapsed(), Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn the_timer_is_set_once_for_many_that_are_answered_in_time() {
    let deadlines = Deadlines::new();
    let mut context = Context::from_waker(Waker::noop());
    let first = Instant::now() + Duration::from_secs(5);
    for n in 0..1000 {
        let at = first + Duration::from_millis(n);
        let deadline = pin!(deadlines.wait_until(Some(at)));
        assert!(deadline.poll(&mut context).is_pending());
        assert_eq!(deadlines.ahead.state().alarm, Some(first));
    }
    // It finds nobody, and is not set again.
    tokio::time::sleep(Duration::from_secs(5)).await;
    tokio::task::yield_now().await;
    assert_eq!(deadlines.ahead.state().alarm, None);
}

#[tokio::test]
async fn one_that_is_past_does_not_wait() {
    let deadlines = Deadlines::new();
    deadlines.wait_until(Some(Instant::now())).await;
    assert_eq!(waiting(&deadlines), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_polls_last_is_woken() {
    let deadlines = Deadlines::new();
    let at = Instant::now() + Duration::from_secs(1);
    let mut deadline = Box::pin(deadlines.wait_until(Some(at)));
    let mut elsewhere = Context::from_waker(Waker::noop());
    assert!(deadline.as_mut().poll(&mut elsewhere).is_pending());
    timeout(Duration::from_secs(2), deadline).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_connection_ends_all_waiting() {
    let deadlines = Deadlines::new();
    let soon = Instant::now() + Duration::from_secs(1);
    let end = async {
        tokio::task::yield_now().await;
        deadlines.end();
    };
    let (with, without, ()) = tokio::join!(
        deadlines.wait_until(Some(soon)),
        deadlines.wait_until(None),
        end
    );
    assert_eq!((with, without), (Over::Gone, Over::Gone));
    assert!(Instant::now() < soon);
    // Nor does anybody begin to.
    assert_eq!(deadlines.wait_until(None).await, Over::Gone);
    assert_eq!(waiting(&deadlines), 0);
}

/// A task that looks at the deadlines when it is dropped with its last waker.
struct Task(Arc<Ahead>);

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Task {
    fn drop(&mut self) {
        let state = self.0.state.try_lock();
        assert!(!matches!(state, Err(TryLockError::WouldBlock)));
    }
}

#[tokio::test]
async fn a_task_that_goes_with_its_waker_may_have_deadlines_of_its_own() {
    let deadlines = Deadlines::new();
    let at = Instant::now() + Duration::from_secs(60);
    let mut deadline = Box::pin(deadlines.wait_until(Some(at)));
    for _ in 0..2 {
        let waker = Waker::from(Arc::new(Task(Arc::clone(&deadlines.ahead))));
        let mut context = Context::from_waker(&waker);
        assert!(deadline.as_mut().poll(&mut context).is_pending());
    }
    drop(deadline);
    assert_eq!(waiting(&deadlines), 0);
}
