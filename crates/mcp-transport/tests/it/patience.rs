//! How long a call waits, and what is heard meanwhile.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_domain::{Connection as _, Connector as _, ErrorKind, Scope};
use mcp_transport::{Handlers, Progress};
use tokio::{
    runtime::Builder,
    time::{Instant, timeout},
};

use crate::{
    prompts::BOTH,
    server::{Calculator, in_process},
    shell::eventually,
    showcase::Showcase,
};

const LONG: Duration = Duration::from_secs(60);

type Reports = Arc<Mutex<Vec<Progress>>>;

fn listener() -> (Reports, impl Fn(Progress) + Send + Sync + 'static) {
    let reports = Reports::default();
    let heard = Arc::clone(&reports);
    (heard, move |progress| {
        reports.lock().unwrap().push(progress)
    })
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_costs_its_timeout_and_is_cancelled() {
    for lifecycle in BOTH {
        let showcase = Showcase::default();
        let client = showcase.connect(lifecycle, Handlers::new()).await;
        let call = client.call_tool("hang", ()).timeout(Duration::from_secs(7));
        let error = call.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CallTimeout);
        assert_eq!(error.to_string(), "no answer within 7 s");
        showcase.seen.cancelled.notified().await;
        // The connection is as good as before.
        client.call_tool("any", ()).await.unwrap();
        client.close().await.unwrap();
    }
}

#[test]
fn a_call_from_elsewhere_is_late_also_while_the_runtime_of_its_connection_rests() {
    let home = Builder::new_current_thread().enable_all().build().unwrap();
    let connector = in_process(&Calculator::default()).with_call_timeout(Duration::from_secs(5));
    let client = home.block_on(async { connector.connect(&Scope::default()).await });
    let client = client.unwrap();
    let mut elsewhere = Builder::new_current_thread();
    let elsewhere = elsewhere.enable_all().start_paused(true).build().unwrap();
    elsewhere.block_on(async {
        let start = Instant::now();
        let call = timeout(LONG, async { client.call_tool("add", ()).await });
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CallTimeout);
        assert_eq!(start.elapsed(), Duration::from_secs(5));
        timeout(LONG, client.close()).await.unwrap().unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn a_connection_says_how_long_its_calls_wait() {
    for lifecycle in BOTH {
        let connector = Showcase::default().connector(lifecycle);
        let connector = connector.with_call_timeout(Duration::from_secs(3));
        let client = connector.connect(&Scope::default()).await.unwrap();
        let error = client.call_tool("hang", ()).await.unwrap_err();
        assert_eq!(error.to_string(), "no answer within 3 s");
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn the_longest_limits_are_as_good_as_none() {
    let connector = Showcase::default().connector(BOTH[0]);
    let connector = connector
        .with_connect_timeout(Duration::MAX)
        .with_call_timeout(Duration::MAX);
    let client = connector.connect(&Scope::default()).await.unwrap();
    client.list_tools().await.unwrap();
    let call = client.call_tool("any", ()).within(Duration::MAX);
    call.reset_on_progress().await.unwrap();
    client.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn progress_is_a_reason_to_wait_on_if_the_caller_says_so() {
    for lifecycle in BOTH {
        let client = Showcase::default()
            .connect(lifecycle, Handlers::new())
            .await;
        let steps = || {
            client
                .call_tool("steps", ())
                .timeout(Duration::from_millis(1500))
        };
        let error = steps().await.unwrap_err();
        assert_eq!(error.to_string(), "no answer within 1.5 s");
        steps().reset_on_progress().await.unwrap();
        // But not for ever.
        let bounded = steps().reset_on_progress().within(Duration::from_secs(4));
        let error = bounded.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CallTimeout);
        assert_eq!(error.to_string(), "no answer within 4 s");
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn progress_is_heard_by_its_call_or_by_all() {
    tokio::time::pause();
    for lifecycle in BOTH {
        let (of_all, hear) = listener();
        let client = Showcase::default()
            .connect(lifecycle, Handlers::new().on_progress(hear))
            .await;
        let (of_call, hear) = listener();
        client
            .call_tool("steps", ())
            .on_progress(hear)
            .await
            .unwrap();
        let heard: Vec<_> = of_call.lock().unwrap().iter().map(|p| p.progress).collect();
        assert_eq!(heard, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
        assert_eq!(of_call.lock().unwrap()[0].total, Some(10.0));
        assert!(of_all.lock().unwrap().is_empty());

        client.call_tool("steps", ()).await.unwrap();
        eventually(|| of_all.lock().unwrap().len() == 10).await;
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_is_read_into_a_type_of_the_callers() {
    let client = Showcase::default().connect(BOTH[0], Handlers::new()).await;
    // What is no object comes wrapped in one.
    let number: i32 = client.call_tool("wrapped", ()).typed().await.unwrap();
    assert_eq!(number, 42);
    let error = client
        .call_tool("wrapped", ())
        .typed::<Vec<u8>>()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadResponse);
    client.close().await.unwrap();
}
