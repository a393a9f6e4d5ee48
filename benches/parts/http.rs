//! A query over HTTP, through our client and on the bare SDK, of a server in another
//! process: what it costs there is not counted here.

use std::{
    env,
    hint::black_box,
    io::{self, BufRead as _, BufReader},
    net::Ipv4Addr,
    process::{Child, Command, Stdio},
};

use mcp_domain::{Connection as _, Connector as _, Scope, Target};
use mcp_server_db::{DatabaseServer, HttpOptions, Limits, sample};
use mcp_transport::{Client, ClientConnector, Lifecycle};
use rmcp::{
    RoleClient,
    model::{CallToolRequestParams, ClientConfig, JsonObject, ProtocolVersion},
    service::{ClientLifecycleMode, ClientServiceExt as _, RunningService},
    transport::StreamableHttpClientTransport,
};
use serde_json::json;
use tokio::net::TcpListener;

/// Has this program be the server.
pub(crate) const SERVE: &str = "--serve";

/// Serves the sample data on a free port, which it tells, until its input ends.
pub(crate) async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let database = sample::ensure(folder.path())?;
    let server = DatabaseServer::open_sqlite(&database, Limits::default())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    super::say(&format!("http://{address}/mcp"));
    let ended = async {
        // Nothing is ever sent.
        let _ = tokio::task::spawn_blocking(|| io::stdin().read_line(&mut String::new())).await;
    };
    let options = HttpOptions::default();
    Ok(server.serve_http(listener, options, ended).await?)
}

/// The server in another process, which ends with this.
pub(crate) struct Served {
    process: Child,
    url: String,
}

impl Served {
    pub(crate) fn start() -> io::Result<Self> {
        let mut process = Command::new(env::current_exe()?)
            .arg(SERVE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut url)?;
        }
        let url = url.trim_end().to_owned();
        Ok(Self { process, url })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn arguments() -> JsonObject {
    let sql = "SELECT id, name, price FROM products WHERE category_id = ? LIMIT 10";
    let arguments = json!({ "sql": sql, "parameters": [1] });
    arguments.as_object().cloned().unwrap_or_default()
}

/// Our client.
pub(crate) struct Ours(Client);

impl Ours {
    pub(crate) async fn connect(served: &Served, lifecycle: Lifecycle) -> Self {
        let connector = ClientConnector::new(Target::http(&served.url));
        let connector = connector.expect("the URL is one").with_lifecycle(lifecycle);
        let client = connector.connect(&Scope::default()).await;
        Self(client.expect("ours connects"))
    }

    pub(crate) async fn call(&self) {
        let arguments = mcp_transport::Arguments::from(arguments());
        let answer = self.0.call_tool("query", arguments).await;
        black_box(answer.expect("ours answers"));
    }

    pub(crate) async fn close(self) {
        self.0.close().await.expect("ours closes");
    }
}

/// The bare SDK.
pub(crate) struct Bare(RunningService<RoleClient, ClientConfig>);

impl Bare {
    pub(crate) async fn connect(served: &Served, lifecycle: Lifecycle) -> Self {
        let mode = match lifecycle {
            Lifecycle::Discover => ClientLifecycleMode::Discover {
                preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            },
            _ => ClientLifecycleMode::Initialize,
        };
        // Fails if a provider was chosen already, which is then used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let transport = StreamableHttpClientTransport::from_uri(served.url.as_str());
        let client = ClientConfig::default()
            .serve_with_lifecycle(transport, mode)
            .await;
        Self(client.expect("the bare one connects"))
    }

    pub(crate) async fn call(&self) {
        let mut params = CallToolRequestParams::new("query".to_owned());
        params.arguments = Some(arguments());
        let answer = self.0.peer().call_tool_once(params).await;
        black_box(answer.expect("the bare one answers"));
    }

    pub(crate) async fn close(mut self) {
        self.0.close().await.expect("the bare one closes");
    }
}
