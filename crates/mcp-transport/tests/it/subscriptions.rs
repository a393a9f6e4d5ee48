//! Being told of changes.

use mcp_domain::Connection as _;
use mcp_transport::{Change, Handlers, Interests, Lifecycle};

use crate::{prompts::BOTH, shell::eventually, showcase::Showcase};

fn watched() -> Change {
    Change::Resource("test://watched".to_owned())
}

#[tokio::test]
async fn changes_are_told_in_the_same_way_on_either_revision() {
    for lifecycle in BOTH {
        let client = Showcase::default()
            .connect(lifecycle, Handlers::new())
            .await;
        let interests = Interests::new().tools().resource("test://watched");
        let mut changes = client.subscribe(interests.clone()).await.unwrap();
        assert_eq!(changes.agreed(), &interests);
        client.call_tool("touch", ()).await.unwrap();
        let mut told = Vec::new();
        for _ in 0..2 {
            told.push(changes.next().await.unwrap().unwrap());
        }
        // And nothing of the list of resources, which changed too.
        assert!(
            told.contains(&Change::Tools) && told.contains(&watched()),
            "{told:?}"
        );
        client.close().await.unwrap();
        assert_eq!(changes.next().await.unwrap(), None, "{lifecycle:?}");
    }
}

#[tokio::test]
async fn a_resource_stays_subscribed_as_long_as_anybody_wants_it() {
    let showcase = Showcase::default();
    let client = showcase
        .connect(Lifecycle::Initialize, Handlers::new())
        .await;
    let interests = Interests::new().resource("test://watched");
    let first = client.subscribe(interests.clone()).await.unwrap();
    let second = client.subscribe(interests).await.unwrap();
    drop(first);
    drop(second);
    let seen = || showcase.seen.subscriptions.lock().unwrap().clone();
    eventually(|| seen().len() == 3).await;
    assert_eq!(
        seen(),
        ["+test://watched", "+test://watched", "-test://watched"]
    );
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_subscription_that_is_dropped_is_ended_at_the_server() {
    let showcase = Showcase::default();
    let client = showcase.connect(Lifecycle::Discover, Handlers::new()).await;
    let changes = client.subscribe(Interests::new().tools()).await.unwrap();
    drop(changes);
    showcase.seen.cancelled.notified().await;
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_handler_hears_what_is_told_to_all() {
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let handlers = Handlers::new().on_change(move |change| sender.send(change).unwrap());
    let client = Showcase::default()
        .connect(Lifecycle::Initialize, handlers)
        .await;
    client.call_tool("touch", ()).await.unwrap();
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(told.recv().await.unwrap());
    }
    assert!(
        [Change::Tools, Change::Resources, watched()]
            .iter()
            .all(|c| all.contains(c))
    );
    client.close().await.unwrap();
}

#[tokio::test]
async fn who_does_not_listen_is_told_so_and_holds_nothing_up() {
    for lifecycle in BOTH {
        let client = Showcase::default()
            .connect(lifecycle, Handlers::new())
            .await;
        let mut changes = client.subscribe(Interests::new().tools()).await.unwrap();
        for _ in 0..200 {
            client.call_tool("touch", ()).await.unwrap();
        }
        let mut heard = 0;
        let error = loop {
            match changes.next().await {
                Ok(Some(_)) => heard += 1,
                Ok(None) => panic!("it just ended"),
                Err(error) => break error,
            }
        };
        assert!(heard < 200, "{heard}");
        assert!(error.to_string().ends_with("subscribe again"), "{error}");
        client.close().await.unwrap();
    }
}
