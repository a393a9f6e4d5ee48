//! Servers as scripts: what they do with each beginning, after how many seconds.

use std::cell::RefCell;

use mcp_domain::ErrorKind;
use tokio::time::{Instant, sleep};

use super::*;

const LIMIT: Duration = Duration::from_secs(30);

/// What a server does with a beginning.
#[derive(Clone, Copy)]
enum Does {
    Accept(u64),
    Refuse(u64),
    Vanish,
}

use Does::{Accept, Refuse, Vanish};

/// Climbs, and returns what was tried, after how many seconds, and what came of it.
async fn check(
    remembered: Option<Lifecycle>,
    server: impl Fn(Lifecycle) -> Does,
    tried: &[(Lifecycle, u64)],
    outcome: Result<(Lifecycle, u64), ErrorKind>,
) {
    let start = Instant::now();
    let log = RefCell::new(Vec::new());
    let failure = |kind| Error::new(kind, "failed");
    let attempt = async |lifecycle| {
        log.borrow_mut()
            .push((lifecycle, start.elapsed().as_secs()));
        match server(lifecycle) {
            Accept(seconds) => {
                sleep(Duration::from_secs(seconds)).await;
                Ok(lifecycle)
            }
            Refuse(seconds) => {
                sleep(Duration::from_secs(seconds)).await;
                Err(Failed::Handshake(failure(ErrorKind::BadResponse)))
            }
            Vanish => Err(Failed::Unreachable(failure(ErrorKind::NotSent))),
        }
    };
    let (first, rest) = rungs(remembered, LIMIT);
    let result = climb(first, &rest, &attempt).await;
    let result = result.map(|lifecycle| (lifecycle, start.elapsed().as_secs()));
    assert_eq!(*log.borrow(), tried);
    assert_eq!(result.map_err(|failed| Error::from(failed).kind()), outcome);
}

use Lifecycle::{Auto, Discover, Initialize};

#[tokio::test(start_paused = true)]
async fn what_is_remembered_is_tried_alone() {
    for lifecycle in [Discover, Initialize] {
        let tried = [(lifecycle, 0)];
        check(Some(lifecycle), |_| Accept(1), &tried, Ok((lifecycle, 1))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_answered_is_the_only_one() {
    check(None, |_| Accept(4), &[(Auto, 0)], Ok((Auto, 4))).await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_is_followed_at_once() {
    let server = |lifecycle| match lifecycle {
        Initialize => Accept(1),
        _ => Refuse(1),
    };
    let tried = [(Auto, 0), (Initialize, 1)];
    check(None, server, &tried, Ok((Initialize, 2))).await;
}

#[tokio::test(start_paused = true)]
async fn silence_is_waited_for_beside_the_next_attempt() {
    let tried = [(Auto, 0), (Initialize, 5)];
    // One that does not answer what it does not know.
    let silent = |lifecycle| match lifecycle {
        Initialize => Accept(1),
        _ => Accept(1000),
    };
    check(None, silent, &tried, Ok((Initialize, 6))).await;
    // One that is slow to start, whatever it is asked.
    check(None, |_| Accept(8), &tried, Ok((Auto, 8))).await;
    // One that is slow to start and does not know the later beginning.
    let modern = |lifecycle| match lifecycle {
        Initialize => Refuse(1),
        _ => Accept(8),
    };
    check(None, modern, &tried, Ok((Auto, 8))).await;
}

#[tokio::test(start_paused = true)]
async fn a_wrong_memory_is_followed_by_the_whole_ladder() {
    let legacy = |lifecycle| match lifecycle {
        Initialize => Accept(1),
        _ => Refuse(1),
    };
    let tried = [(Discover, 0), (Auto, 1), (Initialize, 2)];
    check(Some(Discover), legacy, &tried, Ok((Initialize, 3))).await;
    let silent = |lifecycle| match lifecycle {
        Initialize => Accept(1000),
        _ => Accept(1),
    };
    let tried = [(Initialize, 0), (Auto, 15)];
    check(Some(Initialize), silent, &tried, Ok((Auto, 16))).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_there_is_asked_once() {
    for remembered in [None, Some(Discover), Some(Initialize)] {
        let tried = [(remembered.unwrap_or(Auto), 0)];
        check(remembered, |_| Vanish, &tried, Err(ErrorKind::NotSent)).await;
    }
}
