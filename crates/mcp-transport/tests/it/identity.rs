//! Whom a connection speaks for, and what becomes of a session whose tokens rotate.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mcp_domain::{Connection as _, Connector as _, Error, ErrorKind, HttpTarget, Scope, Target};
use mcp_transport::{ClientConnector, Identity, IdentityRequest, Lifecycle};

use crate::{
    shell::ShellServer,
    wire::{Answer, Request, Wire},
};

/// A server that takes only the token of the present.
struct Guarded {
    server: Wire,
    present: Arc<AtomicUsize>,
}

const CHALLENGE: &str = "www-authenticate: Bearer error=\"invalid_token\"\r\n";

impl Guarded {
    async fn start() -> Self {
        let present = Arc::new(AtomicUsize::new(1));
        let expected = Arc::clone(&present);
        let server = Wire::start(move |request| {
            let token = format!("Bearer token-{}", expected.load(Ordering::SeqCst));
            match request.header("authorization") {
                Some(shown) if shown == token => request.legacy(),
                _ => Answer::http(401, CHALLENGE, ""),
            }
        })
        .await;
        Self { server, present }
    }

    /// A connector whose provider knows the token of the present, but holds on to the
    /// one it gave until that is refused.
    fn connector(&self, asked: &Asked) -> ClientConnector {
        let present = Arc::clone(&self.present);
        let asked = asked.clone();
        self.server
            .connector()
            .with_identity(move |request: IdentityRequest| {
                asked.note(&request);
                let token = present.load(Ordering::SeqCst);
                async move { Ok(Identity::bearer(format!("token-{token}"))) }
            })
    }
}

/// How often a provider was asked, and how often because of a refusal.
#[derive(Clone, Default)]
struct Asked(Arc<(AtomicUsize, AtomicUsize)>);

impl Asked {
    fn note(&self, request: &IdentityRequest) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        if let Some(refusal) = &request.refused {
            assert_eq!(refusal.challenge, "Bearer error=\"invalid_token\"");
            self.0.1.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[track_caller]
    fn check(&self, times: usize, after_refusals: usize) {
        assert_eq!(self.0.0.load(Ordering::SeqCst), times);
        assert_eq!(self.0.1.load(Ordering::SeqCst), after_refusals);
    }
}

#[tokio::test]
async fn every_request_of_a_scope_bears_its_identity() {
    let server = Wire::start(Request::legacy).await;
    let connector = server
        .connector()
        .with_identity(|request: IdentityRequest| async move {
            let user = request.scope.name().unwrap_or("nobody");
            Ok(Identity::bearer(format!("token-of-{user}")).with_header("X-Tenant", user))
        });
    for user in ["ann", "bob"] {
        let client = connector.connect(&Scope::new(user)).await.unwrap();
        client.call_tool("any", ()).await.unwrap();
        client.close().await.unwrap();
    }
    for method in [
        "initialize",
        "notifications/initialized",
        "tools/call",
        "GET",
        "DELETE",
    ] {
        let requests = server.requests(method);
        let shown: Vec<_> = requests
            .iter()
            .map(|request| (request.header("authorization"), request.header("x-tenant")))
            .collect();
        let expected = [
            (Some("Bearer token-of-ann"), Some("ann")),
            (Some("Bearer token-of-bob"), Some("bob")),
        ];
        assert_eq!(shown, expected, "{method}");
    }
}

#[tokio::test]
async fn a_session_outlives_its_tokens() {
    let guarded = Guarded::start().await;
    let asked = Asked::default();
    let connector = guarded.connector(&asked);
    let client = connector.connect(&Scope::default()).await.unwrap();
    client.call_tool("any", ()).await.unwrap();
    asked.check(1, 0);
    guarded.present.store(2, Ordering::SeqCst);
    client.call_tool("any", ()).await.unwrap();
    client.call_tool("any", ()).await.unwrap();
    asked.check(2, 1);
    client.close().await.unwrap();
    assert_eq!(guarded.server.requests("initialize").len(), 1);
    // One of the four was refused.
    assert_eq!(guarded.server.requests("tools/call").len(), 4);
    assert_eq!(guarded.server.requests("DELETE").len(), 1);
}

#[tokio::test]
async fn calls_that_are_refused_together_ask_once() {
    let guarded = Guarded::start().await;
    let asked = Asked::default();
    let connector = guarded.connector(&asked);
    let client = connector.connect(&Scope::default()).await.unwrap();
    guarded.present.store(2, Ordering::SeqCst);
    let calls = (0..8).map(|_| client.call_tool("any", ()));
    for answer in futures::future::join_all(calls).await {
        answer.unwrap();
    }
    asked.check(2, 1);
}

#[tokio::test]
async fn an_identity_that_expires_is_asked_for_again() {
    for (lifetime, times) in [(Duration::from_secs(3600), 1), (Duration::ZERO, 5)] {
        let server = Wire::start(Request::legacy).await;
        let asked = Asked::default();
        let provider = asked.clone();
        let connector = server
            .connector()
            .with_identity(move |request: IdentityRequest| {
                provider.note(&request);
                async move { Ok(Identity::bearer("token").valid_for(lifetime)) }
            });
        let client = connector.connect(&Scope::default()).await.unwrap();
        client.call_tool("any", ()).await.unwrap();
        client.close().await.unwrap();
        // initialize, initialized, GET, tools/call, DELETE
        asked.check(times, 0);
    }
}

#[tokio::test]
async fn an_identity_without_an_alternative_is_refused_once() {
    let guarded = Guarded::start().await;
    guarded.present.store(7, Ordering::SeqCst);
    let asked = Asked::default();
    let provider = asked.clone();
    let connector = guarded
        .server
        .connector()
        .with_identity(move |request: IdentityRequest| {
            provider.note(&request);
            async { Ok(Identity::bearer("token-1")) }
        });
    for lifecycle in [Lifecycle::Initialize, Lifecycle::Auto] {
        let connector = connector.clone().with_lifecycle(lifecycle);
        let error = connector.connect(&Scope::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(error.chain().contains("invalid_token"), "{}", error.chain());
    }
    asked.check(4, 2);
    assert_eq!(guarded.server.requests("initialize").len(), 1);
    assert_eq!(guarded.server.requests("server/discover").len(), 1);
}

#[tokio::test]
async fn a_provider_that_does_not_know_says_why() {
    let server = Wire::start(Request::legacy).await;
    let connector = server
        .connector()
        .with_identity(|request: IdentityRequest| async move {
            let message = format!("nobody has logged in as {}", request.scope);
            Err::<Identity, _>(Error::new(ErrorKind::Unauthorized, message))
        });
    let error = connector.connect(&Scope::new("ann")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(
        error.chain().ends_with("nobody has logged in as ann"),
        "{}",
        error.chain()
    );
    assert!(server.requests("initialize").is_empty());
}

#[tokio::test]
async fn an_identity_goes_over_the_headers_of_the_target() {
    let server = Wire::start(Request::legacy).await;
    let mut target = HttpTarget {
        url: server.url.clone(),
        ..HttpTarget::default()
    };
    target
        .headers
        .insert("Authorization".into(), "Bearer old".into());
    target.headers.insert("x-kept".into(), "kept".into());
    let connector = ClientConnector::new(Target::Http(target)).unwrap();
    let connector = connector
        .with_lifecycle(Lifecycle::Initialize)
        .with_identity(|_: IdentityRequest| async { Ok(Identity::bearer("new")) });
    connector.connect(&Scope::default()).await.unwrap();
    let request = server.requests("initialize").remove(0);
    assert_eq!(request.header("authorization"), Some("Bearer new"));
    assert_eq!(request.header("x-kept"), Some("kept"));
}

#[tokio::test]
async fn what_http_does_not_allow_is_not_sent() {
    let server = Wire::start(Request::legacy).await;
    let connector = server
        .connector()
        .with_identity(|_: IdentityRequest| async { Ok(Identity::bearer("two\nlines")) });
    let error = connector.connect(&Scope::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(
        error.chain().contains("header `authorization`"),
        "{}",
        error.chain()
    );
}

#[tokio::test]
async fn an_identity_is_for_http_only() {
    let server = ShellServer::answering("legacy");
    let connector = server
        .connector()
        .with_identity(|_: IdentityRequest| async { Ok(Identity::anonymous()) });
    let error = connector.connect(&Scope::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(server.asked_for().is_empty());
}
