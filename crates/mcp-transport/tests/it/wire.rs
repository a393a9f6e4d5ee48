//! A server at a real socket that answers each HTTP request byte by byte as it is told.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use mcp_domain::Target;
use mcp_transport::{ClientConnector, Lifecycle};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The MCP method, or `GET` or `DELETE`.
    pub(crate) method: String,
    /// The request line and the headers.
    pub(crate) head: String,
    pub(crate) body: String,
    id: String,
}

impl Request {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1);
        lines
            .filter_map(|line| line.split_once(':'))
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// The path it asks for.
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// The JSON-RPC answer with this result.
    pub(crate) fn result(&self, result: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, self.id)
    }

    /// What a server that knows its job would answer, if it has sessions.
    pub(crate) fn legacy(&self) -> Answer {
        let json = "content-type: application/json\r\n";
        let session = "content-type: application/json\r\nmcp-session-id: s1\r\n";
        match self.method.as_str() {
            "initialize" => Answer::http(
                200,
                session,
                &self.result(
                    r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"wire","version":"1"}}"#,
                ),
            ),
            "tools/call" => Answer::http(
                200,
                json,
                &self.result(r#"{"content":[{"type":"text","text":"done"}]}"#),
            ),
            "ping" => Answer::http(200, json, &self.result("{}")),
            "GET" => Answer::http(405, "", ""),
            "DELETE" => Answer::http(204, "", ""),
            method if method.starts_with("notifications/") => Answer::http(202, "", ""),
            _ => Answer::http(400, "", ""),
        }
    }
}

/// What goes back over the socket.
pub(crate) enum Answer {
    /// These bytes, and the socket stays open.
    Bytes(String),
    /// These bytes, and the socket is closed.
    Cut(String),
    /// These bytes, and then the second text again and again.
    Flood(String, &'static str),
    /// Nothing at all.
    Nothing,
    /// The socket is reset.
    Reset,
}

impl Answer {
    /// A whole answer; `headers` end with `\r\n` each.
    pub(crate) fn http(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Bytes(format!(
            "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}"
        ))
    }

    /// An event stream that ends with the socket.
    pub(crate) fn events(events: &str) -> Self {
        Self::Cut(format!("{EVENTS}{events}"))
    }
}

/// The head of an event stream that ends with the socket.
pub(crate) const EVENTS: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

type Script = Arc<dyn Fn(&Request) -> Answer + Send + Sync>;

/// A server at a real socket; gone when it is dropped.
pub(crate) struct Wire {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    sockets: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Wire {
    pub(crate) async fn start(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let script: Script = Arc::new(script);
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let sockets = Arc::<AtomicUsize>::default();
        let opened = Arc::clone(&sockets);
        let task = tokio::spawn(async move {
            let mut tasks = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                opened.fetch_add(1, Ordering::Relaxed);
                tasks.spawn(serve(socket, Arc::clone(&script), Arc::clone(&seen)));
            }
        });
        Self {
            url,
            requests,
            sockets,
            task,
        }
    }

    /// A connector that begins with the handshake.
    pub(crate) fn connector(&self) -> ClientConnector {
        let connector = ClientConnector::new(Target::http(&self.url)).unwrap();
        connector.with_lifecycle(Lifecycle::Initialize)
    }

    /// How many sockets were opened to it.
    pub(crate) fn sockets(&self) -> usize {
        self.sockets.load(Ordering::Relaxed)
    }

    /// What came in for this method.
    pub(crate) fn requests(&self, method: &str) -> Vec<Request> {
        let requests = self.requests.lock().unwrap();
        let requests = requests.iter().filter(|request| request.method == method);
        requests.cloned().collect()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: TcpStream, script: Script, seen: Arc<Mutex<Vec<Request>>>) {
    let mut socket = BufReader::new(socket);
    while let Some(request) = read(&mut socket).await {
        seen.lock().unwrap().push(request.clone());
        let written = match script(&request) {
            Answer::Bytes(bytes) => socket.write_all(bytes.as_bytes()).await,
            Answer::Cut(bytes) => {
                let _ = socket.write_all(bytes.as_bytes()).await;
                return;
            }
            Answer::Flood(bytes, again) => {
                let mut written = socket.write_all(bytes.as_bytes()).await;
                let piece = again.repeat(64 * 1024 / again.len());
                while written.is_ok() {
                    written = socket.write_all(piece.as_bytes()).await;
                }
                written
            }
            Answer::Nothing => std::future::pending().await,
            Answer::Reset => {
                let _ = socket.get_ref().set_zero_linger();
                return;
            }
        };
        if written.is_err() {
            return;
        }
    }
}

async fn read(socket: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if socket.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let mut request = Request {
        method: head.split(' ').next()?.to_owned(),
        head,
        body: String::new(),
        id: String::new(),
    };
    let length = request.header("content-length").unwrap_or("0");
    let mut body = vec![0; length.parse().ok()?];
    socket.read_exact(&mut body).await.ok()?;
    request.body = String::from_utf8(body).ok()?;
    if let Ok(message) = serde_json::from_str::<serde_json::Value>(&request.body)
        && let Some(method) = message["method"].as_str()
    {
        request.method = method.to_owned();
        request.id = message["id"].to_string();
    }
    Some(request)
}
