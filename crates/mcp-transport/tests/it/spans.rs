//! What spans tell of requests, and what they do not.

use std::{
    io,
    sync::{Arc, Mutex},
};

use mcp_domain::{Connection as _, Connector as _, Scope};
use mcp_transport::Lifecycle;
use serde_json::json;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::{MakeWriter, format::FmtSpan},
    layer::SubscriberExt as _,
};

use crate::{
    server::{Calculator, HttpServer, in_process},
    shell::eventually,
    showcase::Showcase,
};

/// A line for each span that has ended.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<u8>>>);

impl Spans {
    /// Hears those of this thread, which is where the tests' tasks run.
    fn listen() -> (Self, DefaultGuard) {
        let spans = Self::default();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_span_events(FmtSpan::CLOSE)
            .with_writer(spans.clone());
        let ours = Targets::new().with_target("mcp_transport", LevelFilter::DEBUG);
        let subscriber = tracing_subscriber::registry().with(ours).with(layer);
        (spans, tracing::subscriber::set_default(subscriber))
    }

    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let requests = text.lines().filter(|line| line.contains("mcp.request{"));
        requests.map(str::to_owned).collect()
    }

    /// The span of this name, with all of these fields.
    #[track_caller]
    fn check(&self, name: &str, fields: &[&str]) -> String {
        let lines = self.lines();
        let named = format!("otel.name=\"{name}\"");
        let Some(line) = lines.iter().find(|line| line.contains(&named)) else {
            panic!("`{named}` is not in {lines:#?}");
        };
        for field in fields {
            let delimited = [format!("{field} "), format!("{field}}}")];
            let is_there = delimited.iter().any(|field| line.contains(field));
            assert!(is_there, "`{field}` is not in: {line}");
        }
        line.clone()
    }
}

impl io::Write for Spans {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Spans {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_call_is_told_by_the_conventions_and_without_its_arguments() {
    let http = HttpServer::start(0).await;
    let port = format!("server.port={}", http.port);
    let tcp = [
        r#"network.transport="tcp""#,
        r#"server.address="127.0.0.1""#,
        &port,
    ];
    let pipe = [r#"network.transport="pipe""#];
    for (connector, road) in [
        (http.connector(), &tcp[..]),
        (in_process(&Calculator::default()), &pipe),
    ] {
        let (spans, _guard) = Spans::listen();
        let connector = connector.with_lifecycle(Lifecycle::Initialize);
        let client = connector.connect(&Scope::default()).await.unwrap();
        let arguments = json!({ "a": 4321, "b": 1 });
        client.call_tool("add", arguments).await.unwrap();
        let line = spans.check(
            "tools/call add",
            &[
                r#"otel.kind="client""#,
                r#"mcp.method.name="tools/call""#,
                r#"mcp.protocol.version="2025-11-25""#,
                r#"gen_ai.operation.name="execute_tool""#,
                r#"gen_ai.tool.name="add""#,
            ],
        );
        assert!(line.contains("jsonrpc.request.id="), "{line}");
        assert!(!line.contains("error.type"), "{line}");
        assert!(!line.contains("432"), "{line}");
        spans.check("tools/call add", road);

        client.read_resource("test://7").await.unwrap();
        let line = spans.check("resources/read", &[r#"mcp.method.name="resources/read""#]);
        assert!(!line.contains("test://7"), "{line}");
        assert!(!line.contains("gen_ai"), "{line}");
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_by_its_kind() {
    let (spans, _guard) = Spans::listen();
    let client = in_process(&Calculator::default());
    let client = client.connect(&Scope::default()).await.unwrap();
    client.call_tool_raw("fail", ()).await.unwrap();
    spans.check("tools/call fail", &[r#"error.type="tool_error""#]);
    client.call_tool("nope", ()).await.unwrap_err();
    spans.check(
        "tools/call nope",
        &[
            r#"error.type="rpc_error""#,
            "rpc.response.status_code=-32602",
        ],
    );
    client.close().await.unwrap();
    client.call_tool("late", ()).await.unwrap_err();
    spans.check("tools/call late", &[r#"error.type="not_sent""#]);
}

#[tokio::test]
async fn a_call_that_is_dropped_ends_its_span() {
    let (spans, _guard) = Spans::listen();
    let calculator = Calculator::default();
    let client = in_process(&calculator);
    let client = client.connect(&Scope::default()).await.unwrap();
    {
        let mut call = std::pin::pin!(client.call_tool("hang", ()));
        let waits = futures::poll!(call.as_mut()).is_pending();
        assert!(waits && spans.lines().is_empty());
    }
    eventually(|| spans.lines().len() == 1).await;
    client.close().await.unwrap();
}

/// Every field that is told is in the documentation.
#[tokio::test]
async fn the_documentation_lists_every_field() {
    let (spans, _guard) = Spans::listen();
    let connector = Showcase::default().connector(Lifecycle::Initialize);
    let client = connector.connect(&Scope::default()).await.unwrap();
    client.call_tool("any", ()).await.unwrap();
    let whom = json!({ "whom": "Ada" });
    client.get_prompt("greet", whom).await.unwrap();
    client.close().await.unwrap();
    let page = include_str!("../../../../docs/observability.md");
    let lines = spans.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in lines {
        let fields = line.split_once('{').unwrap().1.split_once('}').unwrap().0;
        let names = fields.split(' ').filter_map(|field| field.split_once('='));
        for (name, _) in names {
            assert!(page.contains(&format!("| `{name}` |")), "{name}");
        }
    }
}
