//! The one form that nearly all calls of tools have in revision 2026-07-28.
//!
//! It is recognised strictly: each header that matters is there once, in the usual words,
//! and a message says what they say, and nothing that is not known here. All that the SDK
//! would refuse is something else, and so is much that it would take.

use std::{fmt, marker::PhantomData};

use hyper::{
    Method,
    header::{self, AsHeaderName, HeaderMap, HeaderValue},
    http::{request::Parts, uri::Authority},
};
use rmcp::model::{JsonObject, ProtocolVersion, RequestId, RequestMetaObject};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

/// What a call is called.
const CALL: &str = "tools/call";

/// What those who can read both kinds of answers say of it.
const BOTH: [&str; 2] = [
    "application/json, text/event-stream",
    "text/event-stream, application/json",
];

/// The form, at one server.
#[derive(Debug)]
pub(super) struct Form {
    /// By which the server may be called, as they stand in requests.
    hosts: Vec<HeaderValue>,
}

/// A call of a tool.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) id: RequestId,
    pub(super) name: &'a str,
    pub(super) arguments: JsonObject,
}

impl Form {
    /// Of a server at this port, which has these names, too.
    pub(super) fn new(names: &[String], port: u16) -> Self {
        let local = ["127.0.0.1", "[::1]", "localhost"].map(|host| format!("{host}:{port}"));
        // What is no authority cannot be in a request, either.
        let names = names
            .iter()
            .filter(|name| name.parse::<Authority>().is_ok());
        let hosts = names.chain(&local).filter_map(|host| host.parse().ok());
        Self {
            hosts: hosts.collect(),
        }
    }

    /// The call that a request is, if it has the form.
    pub(super) fn call<'a>(&self, head: &Parts, body: &'a [u8]) -> Option<Call<'a>> {
        let headers = &head.headers;
        let fits = head.method == Method::POST
            && self.hosts.contains(only(headers, header::HOST)?)
            && !headers.contains_key(header::ORIGIN)
            && BOTH.contains(&only(headers, header::ACCEPT)?.to_str().ok()?)
            && only(headers, header::CONTENT_TYPE)? == "application/json"
            && only(headers, "mcp-protocol-version")? == ProtocolVersion::V_2026_07_28.as_str()
            && only(headers, "mcp-method")? == CALL;
        if !fits {
            return None;
        }
        let name = only(headers, "mcp-name")?;
        let Object(Message {
            jsonrpc,
            id,
            method,
            params: Object(params),
        }) = serde_json::from_slice(body).ok()?;
        let agrees = jsonrpc == "2.0"
            && method == CALL
            && params.meta.protocol_version().as_ref() == Some(&ProtocolVersion::V_2026_07_28)
            && params.meta.client_capabilities().is_some()
            // Nothing in it that could be written in two ways.
            && params.name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_'))
            && name == params.name;
        agrees.then_some(Call {
            id,
            name: params.name,
            arguments: params.arguments,
        })
    }
}

/// The only header of this name.
fn only(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).into_iter();
    values.next().filter(|_| values.next().is_none())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message<'a> {
    jsonrpc: &'a str,
    id: RequestId,
    method: &'a str,
    #[serde(borrow)]
    params: Object<Params<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params<'a> {
    name: &'a str,
    #[serde(default)]
    arguments: JsonObject,
    /// What a request must say of its client. What it may say beside changes nothing here.
    #[serde(rename = "_meta")]
    meta: RequestMetaObject,
}

/// What is written as an object: a derived type is read from a list of its fields, too.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    const HEADERS: [(&str, &str); 6] = [
        ("host", "127.0.0.1:8000"),
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "query"),
    ];

    const BODY: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"query","arguments":{"sql":"SELECT 1"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"},"io.modelcontextprotocol/clientCapabilities":{},"progressToken":7}}}"#;

    fn head(method: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri("/mcp");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn form() -> Form {
        let names = ["db.example".to_owned(), "not one".to_owned()];
        Form::new(&names, 8000)
    }

    /// The usual headers, one of them with another value.
    fn with(name: &str, value: &str) -> Vec<(String, String)> {
        let headers = HEADERS.map(|(usual, same)| {
            let value = if usual == name { value } else { same };
            (usual.to_owned(), value.to_owned())
        });
        headers.to_vec()
    }

    fn takes(headers: &[(String, String)], body: &str) -> bool {
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, &**v)).collect();
        form()
            .call(&head("POST", &headers), body.as_bytes())
            .is_some()
    }

    #[test]
    fn the_usual_call_is_read() {
        let head = head("POST", &HEADERS);
        let call = form().call(&head, BODY.as_bytes()).unwrap();
        assert_eq!(call.id, RequestId::Number(7));
        assert_eq!(call.name, "query");
        assert_eq!(call.arguments["sql"], "SELECT 1");
        for (name, value) in [
            ("host", "localhost:8000"),
            ("host", "[::1]:8000"),
            ("host", "db.example"),
            ("accept", "text/event-stream, application/json"),
        ] {
            assert!(takes(&with(name, value), BODY), "{name}: {value}");
        }
        let texts = BODY.replace("\"id\":7", "\"id\":\"seven\"");
        assert!(takes(&with("", ""), &texts));
    }

    #[test]
    fn other_headers_are_not_for_us() {
        for (name, value) in [
            ("host", "evil.example"),
            ("host", "127.0.0.1:8001"),
            ("host", "not one"),
            ("accept", "application/json"),
            ("accept", "*/*"),
            ("content-type", "text/plain"),
            ("content-type", "application/json; charset=utf-8"),
            ("mcp-protocol-version", "2025-11-25"),
            ("mcp-protocol-version", "2027-01-01"),
            ("mcp-method", "tools/list"),
            ("mcp-name", "execute"),
            ("mcp-name", "=?base64?cXVlcnk=?="),
        ] {
            assert!(!takes(&with(name, value), BODY), "{name}: {value}");
        }
        for (name, value) in HEADERS {
            let without = with("", "").into_iter().filter(|(usual, _)| usual != name);
            assert!(!takes(&without.collect::<Vec<_>>(), BODY), "without {name}");
            let mut twice = with("", "");
            twice.push((name.to_owned(), value.to_owned()));
            assert!(!takes(&twice, BODY), "{name} twice");
        }
        let mut from_a_page = with("", "");
        from_a_page.push(("origin".to_owned(), "http://127.0.0.1:8000".to_owned()));
        assert!(!takes(&from_a_page, BODY));
        assert!(
            form()
                .call(&head("GET", &HEADERS), BODY.as_bytes())
                .is_none()
        );
    }

    #[test]
    fn other_messages_are_not_for_us() {
        assert!(takes(&with("", ""), BODY));
        for (usual, other) in [
            ("\"2.0\"", "\"1.0\""),
            ("\"id\":7,", ""),
            ("\"id\":7", "\"id\":null"),
            ("\"id\":7", "\"id\":7,\"id\":8"),
            ("\"id\":7", "\"id\":7,\"more\":true"),
            ("tools/call", "tools/list"),
            ("\"name\":\"query\"", "\"name\":\"search\""),
            (
                "\"name\":\"query\"",
                "\"name\":\"query\",\"name\":\"query\"",
            ),
            ("\"arguments\"", "\"requestState\":\"x\",\"arguments\""),
            ("{\"sql\":\"SELECT 1\"}", "null"),
            ("{\"sql\":\"SELECT 1\"}", "[1]"),
            ("2026-07-28", "2025-11-25"),
            ("protocolVersion", "version"),
            ("clientCapabilities\":{}", "capabilities\":{}"),
            ("clientCapabilities\":{}", "clientCapabilities\":7"),
            ("}}}", "}}"),
            // What the SDK cannot read.
            ("\"test\"", "\"\\ud800\""),
            ("\"progressToken\":7", "\"progressToken\":7,\"x\":1e400"),
            ("}}}", "}}} {}"),
        ] {
            let body = BODY.replace(usual, other);
            assert_ne!(body, BODY, "{usual}");
            assert!(!takes(&with("", ""), &body), "{body}");
        }
        let many = format!("[{BODY}]");
        assert!(!takes(&with("", ""), &many));
    }

    #[test]
    fn lists_of_fields_are_not_for_us() {
        let value: serde_json::Value = serde_json::from_str(BODY).unwrap();
        let params = &value["params"];
        let meta = r#"["2026-07-28",{}]"#;
        let listed = format!(
            r#"["{}",{},{}]"#,
            "query", params["arguments"], params["_meta"]
        );
        for body in [
            format!(r#"["2.0",7,"tools/call",{params}]"#),
            BODY.replace(
                &BODY[BODY.find("{\"name\"").unwrap()..BODY.len() - 1],
                &listed,
            ),
            BODY.replace(&BODY[BODY.find("{\"io.").unwrap()..BODY.len() - 2], meta),
        ] {
            assert!(
                serde_json::from_str::<serde_json::Value>(&body).is_ok(),
                "{body}"
            );
            assert!(!takes(&with("", ""), &body), "{body}");
        }
    }
}
