//! A secret, planted in every place where credentials are given, is told to nobody:
//! not by errors, whatever goes wrong, not by `Debug`, and not by logs.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use mcp_domain::{CommandTarget, Connection as _, Connector as _, HttpTarget, Scope, Target};
use mcp_transport::{ClientConnector, Identity, IdentityRequest, Lifecycle};
use tokio::net::TcpListener;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, fmt::MakeWriter, layer::SubscriberExt as _};

use crate::{
    shell::ShellServer,
    wire::{Answer, Request, Wire},
};

const SECRET: &str = "hunter2-of-the-tests";

/// `me` and the secret, as HTTP sends a user and a password.
const ENCODED: &str = "bWU6aHVudGVyMi1vZi10aGUtdGVzdHM=";

/// Everything that is told, to be searched at the end.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl Told {
    fn hear(&self, text: &str) {
        self.0.lock().unwrap().extend(text.as_bytes());
        self.0.lock().unwrap().push(b'\n');
    }

    /// Uses a connector until something fails; it does.
    async fn of(&self, connector: ClientConnector) {
        self.hear(&format!("{connector:?}"));
        let error = match connector.connect(&Scope::default()).await {
            Err(error) => error,
            Ok(client) => {
                let error = client.call_tool("any", ()).await.unwrap_err();
                self.hear(&format!("{client:?} {:?}", client.close().await));
                error
            }
        };
        self.hear(&format!("{} {error:?}", error.chain()));
    }

    #[track_caller]
    fn check(&self, expected: &str) {
        let told = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        assert!(told.contains(expected), "`{expected}` is not in: {told}");
        let reveals = |line: &&str| line.contains(SECRET) || line.contains(ENCODED);
        let line = told.lines().find(reveals);
        assert_eq!(line, None);
    }
}

impl io::Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Told {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Hears the logs of this thread, which is where the tests' tasks run: all of them, but
/// those of the SDK down to the level that operators read. Below that, it quotes messages.
fn listen() -> (Told, tracing::subscriber::DefaultGuard) {
    let told = Told::default();
    let levels = Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_target("rmcp", LevelFilter::INFO);
    let writer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(told.clone());
    let subscriber = tracing_subscriber::registry().with(levels).with(writer);
    (told, tracing::subscriber::set_default(subscriber))
}

/// The target of a shell server, with the secret in its environment and arguments.
fn entrusted(server: &ShellServer) -> ClientConnector {
    let mut target = CommandTarget {
        program: "sh".into(),
        args: vec!["-c".into(), server.script().to_owned(), "sh".into()],
        ..CommandTarget::default()
    };
    target.args.push(format!("--token={SECRET}"));
    target
        .args
        .push(format!("postgres://me:{SECRET}@127.0.0.1/db"));
    target.env.insert("PASSWORD".into(), SECRET.into());
    target.env.insert("FOLDER".into(), server.folder());
    ClientConnector::new(target.into()).unwrap()
}

#[tokio::test]
async fn a_process_that_quotes_what_it_was_given() {
    let (told, _guard) = listen();
    let quote = r#"echo "cannot use $PASSWORD $*" >&2"#;
    let silent = format!("{quote}; echo \"$PASSWORD $*\"; exec sleep 1000");
    let server = ShellServer::new(&silent);
    let limit = Duration::from_secs(1);
    told.of(entrusted(&server).with_connect_timeout(limit))
        .await;
    for script in [
        format!("{quote}; exit 3"),
        format!(
            "on_request() {{ case $method in tools/call) {quote}; exit 3 ;; *) legacy ;; esac; }}; requests"
        ),
        "on_request() { case $method in tools/call) refuse -32000 \"no $PASSWORD\" ;; *) legacy ;; esac; }; requests".to_owned(),
    ] {
        let server = ShellServer::new(&script);
        told.of(entrusted(&server)).await;
    }
    told.check("cannot use (hidden)");
    told.check("no (hidden) (code -32000)");
}

#[tokio::test]
async fn a_process_that_logs_what_it_was_given() {
    let (told, _guard) = listen();
    let server = ShellServer::new(
        r#"on_request() { case $method in
            tools/call)
                tell='{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"%s"}}\n'
                printf "$tell" "using $PASSWORD"
                refuse -32000 "no $PASSWORD" ;;
            *) legacy ;;
        esac; }; requests"#,
    );
    told.of(entrusted(&server)).await;
    // Both by the SDK and by this crate, which has no handler for it.
    told.check("received notification");
    told.check("the server logs");
    told.check("using (hidden)");
}

#[tokio::test]
async fn a_process_that_prints_what_it_was_given_and_ends() {
    let (told, _guard) = listen();
    // Whole, and where it is cut.
    for width in [1, 980] {
        let print = format!("printf '%0{width}d cannot use %s\\n' 0 \"$PASSWORD\"; exit 1");
        told.of(entrusted(&ShellServer::answering(&print))).await;
    }
    told.check("the first: `0 cannot use (hidden)`");
}

#[tokio::test]
async fn a_process_that_says_what_it_was_given_as_it_introduces_itself() {
    let (told, _guard) = listen();
    let said = r#""capabilities":{"experimental":{"of":{"it":"'$PASSWORD'"}}},"instructions":"use '$PASSWORD'""#;
    let server = ShellServer::new(&format!(
        r#"on_request() {{ case $method in
            initialize) respond '{{"protocolVersion":"2025-11-25","serverInfo":{{"name":"'$PASSWORD'","version":"1"}},{said}}}' ;;
            server/discover) respond '{{"supportedVersions":["2026-07-28"],{said}}}' ;;
            *) refuse -32000 "no $PASSWORD" ;;
        esac; }}; requests"#
    ));
    for lifecycle in [Lifecycle::Initialize, Lifecycle::Discover] {
        let connector = entrusted(&server).with_lifecycle(lifecycle);
        let client = connector.connect(&Scope::default()).await.unwrap();
        let instructions = client.server().instructions.clone();
        assert_eq!(instructions.as_deref(), Some("use (hidden)"));
        told.hear(&format!("{client:?}"));
        client.close().await.unwrap();
    }
    told.check("Service initialized as client");
    told.check("use (hidden)");
}

#[tokio::test]
async fn a_process_that_cannot_be_started() {
    let (told, _guard) = listen();
    let mut target = CommandTarget {
        program: "/no/such/program".into(),
        args: vec![SECRET.into()],
        ..CommandTarget::default()
    };
    target.env.insert("PASSWORD".into(), SECRET.into());
    told.of(ClientConnector::new(target.into()).unwrap()).await;
    told.check("cannot start `/no/such/program`");
}

/// Everything that the request said, the secret included.
fn echo(request: &Request) -> String {
    request.head.replace(['\r', '\n'], " ")
}

/// Ways to go wrong that quote the request.
fn echoes(request: &Request) -> Vec<Answer> {
    let echo = echo(request);
    let json = "content-type: application/json\r\n";
    let refusal = format!(
        r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":-32000,"message":"{}"}}}}"#,
        echo.replace('"', "'")
    );
    let challenge = format!("www-authenticate: Bearer error={echo}\r\n");
    vec![
        Answer::http(400, "", &echo),
        Answer::http(400, json, &refusal),
        Answer::http(401, "", &echo),
        Answer::http(401, &challenge, &echo),
        Answer::http(403, &challenge, &echo),
        Answer::http(404, "", &echo),
        Answer::http(500, "", &echo),
        Answer::http(200, json, &echo),
        Answer::http(200, json, &format!("\"{echo}\"")),
        Answer::http(200, "content-type: text/html\r\n", &echo),
        Answer::http(200, json, &refusal),
        Answer::http(302, &format!("location: /{SECRET}\r\n"), &echo),
        Answer::http(
            307,
            &format!("location: http://127.0.0.1:1/{SECRET}\r\n"),
            &echo,
        ),
        Answer::events(&format!("data: {echo}\n\n")),
        Answer::Cut(echo),
        Answer::Reset,
    ]
}

#[tokio::test]
async fn a_server_that_quotes_what_it_was_sent() {
    let (told, _guard) = listen();
    for failing in ["initialize", "tools/call"] {
        for n in 0..16 {
            let server = Wire::start(move |request| {
                if request.method == failing {
                    echoes(request).swap_remove(n)
                } else {
                    request.legacy()
                }
            })
            .await;
            let url = server.url.replace("//", &format!("//me:{SECRET}@"));
            let mut target = HttpTarget {
                url: format!("{url}?key={SECRET}"),
                ..HttpTarget::default()
            };
            target.headers.insert("x-key".into(), SECRET.into());
            let by_target = ClientConnector::new(Target::Http(target)).unwrap();
            let by_identity = server
                .connector()
                .with_identity(|_: IdentityRequest| async { Ok(Identity::bearer(SECRET)) });
            for connector in [by_target, by_identity] {
                told.of(connector.with_lifecycle(Lifecycle::Initialize))
                    .await;
            }
        }
    }
    told.check("authorization: (hidden)");
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    let (told, _guard) = listen();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://me:{SECRET}@{address}/mcp?key={SECRET}");
    told.of(ClientConnector::new(Target::http(url)).unwrap())
        .await;
    told.check("refused");
}

#[tokio::test]
async fn targets_that_cannot_be() {
    let told = Told::default();
    for url in [
        format!("http//me:{SECRET}@h/mcp"),
        format!("ftp://me:{SECRET}@h/mcp"),
        format!("http://me:{SECRET}@/mcp"),
    ] {
        let error = ClientConnector::new(Target::http(url)).unwrap_err();
        told.hear(&format!("{} {error:?}", error.chain()));
    }
    for header in ["bad name", "x", "accept"] {
        let mut target = HttpTarget {
            url: "http://h/mcp".into(),
            ..HttpTarget::default()
        };
        target.headers.insert(header.into(), format!("{SECRET}\n"));
        let error = ClientConnector::new(Target::Http(target)).unwrap_err();
        told.hear(&format!("{} {error:?}", error.chain()));
    }
    told.check("`ftp://h/mcp` must begin with");
}
