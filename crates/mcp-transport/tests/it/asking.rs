//! Servers that ask before they answer: the user, a model, for folders.

use mcp_domain::{Connection as _, Connector as _, Error, ErrorKind, Scope};
use mcp_transport::{
    Content, Elicitation, ElicitationReply, Handlers, Lifecycle, Role, Root, SamplingReply,
};
use serde_json::json;

use crate::{
    prompts::BOTH,
    showcase::Showcase,
    wire::{Answer, EVENTS, Request, Wire},
};

#[tokio::test]
async fn the_user_is_asked_in_the_way_of_either_revision() {
    for lifecycle in BOTH {
        let handlers = Handlers::new().on_elicitation(|question| async move {
            assert_eq!(question.message(), "who are you?");
            let Elicitation::Form { schema, .. } = &question else {
                panic!("{question:?}");
            };
            assert_eq!(schema["properties"]["age"]["default"], 30);
            Ok(ElicitationReply::Accept(json!({ "name": "Ada" })))
        });
        let client = Showcase::default().connect(lifecycle, handlers).await;
        let answer = client.call_tool("ask_user", ()).await.unwrap();
        // With the default of what was left out.
        let content = json!({ "name": "Ada", "age": 30 });
        let expected = json!({ "action": "accept", "content": content });
        assert_eq!(answer.structured, Some(expected), "{lifecycle:?}");
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_model_is_asked_in_the_way_of_either_revision() {
    for lifecycle in BOTH {
        let handlers = Handlers::new().on_sampling(|request| async move {
            assert_eq!(request.system_prompt.as_deref(), Some("be brief"));
            assert_eq!(request.max_tokens, 9);
            assert_eq!(request.messages[0].role, Role::User);
            let question = Content::Text("six times seven?".to_owned());
            assert_eq!(request.messages[0].content, [question]);
            Ok(SamplingReply::new("deep thought", "42").with_stop_reason("maxTokens"))
        });
        let client = Showcase::default().connect(lifecycle, handlers).await;
        let answer = client.call_tool("ask_model", ()).await.unwrap();
        let answer = answer.structured.unwrap();
        assert_eq!(answer["content"]["text"], "42", "{lifecycle:?}");
        assert_eq!(answer["model"], "deep thought");
        assert_eq!(answer["stopReason"], "maxTokens");
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn folders_are_named_in_the_way_of_either_revision() {
    for lifecycle in BOTH {
        let root = Root::new("file:///srv/project").with_name("project");
        let handlers = Handlers::new().with_roots([root]);
        let client = Showcase::default().connect(lifecycle, handlers).await;
        let answer = client.call_tool("ask_roots", ()).await.unwrap();
        let expected = json!({ "roots": [{ "uri": "file:///srv/project", "name": "project" }] });
        assert_eq!(answer.structured, Some(expected), "{lifecycle:?}");
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn without_handlers_everything_is_refused() {
    // With a handshake, the refusal is the server's to deal with.
    let client = Showcase::default()
        .connect(Lifecycle::Initialize, Handlers::new())
        .await;
    let error = client.call_tool("ask_model", ()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Rpc(_)), "{error:?}");
    client.close().await.unwrap();

    // Without, the call cannot go on.
    let client = Showcase::default()
        .connect(Lifecycle::Discover, Handlers::new())
        .await;
    for tool in ["ask_model", "ask_user"] {
        let error = client.call_tool(tool, ()).await.unwrap_err();
        // A server may see by itself that it must not ask.
        let kinds = [ErrorKind::Unsupported, ErrorKind::Rpc(-32021)];
        assert!(kinds.contains(&error.kind()), "{error:?}");
    }
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_handlers_error_is_told_without_its_causes() {
    for lifecycle in BOTH {
        let handlers = Handlers::new().on_elicitation(|_| async {
            let error = Error::new(ErrorKind::Closed, "nobody is there");
            Err(error.with_source(std::io::Error::other("hunter2")))
        });
        let client = Showcase::default().connect(lifecycle, handlers).await;
        let error = client.call_tool("ask_user", ()).await.unwrap_err();
        assert!(error.to_string().contains("nobody is there"), "{error}");
        assert!(!error.chain().contains("hunter2"), "{}", error.chain());
        client.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_stops_asking_costs_an_error() {
    let client = Showcase::default()
        .connect(Lifecycle::Discover, Handlers::new())
        .await;
    let error = client.call_tool("ask_for_ever", ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadResponse);
    assert_eq!(
        error.to_string(),
        "the server asked for further input 10 times"
    );
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_session_hears_its_server_before_it_is_called() {
    for stream in [
        // A stream that stays open.
        || Answer::Bytes(EVENTS.replace("connection: close\r\n", "")),
        // None.
        || Answer::http(405, "", ""),
    ] {
        let server = Wire::start(move |request: &Request| match request.method.as_str() {
            "GET" => stream(),
            _ => request.legacy(),
        })
        .await;
        let handlers = Handlers::new().with_roots([Root::new("file:///srv")]);
        let connector = server.connector().with_handlers(handlers);
        let client = connector.connect(&Scope::default()).await.unwrap();
        assert_eq!(server.requests("GET").len(), 1);
        client.close().await.unwrap();
    }
}
