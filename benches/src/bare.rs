//! The official SDK by itself: what the pool adds is measured against it.

use mcp_domain::{Error, ErrorKind};
use rmcp::{
    RoleClient,
    model::{CallToolRequestParams, ProtocolVersion, ReadResourceRequestParams},
    service::{ClientCacheConfig, ClientLifecycleMode, ClientServiceExt as _, RunningService},
    transport::{IntoTransport, StreamableHttpClientTransport},
};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::process::{Child, Command};

use crate::{
    servers::Place,
    work::{Request, Work, wrong},
};

/// An open session of the bare SDK.
#[derive(Debug)]
pub(crate) struct Bare {
    service: RunningService<RoleClient, ()>,
    process: Option<Child>,
}

impl Bare {
    /// Opens a session as the SDK's documentation has it.
    pub(crate) async fn open(place: &Place) -> Result<Self, Error> {
        match place {
            Place::Http(url) => {
                // Fails if a provider was chosen already, which is then used.
                let _ = rustls::crypto::ring::default_provider().install_default();
                Self::over(StreamableHttpClientTransport::from_uri(url.as_str())).await
            }
            Place::Stdio { program, database } => {
                let mut process = Command::new(program)
                    .args(["serve", "--"])
                    .arg(database)
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::null())
                    .kill_on_drop(true)
                    .spawn()
                    .map_err(failed)?;
                let pipes = process.stdout.take().zip(process.stdin.take());
                let pipes = pipes.ok_or_else(|| wrong("a child process"))?;
                let bare = Self::over(pipes).await?;
                Ok(Self {
                    process: Some(process),
                    ..bare
                })
            }
        }
    }

    /// Opens a session over a transport of the SDK's.
    pub(crate) async fn over<T, E, A>(transport: T) -> Result<Self, Error>
    where
        T: IntoTransport<RoleClient, E, A>,
        E: std::error::Error + Send + Sync + 'static,
    {
        // What our own client finds out about this server, and then keeps to.
        let lifecycle = ClientLifecycleMode::Discover {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        };
        let serve = ().serve_with_lifecycle(transport, lifecycle);
        let service = Box::pin(serve).await.map_err(failed)?;
        // What is measured is the way to the server, not the SDK's memory.
        let no_cache = ClientCacheConfig::disabled();
        service.set_response_cache_config(no_cache).await;
        Ok(Self {
            service,
            process: None,
        })
    }

    /// Does a piece of work, and makes sure that it was done.
    pub(crate) async fn run(&self, work: Work) -> Result<(), Error> {
        let answer = match work.request() {
            Request::List => {
                let page = self.service.list_resources(None).await.map_err(failed)?;
                json!(page.resources.len())
            }
            Request::Read(uri) => {
                let params = ReadResourceRequestParams::new(uri);
                let read = self.service.read_resource(params).await.map_err(failed)?;
                json!(read.contents.len())
            }
            Request::Tool(name, arguments) => {
                let mut params = CallToolRequestParams::new(name);
                params.arguments = arguments.as_object().cloned();
                let result = self.service.call_tool(params).await.map_err(failed)?;
                result.structured_content.unwrap_or(Value::Null)
            }
        };
        work.check(&answer)
    }

    /// Ends the session, and its process.
    pub(crate) async fn close(self) -> Result<(), Error> {
        self.service.cancel().await.map_err(failed)?;
        if let Some(mut process) = self.process {
            process.wait().await.map_err(failed)?;
        }
        Ok(())
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::BadResponse, "the bare SDK failed").with_source(error)
}
