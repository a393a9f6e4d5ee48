//! Prompts, templates, completions, log levels: what there is beside tools and resources.

use std::sync::{Arc, Mutex};

use mcp_domain::{Connection as _, Connector as _, ErrorKind, Scope};
use mcp_transport::{Content, Handlers, Lifecycle, LogLevel, Role, Unfinished};
use serde_json::json;

use crate::{
    server::{Calculator, in_process},
    shell::eventually,
    showcase::Showcase,
};

pub(crate) const BOTH: [Lifecycle; 2] = [Lifecycle::Initialize, Lifecycle::Discover];

#[tokio::test]
async fn prompts_are_listed_and_filled_in() {
    for lifecycle in BOTH {
        let client = Showcase::default()
            .connect(lifecycle, Handlers::new())
            .await;
        assert!(client.server().has_prompts);
        let prompts = client.list_prompts().await.unwrap();
        // All pages.
        let names: Vec<_> = prompts.iter().map(|prompt| prompt.name.as_str()).collect();
        assert_eq!(names, ["greet", "leave"]);
        assert!(prompts[0].arguments[0].required);

        let greeting = client
            .get_prompt("greet", json!({ "whom": "Ada" }))
            .await
            .unwrap();
        assert_eq!(greeting.description.as_deref(), Some("a greeting"));
        assert_eq!(greeting.messages[0].role, Role::User);
        let text = Content::Text("greet Ada".to_owned());
        assert_eq!(greeting.messages[0].content, [text]);
        assert_eq!(greeting.messages[1].role, Role::Assistant);
        assert!(matches!(
            greeting.messages[1].content[..],
            [Content::Image { .. }]
        ));
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn arguments_are_completed() {
    for lifecycle in BOTH {
        let client = Showcase::default()
            .connect(lifecycle, Handlers::new())
            .await;
        assert!(client.server().has_completions);
        let unfinished = Unfinished::of_prompt("greet", "whom", "A").given("when", "now");
        let found = client.complete(&unfinished).await.unwrap();
        assert_eq!(found.values, ["A1", "greet"]);
        assert_eq!((found.total, found.has_more), (Some(7), true));
        let unfinished = Unfinished::of_resource("test://{id}", "id", "4");
        let found = client.complete(&unfinished).await.unwrap();
        assert_eq!(found.values, ["40", "test://{id}"]);
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn families_of_resources_are_listed() {
    for lifecycle in BOTH {
        let client = Showcase::default()
            .connect(lifecycle, Handlers::new())
            .await;
        let templates = client.list_resource_templates().await.unwrap();
        assert_eq!(templates[0].uri_template, "test://{id}");
        assert_eq!(templates[0].mime_type.as_deref(), Some("text/plain"));
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_is_told_which_messages_to_log() {
    let showcase = Showcase::default();
    let client = showcase
        .connect(Lifecycle::Initialize, Handlers::new())
        .await;
    client.set_log_level(LogLevel::Warning).await.unwrap();
    let seen = showcase.seen.subscriptions.lock().unwrap().clone();
    assert_eq!(seen, [r#"level "warning""#]);
    client.close().await.unwrap();

    // Without a session, each request says so.
    let client = showcase.connect(Lifecycle::Discover, Handlers::new()).await;
    client.set_log_level(LogLevel::Critical).await.unwrap();
    client
        .call_tool("any", ())
        .meta("traceparent", "00-1")
        .await
        .unwrap();
    let meta = showcase.seen.meta.lock().unwrap().clone();
    assert_eq!(meta["io.modelcontextprotocol/logLevel"], "critical");
    assert_eq!(meta["traceparent"], "00-1");
    client.close().await.unwrap();

    let connector = in_process(&Calculator::default()).with_lifecycle(Lifecycle::Initialize);
    let client = connector.connect(&Scope::default()).await.unwrap();
    let error = client.set_log_level(LogLevel::Info).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rpc(-32601));
    client.close().await.unwrap();
}

#[tokio::test]
async fn what_a_server_logs_is_heard() {
    for lifecycle in BOTH {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        let handlers = Handlers::new().on_log(move |message| {
            hears.lock().unwrap().push((message.level, message.data));
        });
        let client = Showcase::default().connect(lifecycle, handlers).await;
        client.set_log_level(LogLevel::Debug).await.unwrap();
        client.call_tool("log", ()).await.unwrap();
        eventually(|| heard.lock().unwrap().len() == 2).await;
        let mut heard = heard.lock().unwrap().clone();
        heard.sort_by_key(|(level, _)| *level);
        let message = json!("a message");
        assert_eq!(
            heard,
            [
                (LogLevel::Debug, message.clone()),
                (LogLevel::Error, message)
            ]
        );
        client.close().await.unwrap();
    }
}
