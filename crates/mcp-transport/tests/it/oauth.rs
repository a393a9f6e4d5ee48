//! OAuth, with an authorization server of the tests' own beside the server it guards.

use std::sync::{Arc, Mutex};

use mcp_domain::{Connection as _, Connector as _, Error, ErrorKind, Scope};
use mcp_transport::{ClientConnector, OAuth};

use crate::wire::{Answer, Request, Wire};

const JSON: &str = "content-type: application/json\r\n";
const CALLBACK: &str = "http://127.0.0.1:1/callback";

/// What the authorization server has done, and what its guard demands.
#[derive(Default)]
struct Office {
    /// The bodies of the requests for tokens; the token of the n-th is `token-n`.
    grants: Vec<String>,
    registrations: usize,
    /// Tokens up to this number are refused.
    revoked: usize,
    /// Tokens up to this number lack a scope for tool calls.
    poor: usize,
    /// Tokens cannot be renewed.
    for_once: bool,
}

impl Office {
    fn answer(&mut self, request: &Request) -> Answer {
        let base = format!("http://{}", request.header("host").unwrap());
        match request.path() {
            "/mcp" => self.guard(request, &base),
            "/.well-known/oauth-protected-resource/mcp" => Answer::http(
                200,
                JSON,
                &format!(
                    r#"{{"resource":"{base}/mcp","authorization_servers":["{base}"],"scopes_supported":["read"]}}"#
                ),
            ),
            "/.well-known/oauth-authorization-server" => Answer::http(
                200,
                JSON,
                &format!(
                    r#"{{"issuer":"{base}","authorization_endpoint":"{base}/authorize","token_endpoint":"{base}/token",
                    "registration_endpoint":"{base}/register","response_types_supported":["code"],
                    "grant_types_supported":["authorization_code","refresh_token","client_credentials"],
                    "code_challenge_methods_supported":["S256"],"token_endpoint_auth_methods_supported":["client_secret_post","none"]}}"#
                ),
            ),
            "/register" => {
                self.registrations += 1;
                let client =
                    format!(r#"{{"client_id":"registered","redirect_uris":["{CALLBACK}"]}}"#);
                Answer::http(201, JSON, &client)
            }
            "/token" => {
                self.grants.push(request.body.clone());
                let n = self.grants.len();
                let renewal = match self.for_once {
                    true => String::new(),
                    false => format!(r#","refresh_token":"again-{n}""#),
                };
                Answer::http(
                    200,
                    JSON,
                    &format!(
                        r#"{{"access_token":"token-{n}","token_type":"Bearer","expires_in":3600{renewal}}}"#
                    ),
                )
            }
            _ => Answer::http(404, "", ""),
        }
    }

    fn guard(&self, request: &Request, base: &str) -> Answer {
        let metadata = format!("{base}/.well-known/oauth-protected-resource/mcp");
        let token = request.header("authorization").and_then(|shown| {
            let token = shown.strip_prefix("Bearer token-")?;
            token.parse::<usize>().ok()
        });
        match token {
            Some(token) if token > self.revoked => {}
            _ => {
                let challenge =
                    format!("www-authenticate: Bearer resource_metadata=\"{metadata}\"\r\n");
                return Answer::http(401, &challenge, "");
            }
        }
        if request.method == "tools/call" && token <= Some(self.poor) {
            let challenge = format!(
                "www-authenticate: Bearer error=\"insufficient_scope\", scope=\"write\", resource_metadata=\"{metadata}\"\r\n"
            );
            return Answer::http(403, &challenge, "");
        }
        request.legacy()
    }
}

/// A guarded server, the state of its office, and where users were sent to log in.
struct Guarded {
    server: Wire,
    office: Arc<Mutex<Office>>,
    logins: Arc<Mutex<Vec<String>>>,
}

impl Guarded {
    async fn start() -> Self {
        let office = Arc::new(Mutex::new(Office::default()));
        let shared = Arc::clone(&office);
        let answer = move |request: &Request| shared.lock().unwrap().answer(request);
        Self {
            server: Wire::start(answer).await,
            office,
            logins: Arc::default(),
        }
    }

    /// Users who say yes at once.
    fn for_user(&self) -> ClientConnector {
        let logins = Arc::clone(&self.logins);
        let oauth = OAuth::for_user(self.server.url.as_str(), CALLBACK, move |url: String| {
            let state = parameter(&url, "state");
            logins.lock().unwrap().push(url);
            async move { Ok(format!("{CALLBACK}?code=yes&state={state}")) }
        });
        self.server.connector().with_identity(oauth)
    }

    /// How often it was asked for the way to the office.
    fn inquiries(&self) -> usize {
        let requests = self.server.requests("GET");
        let asks = |request: &&Request| request.path().starts_with("/.well-known/");
        requests.iter().filter(asks).count()
    }

    fn logins(&self) -> usize {
        self.logins.lock().unwrap().len()
    }

    /// The grants that were asked for, by their types.
    fn grants(&self) -> Vec<String> {
        let grants = &self.office.lock().unwrap().grants;
        grants
            .iter()
            .map(|grant| parameter(grant, "grant_type"))
            .collect()
    }
}

/// The value of a parameter in a query or a form.
fn parameter(text: &str, name: &str) -> String {
    let mut pairs = text
        .split(['?', '&'])
        .filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(found, _)| *found == name)
        .unwrap()
        .1
        .to_owned()
}

#[tokio::test]
async fn a_user_logs_in_once_in_each_scope() {
    let guarded = Guarded::start().await;
    let connector = guarded.for_user();
    for (user, logins) in [("ann", 1), ("ann", 1), ("bob", 2), ("ann", 2)] {
        let client = connector.connect(&Scope::new(user)).await.unwrap();
        client.call_tool("any", ()).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(guarded.logins(), logins);
    }
    assert_eq!(guarded.grants(), ["authorization_code"; 2]);
    let login = guarded.logins.lock().unwrap()[0].clone();
    assert!(login.starts_with(&guarded.server.url.replace("/mcp", "/authorize?")));
    assert_eq!(parameter(&login, "client_id"), "registered");
    assert_eq!(parameter(&login, "scope"), "read");
    assert_eq!(parameter(&login, "code_challenge_method"), "S256");
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_without_a_login() {
    let guarded = Guarded::start().await;
    let client = guarded.for_user().connect(&Scope::default()).await.unwrap();
    guarded.office.lock().unwrap().revoked = 1;
    client.call_tool("any", ()).await.unwrap();
    assert_eq!(guarded.grants(), ["authorization_code", "refresh_token"]);
    assert_eq!(guarded.logins(), 1);
    // Refused without a token, and let in with the first.
    assert_eq!(guarded.server.requests("initialize").len(), 2);
}

#[tokio::test]
async fn more_scopes_are_asked_for_where_the_server_wants_them() {
    let guarded = Guarded::start().await;
    guarded.office.lock().unwrap().poor = 1;
    let client = guarded.for_user().connect(&Scope::default()).await.unwrap();
    client.call_tool("any", ()).await.unwrap();
    assert_eq!(guarded.logins(), 2);
    let login = guarded.logins.lock().unwrap()[1].clone();
    let scopes = parameter(&login, "scope");
    assert!(
        scopes.contains("read") && scopes.contains("write"),
        "{scopes}"
    );
}

#[tokio::test]
async fn a_program_needs_no_login() {
    let guarded = Guarded::start().await;
    let oauth = OAuth::for_program(guarded.server.url.as_str(), "program", "hunter2");
    assert!(!format!("{oauth:?}").contains("hunter2"));
    let connector = guarded.server.connector().with_identity(oauth);
    let client = connector.connect(&Scope::default()).await.unwrap();
    client.call_tool("any", ()).await.unwrap();
    // It has its secret, and needs nothing else to get another token.
    guarded.office.lock().unwrap().revoked = 1;
    client.call_tool("any", ()).await.unwrap();
    let office = guarded.office.lock().unwrap();
    assert_eq!(office.registrations, 0);
    let last = office.grants.last().unwrap();
    assert!(
        last.contains("hunter2") || last.contains("refresh_token"),
        "{last}"
    );
    assert_eq!(parameter(&office.grants[0], "client_secret"), "hunter2");
}

#[tokio::test]
async fn who_knows_the_way_to_a_token_does_not_ask_for_it_again() {
    for for_once in [false, true] {
        let guarded = Guarded::start().await;
        guarded.office.lock().unwrap().for_once = for_once;
        let oauth = OAuth::for_program(guarded.server.url.as_str(), "program", "hunter2");
        let connector = guarded.server.connector().with_identity(oauth);
        let client = connector.connect(&Scope::default()).await.unwrap();
        let inquiries = guarded.inquiries();
        assert!(inquiries > 0);
        guarded.office.lock().unwrap().revoked = 1;
        client.call_tool("any", ()).await.unwrap();
        let again = ["refresh_token", "client_credentials"][usize::from(for_once)];
        assert_eq!(guarded.grants(), ["client_credentials", again]);
        assert_eq!(guarded.inquiries(), inquiries);
    }
}

#[tokio::test]
async fn a_login_that_fails_says_why() {
    let guarded = Guarded::start().await;
    for (answer, why) in [
        (Err("the window was closed"), "the window was closed"),
        (
            Ok("http://127.0.0.1:1/callback?code=yes&state=forged"),
            "no token could be got",
        ),
    ] {
        let oauth = OAuth::for_user(guarded.server.url.as_str(), CALLBACK, move |_| async move {
            let cancelled = |why| Error::new(ErrorKind::Unauthorized, why);
            answer.map(str::to_owned).map_err(cancelled)
        });
        let connector = guarded.server.connector().with_identity(oauth);
        let error = connector.connect(&Scope::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(error.chain().contains(why), "{}", error.chain());
    }
    assert!(guarded.grants().is_empty());
}
