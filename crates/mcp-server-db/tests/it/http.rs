//! Streamable HTTP, over real sockets.

use mcp_server_db::{DatabaseServer, Limits};
use rmcp::{service::ClientServiceExt as _, transport::StreamableHttpClientTransport};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use crate::client::{ask, config, lifecycles, shop};

struct Served {
    address: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), mcp_domain::Error>>,
}

async fn serve() -> Served {
    let server = DatabaseServer::open_sqlite(shop(), Limits::default()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(server.serve_http(listener, async move {
        let _ = stopped.await;
    }));
    Served {
        address,
        stop,
        task,
    }
}

#[tokio::test]
async fn both_lifecycles_are_served_and_an_open_session_holds_no_shutdown_up() {
    // Fails if another test of this process has been here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let served = serve().await;
    let mut clients = Vec::new();
    for mode in lifecycles() {
        let url = format!("http://{}/mcp", served.address);
        let transport = StreamableHttpClientTransport::from_uri(url);
        let client = config()
            .serve_with_lifecycle(transport, mode)
            .await
            .unwrap();
        let answer = ask(&client, "query", json!({ "sql": "SELECT 42" })).await;
        assert_eq!(answer["rows"], json!([[42]]));
        clients.push(client);
    }
    served.stop.send(()).unwrap();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(10), served.task);
    ended.await.unwrap().unwrap().unwrap();
}

/// The status line of the answer to a request with these headers.
async fn status(address: &str, headers: &str) -> String {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let request = format!(
        "POST /mcp HTTP/1.1\r\n{headers}content-type: application/json\r\n\
         accept: application/json, text/event-stream\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer)
        .lines()
        .next()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn requests_for_another_host_or_from_another_site_are_refused() {
    let served = serve().await;
    let address = &served.address;
    let foreign_host = status(address, "host: evil.example\r\n").await;
    assert!(foreign_host.contains("403"), "{foreign_host}");
    let origin = format!("host: {address}\r\norigin: http://evil.example\r\n");
    let foreign_site = status(address, &origin).await;
    assert!(foreign_site.contains("403"), "{foreign_site}");
}
