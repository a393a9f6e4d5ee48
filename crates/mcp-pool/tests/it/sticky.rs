//! The same connection, call after call.

use std::sync::Arc;

use mcp_domain::{Error, ErrorKind, Scope};
use mcp_pool::{Continuity, Pool, Server, Settings, Sticky};
use tokio::time::sleep;

use crate::fake::{CALL, FakeConnection, FakeConnector, seconds, settle};

fn browser() -> Server<FakeConnector> {
    let pool = Pool::new(Settings::default());
    pool.server("browser", FakeConnector::default())
        .sticky()
        .add()
}

/// Which connection a call met, and what it was told.
async fn meet(sticky: &Sticky<FakeConnector>) -> (usize, Continuity) {
    let call = |page: Arc<FakeConnection>, continuity| async move { Ok((page.id, continuity)) };
    sticky.run(CALL, call).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_scope_has_one_connection_and_keeps_it() {
    let browser = browser();
    let mine = browser.scoped(Scope::new("mine")).sticky();
    let (id, continuity) = meet(&mine).await;
    assert_eq!(continuity, Continuity::First);
    for _ in 0..5 {
        // Beside others of the same scope, in another order each time.
        let others = browser.scoped(Scope::new("mine"));
        let other = tokio::spawn(async move {
            let lease = others.lease(CALL).await.unwrap();
            sleep(seconds(1)).await;
            lease.id
        });
        settle().await;
        assert_eq!(meet(&mine).await, (id, Continuity::Same));
        assert_eq!(other.await.unwrap(), id);
    }
    let yours = browser.scoped(Scope::new("yours")).sticky();
    assert_ne!(meet(&yours).await.0, id);
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_told_that_its_connection_was_replaced() {
    let mine = browser().sticky();
    let (id, _) = meet(&mine).await;
    let (lease, continuity) = mine.lease(CALL).await.unwrap();
    assert_eq!(continuity, Continuity::Same);
    lease.die();
    drop(lease);
    let (other, continuity) = meet(&mine).await;
    assert_ne!(other, id);
    assert_eq!(continuity, Continuity::Replaced);
    assert_eq!(meet(&mine).await, (other, Continuity::Same));
}

#[tokio::test(start_paused = true)]
async fn on_a_server_that_is_not_sticky_the_former_connection_may_be_in_other_hands() {
    let server = Pool::new(Settings::default()).server("any", FakeConnector::default());
    let server = server.add();
    let mine = server.sticky();
    let (id, _) = meet(&mine).await;
    let theirs = server.lease(CALL).await.unwrap();
    assert_eq!(theirs.id, id);
    let (other, continuity) = meet(&mine).await;
    assert_ne!(other, id);
    assert_eq!(continuity, Continuity::Replaced);
    assert!(mcp_domain::Connection::is_open(&*theirs));
}

#[tokio::test(start_paused = true)]
async fn what_failed_to_be_set_up_is_asked_for_again() {
    let mine = browser().sticky();
    meet(&mine).await;
    mine.lease(CALL).await.unwrap().0.discard();
    let fails = |_: Arc<FakeConnection>, continuity| async move {
        assert_eq!(continuity, Continuity::Replaced);
        Err::<(), _>(Error::new(ErrorKind::ToolFailed, "no such page"))
    };
    mine.run(CALL, fails).await.unwrap_err();
    assert_eq!(meet(&mine).await.1, Continuity::Replaced);
}
