//! What is repeated, and what is not.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use mcp_domain::{Error, ErrorKind, Operation};
use mcp_pool::Settings;
use tokio::time::Instant;

use crate::fake::{CALL, FakeConnection, FakeServer, Reaction, check_books, seconds, set};

/// Runs a call that fails with `kind` so many times; returns its result and how
/// often it was made.
async fn attempts(
    operation: Operation,
    kind: ErrorKind,
    failures: usize,
) -> (Result<(), Error>, usize) {
    let set = set(Settings::builder().min_connections(0));
    let calls = &AtomicUsize::new(0);
    let call = |_: Arc<FakeConnection>| async move {
        if calls.fetch_add(1, SeqCst) < failures {
            Err(Error::new(kind, "as the test wants it"))
        } else {
            Ok(())
        }
    };
    let result = set.server.run(operation, call).await;
    let calls = calls.load(SeqCst);
    assert_eq!(set.pool.stats().retries as usize, calls - 1);
    crate::fake::settle().await;
    check_books(&set, calls as u64);
    (result, calls)
}

#[tokio::test(start_paused = true)]
async fn what_never_reached_the_server_is_repeated() {
    for kind in [ErrorKind::NotSent, ErrorKind::SessionExpired] {
        let (result, calls) = attempts(CALL, kind, 2).await;
        assert!(result.is_ok());
        assert_eq!(calls, 3);
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_run_is_repeated_only_if_that_does_no_harm() {
    let (result, calls) = attempts(CALL, ErrorKind::Disconnected, 1).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Disconnected);
    assert_eq!(calls, 1);
    let (result, calls) = attempts(CALL.repeatable(), ErrorKind::Disconnected, 1).await;
    assert!(result.is_ok());
    assert_eq!(calls, 2);
}

#[tokio::test(start_paused = true)]
async fn who_says_when_to_come_back_is_not_asked_before() {
    let set = set(Settings::builder());
    let calls = &AtomicUsize::new(0);
    let call = |_| async move {
        match calls.fetch_add(1, SeqCst) {
            0 => Err(Error::new(ErrorKind::Disconnected, "too busy").with_retry_after(seconds(7))),
            _ => Ok(()),
        }
    };
    let start = Instant::now();
    set.server.run(CALL.repeatable(), call).await.unwrap();
    assert_eq!(start.elapsed(), seconds(7));
    // Where there is no time for that, it is not waited for.
    calls.store(0, SeqCst);
    let operation = CALL.repeatable().within(seconds(5));
    let error = set.server.run(operation, call).await.unwrap_err();
    assert_eq!(start.elapsed(), seconds(7));
    assert_eq!(error.retry_after(), Some(seconds(7)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_not_asked_for_again_and_comes_as_it_is() {
    for kind in [
        ErrorKind::ToolFailed,
        ErrorKind::Rpc(-32602),
        ErrorKind::InvalidInput,
    ] {
        let (result, calls) = attempts(CALL.repeatable(), kind, 9).await;
        assert_eq!(result.unwrap_err().to_string(), "as the test wants it");
        assert_eq!(calls, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_are_counted_and_told() {
    let (result, calls) = attempts(CALL, ErrorKind::NotSent, 9).await;
    let error = result.unwrap_err();
    assert_eq!(calls, 3);
    assert!(
        error
            .to_string()
            .starts_with("`call` on server `fake` failed after 3 attempts and"),
        "{error}"
    );
    // Whoever sees it further out need not try again.
    assert_eq!(error.retry(), mcp_domain::Retry::Never);
}

#[tokio::test(start_paused = true)]
async fn one_deadline_bounds_all_attempts_together() {
    let set = set(Settings::builder().retry_attempts(1000));
    FakeServer::set(&set.fake.on_connect, Reaction::After(seconds(2)));
    let start = Instant::now();
    let call = |_| async { Err::<(), _>(Error::new(ErrorKind::NotSent, "again")) };
    let error = set
        .server
        .run(CALL.within(seconds(7)), call)
        .await
        .unwrap_err();
    assert!(start.elapsed() <= seconds(7), "{:?}", start.elapsed());
    assert!(start.elapsed() >= seconds(4), "{:?}", start.elapsed());
    assert!(error.chain().contains("server `fake`"), "{}", error.chain());
}

#[tokio::test(start_paused = true)]
async fn when_time_runs_out_the_last_real_failure_is_told() {
    let set = set(Settings::builder());
    FakeServer::set(&set.fake.on_connect, Reaction::Fail);
    let fake = Arc::clone(&set.fake);
    let run = set
        .server
        .run(CALL.within(seconds(3)), |_| async { Ok(()) });
    let hang = async {
        while fake.connects() < 1 {
            tokio::task::yield_now().await;
        }
        FakeServer::set(&fake.on_connect, Reaction::Never);
    };
    let (result, ()) = tokio::join!(run, hang);
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectFailed);
    assert!(
        error.chain().ends_with("the fake server says no"),
        "{}",
        error.chain()
    );
}

#[tokio::test(start_paused = true)]
async fn a_restarted_server_costs_the_stale_connections_and_nothing_else() {
    let set = crate::fake::exclusive(6);
    let leases: Vec<_> = futures::future::join_all((0..6).map(|_| set.server.lease(CALL))).await;
    drop(leases);
    assert_eq!(set.fake.connects(), 6);
    // The server was restarted: every old session is unknown to it, and no
    // connection knows that yet.
    FakeServer::set(&set.fake.on_ping, Reaction::Fail);
    let call = |connection: Arc<FakeConnection>| async move {
        if connection.id < 6 {
            Err(Error::new(ErrorKind::SessionExpired, "who are you?"))
        } else {
            Ok(())
        }
    };
    set.server.run(CALL, call).await.unwrap();
    assert_eq!(set.pool.stats().retries, 1);
}
