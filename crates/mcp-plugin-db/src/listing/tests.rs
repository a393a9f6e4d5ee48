//! Answers that are kept, shared while they are fetched, and forgotten in time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures::{TryFutureExt as _, future::join_all};
use mcp_domain::ErrorKind;
use tokio::time::{advance, sleep};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A server that takes a second to answer, and counts.
#[derive(Clone, Default)]
struct Server(Arc<AtomicUsize>);

impl Server {
    fn fetch(&self) -> Fetch<usize> {
        let count = Arc::clone(&self.0);
        let answer = async move {
            sleep(SECOND).await;
            Ok(Fresh {
                value: count.fetch_add(1, Ordering::Relaxed) + 1,
                during: None,
            })
        };
        answer.boxed()
    }

    /// An answer that is fresh for this long.
    fn fetch_fresh(&self, during: Duration) -> Fetch<usize> {
        let fresh = move |fresh: Fresh<usize>| Fresh {
            during: Some(during),
            ..fresh
        };
        self.fetch().map_ok(fresh).boxed()
    }

    fn fail(&self) -> Fetch<usize> {
        let count = Arc::clone(&self.0);
        let answer = async move {
            sleep(SECOND).await;
            count.fetch_add(1, Ordering::Relaxed);
            Err(Error::new(ErrorKind::Disconnected, "gone"))
        };
        answer.boxed()
    }
}

fn listing() -> (Listing<u8, usize>, Server) {
    let listing = Listing::new(10 * SECOND, Epoch::default());
    (listing, Server::default())
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_its_time() {
    let (listing, server) = listing();
    for _ in 0..3 {
        assert_eq!(listing.get(&1, || server.fetch()).await.unwrap(), 1);
    }
    // Another question, another answer.
    assert_eq!(listing.get(&2, || server.fetch()).await.unwrap(), 2);
    advance(10 * SECOND).await;
    assert_eq!(listing.get(&1, || server.fetch()).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_no_longer_than_it_is_fresh() {
    let (listing, server) = listing();
    for (fresh, kept) in [(0, 0), (3, 3), (10, 10), (99, 10)] {
        let fetch = || server.fetch_fresh(fresh * SECOND);
        let first = listing.get(&1, fetch).await.unwrap();
        if kept > 0 {
            advance(kept * SECOND - Duration::from_millis(1)).await;
            assert_eq!(listing.get(&1, fetch).await.unwrap(), first, "{fresh} s");
            advance(Duration::from_millis(1)).await;
        }
        assert_eq!(
            listing.get(&1, fetch).await.unwrap(),
            first + 1,
            "{fresh} s"
        );
        advance(99 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn many_who_ask_at_once_are_one_request() {
    let (listing, server) = listing();
    let all = join_all((0..50).map(|_| listing.get(&1, || server.fetch()))).await;
    assert!(all.into_iter().all(|answer| answer.unwrap() == 1));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_all_and_not_kept() {
    let (listing, server) = listing();
    let start = Instant::now();
    let all = join_all((0..50).map(|_| listing.get(&1, || server.fail()))).await;
    assert!(all.iter().all(|answer| answer.is_err()));
    assert_eq!(start.elapsed(), SECOND);
    assert_eq!(listing.get(&1, || server.fetch()).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_who_gives_up_takes_nobody_along() {
    let (listing, server) = listing();
    let mut first = Box::pin(listing.get(&1, || server.fetch()));
    assert!(futures::poll!(&mut first).is_pending());
    let mut second = Box::pin(listing.get(&1, || server.fetch()));
    assert!(futures::poll!(&mut second).is_pending());
    drop(first);
    assert_eq!(second.await.unwrap(), 1);

    // When all give up, the request is given up, and the next one asks anew.
    let mut only = Box::pin(listing.get(&2, || server.fetch()));
    assert!(futures::poll!(&mut only).is_pending());
    drop(only);
    assert_eq!(listing.get(&2, || server.fetch()).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_before_a_change_is_not_kept_after_it() {
    let epoch = Epoch::default();
    let listing = Listing::new(10 * SECOND, epoch.clone());
    let server = Server::default();
    assert_eq!(listing.get(&1, || server.fetch()).await.unwrap(), 1);
    epoch.end();
    let mut before = Box::pin(listing.get(&1, || server.fetch()));
    assert!(futures::poll!(&mut before).is_pending());
    epoch.end();
    // Neither kept nor joined.
    assert_eq!(listing.get(&1, || server.fetch()).await.unwrap(), 2);
    before.await.unwrap();
    assert_eq!(listing.get(&1, || server.fetch()).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_to_be_kept_is_still_fetched_once() {
    let listing = Listing::new(Duration::ZERO, Epoch::default());
    let server = Server::default();
    let all = join_all((0..5).map(|_| listing.get(&1, || server.fetch()))).await;
    assert!(all.into_iter().all(|answer| answer.unwrap() == 1));
    assert_eq!(listing.get(&1, || server.fetch()).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded() {
    let listing = Listing::new(10 * SECOND, Epoch::default());
    for key in 0..2 * MOST_KEPT {
        let fresh = Fresh {
            value: key,
            during: None,
        };
        let fetch = || async move { Ok(fresh) }.boxed();
        listing.get(&key, fetch).await.unwrap();
        assert!(listing.entries().len() <= MOST_KEPT);
    }
}
