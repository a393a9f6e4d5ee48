//! How connections begin, with servers that react in every way known.

use std::time::Duration;

use mcp_domain::{Connection as _, Connector as _, ErrorKind, Scope};
use mcp_transport::{ClientConnector, Lifecycle};
use tokio::time::Instant;

use crate::{
    server::{Calculator, in_process},
    shell::ShellServer,
};

/// A limit for connects of which a part is spent in silence.
const PATIENT: Duration = Duration::from_secs(6);

/// Connects, calls, closes.
async fn use_once(connector: &ClientConnector) {
    let client = connector.connect(&Scope::default()).await.unwrap();
    let answer = client.call_tool("any", ()).await.unwrap();
    assert_eq!(answer.text(), "done");
    client.close().await.unwrap();
}

/// The first connect works, whatever it takes, and the second does not probe.
async fn check(server: &ShellServer, first: &[&str]) {
    let connector = server.connector();
    use_once(&connector).await;
    let known = ["initialize", "notifications/initialized", "tools/call"];
    let mut expected = first.to_vec();
    expected.extend(known);
    assert_eq!(server.asked_for(), expected);
    use_once(&connector).await;
    expected.extend(known);
    assert_eq!(server.asked_for(), expected);
}

#[tokio::test]
async fn a_server_that_knows_no_discovery_is_initialised_on_the_same_pipe() {
    check(&ShellServer::answering("legacy"), &["server/discover"]).await;
}

#[tokio::test]
async fn a_server_may_speak_any_revision_that_has_a_handshake() {
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let script = format!(
            r#"case "$method" in
                initialize) respond '{{"protocolVersion":"{revision}","capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"old","version":"1"}}}}' ;;
                *) legacy ;;
            esac"#
        );
        let server = ShellServer::answering(&script);
        let connector = server.connector();
        let client = connector.connect(&Scope::default()).await.unwrap();
        assert_eq!(client.server().revision, revision);
        assert!(!client.is_stateless());
        client.ping().await.unwrap();
        assert_eq!(client.call_tool("any", ()).await.unwrap().text(), "done");
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_dies_of_discovery_is_started_again() {
    let server =
        ShellServer::answering(r#"case "$method" in server/discover) exit 1 ;; *) legacy ;; esac"#);
    check(&server, &["server/discover"]).await;
}

#[tokio::test]
async fn a_server_that_discovers_without_cache_hints_is_understood() {
    // As MCP Toolbox does, which refuses a handshake of the revision that has none.
    let server = ShellServer::answering(
        r#"case "$method" in
            server/discover) respond '{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"serverInfo":{"name":"t","version":"1"}}' ;;
            initialize) case "$line" in
                *2026-07-28*) refuse -32601 "Method not found" ;;
                *) legacy ;;
            esac ;;
            *) legacy ;;
        esac"#,
    );
    let connector = server.connector();
    for _ in 0..2 {
        let client = connector.connect(&Scope::default()).await.unwrap();
        assert_eq!(client.server().revision, "2026-07-28");
        assert!(client.is_stateless());
        assert_eq!(client.call_tool("any", ()).await.unwrap().text(), "done");
        client.close().await.unwrap();
    }
    let once = ["server/discover", "tools/call"];
    assert_eq!(server.asked_for(), [once, once].concat());
    // By the handshake it can be reached, too.
    use_once(&connector.with_lifecycle(Lifecycle::Initialize)).await;
}

#[tokio::test]
async fn a_server_that_answers_discovery_unreadably_is_initialised() {
    let server = ShellServer::answering(
        r#"case "$method" in server/discover) respond '{"yes":1}' ;; *) legacy ;; esac"#,
    );
    check(&server, &["server/discover"]).await;
}

#[tokio::test]
async fn a_server_that_is_latched_by_discovery_is_started_again() {
    let server = ShellServer::answering(
        r#"case "$method" in
            server/discover) latched=1; respond '{"no":"discovery"}' ;;
            initialize) if [ -n "$latched" ]; then refuse -32022 "latched"; else legacy; fi ;;
            *) legacy ;;
        esac"#,
    );
    check(&server, &["server/discover"]).await;
}

#[tokio::test]
async fn a_wrong_memory_heals_itself() {
    // Speaks one lifecycle in its first process, and the other one from then on.
    let connector = {
        let modern = std::sync::atomic::AtomicBool::new(true);
        let calculator = Calculator::default();
        ClientConnector::in_process(move |stream| {
            let was_modern = modern.swap(false, std::sync::atomic::Ordering::SeqCst);
            let calculator = calculator.clone();
            async move {
                if was_modern {
                    serve(calculator, stream).await;
                } else {
                    serve(OldCalculator, stream).await;
                }
            }
        })
    };
    let first = connector.connect(&Scope::default()).await.unwrap();
    assert_eq!(first.server().revision, "2026-07-28");
    first.close().await.unwrap();
    for _ in 0..2 {
        let next = connector.connect(&Scope::default()).await.unwrap();
        assert_eq!(next.server().revision, "2025-11-25");
        next.close().await.unwrap();
    }
}

async fn serve(handler: impl rmcp::ServerHandler, stream: tokio::io::DuplexStream) {
    if let Ok(service) = rmcp::ServiceExt::serve(handler, stream).await {
        let _ = service.waiting().await;
    }
}

/// A server from before discovery.
#[derive(Clone)]
struct OldCalculator;

impl rmcp::ServerHandler for OldCalculator {
    async fn discover(
        &self,
        _: rmcp::service::RequestContext<rmcp::RoleServer>,
    ) -> Result<rmcp::model::DiscoverResult, rmcp::ErrorData> {
        let code = rmcp::model::ErrorCode::METHOD_NOT_FOUND;
        Err(rmcp::ErrorData::new(code, "Method not found", None))
    }
}

#[tokio::test]
async fn a_lifecycle_that_is_set_is_not_negotiated() {
    let server = ShellServer::answering("legacy");
    let connector = server.connector().with_lifecycle(Lifecycle::Initialize);
    use_once(&connector).await;
    assert_eq!(server.asked_for()[0], "initialize");

    let server = ShellServer::answering("legacy");
    let connector = server.connector().with_lifecycle(Lifecycle::Discover);
    let error = connector.connect(&Scope::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectFailed);
    assert!(
        error.chain().contains("Method not found"),
        "{}",
        error.chain()
    );
    assert_eq!(server.asked_for(), ["server/discover"]);
}

#[tokio::test]
async fn clones_share_what_they_have_learnt() {
    let connector = in_process(&Calculator::default());
    let clone = connector.clone();
    connector
        .connect(&Scope::default())
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
    let client = clone.connect(&Scope::default()).await.unwrap();
    assert_eq!(client.server().revision, "2026-07-28");
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_answer_discovery_costs_the_probe_once() {
    let server =
        ShellServer::answering(r#"case "$method" in server/discover) ;; *) legacy ;; esac"#);
    let connector = server.connector().with_connect_timeout(PATIENT);
    let started = Instant::now();
    use_once(&connector).await;
    // Not the ten seconds that the SDK waits.
    assert!(started.elapsed() < PATIENT);
    let known = ["initialize", "notifications/initialized", "tools/call"];
    let mut expected = vec!["server/discover"];
    expected.extend(known);
    assert_eq!(server.asked_for(), expected);
    use_once(&connector).await;
    expected.extend(known);
    assert_eq!(server.asked_for(), expected);
}

#[tokio::test]
async fn a_memory_that_leads_to_silence_heals_itself() {
    // Replaced by one that does not answer what it does not know.
    let server = ShellServer::answering(
        r#"case "$method" in
            server/discover) [ -e "$FOLDER/old" ] || respond '{"supportedVersions":["2026-07-28"],"resultType":"complete","capabilities":{},"serverInfo":{"name":"s","version":"1"},"ttlMs":0,"cacheScope":"private"}' ;;
            *) legacy ;;
        esac"#,
    );
    let connector = server.connector().with_connect_timeout(PATIENT);
    let scope = Scope::default();
    let connect = || connector.connect(&scope);
    let modern = connect().await.unwrap();
    assert_eq!(modern.server().revision, "2026-07-28");
    modern.close().await.unwrap();
    server.touch("old");
    for _ in 0..2 {
        let legacy = connect().await.unwrap();
        assert_eq!(legacy.server().revision, "2025-11-25");
        legacy.close().await.unwrap();
    }
    let probes = server.asked_for();
    let probes = probes.iter().filter(|method| *method == "server/discover");
    // The first, the one that memory led to, and the one of the ladder; then no more.
    assert_eq!(probes.count(), 3);
}
