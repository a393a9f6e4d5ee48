//! What a configuration file says of one server.

use std::collections::BTreeMap;

use mcp_domain::{CommandTarget, HttpTarget, Target};
use serde_json::{Map, Value};

use super::expand::expand;

/// How a client deals with a server, once it has reached it. Not our business.
const OF_CLIENTS: [&str; 18] = [
    "alwaysAllow",
    "autoApprove",
    "description",
    "dev",
    "disabledTools",
    "excludeTools",
    "exclude_tags",
    "gallery",
    "icon",
    "includeTools",
    "include_tags",
    "keep_alive",
    "name",
    "timeout",
    "tools",
    "trust",
    "version",
    "$schema",
];

const OF_COMMANDS: [&str; 4] = ["command", "args", "env", "cwd"];
const OF_URLS: [&str; 5] = ["url", "serverUrl", "httpUrl", "headers", "auth"];
const OF_BOTH: [&str; 3] = ["type", "transport", "disabled"];

pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Understands what is said of a server, `None` if it is disabled; the error says what
/// is wrong with it.
pub(super) fn read(server: &Value, lookup: Lookup<'_>) -> Result<Option<Target>, String> {
    let Value::Object(fields) = server else {
        return Err(format!("it must be an object, not {}", kind(server)));
    };
    match fields.get("disabled") {
        None | Some(Value::Bool(false)) => {}
        Some(Value::Bool(true)) => return Ok(None),
        Some(other) => return Err(must_be("disabled", "true or false", other)),
    }
    for name in fields.keys() {
        known(name)?;
    }
    let fields = Fields { fields, lookup };
    let urls: Vec<_> = fields.present(&OF_URLS[..3]).collect();
    let target = match (fields.has("command"), urls.as_slice()) {
        (true, []) => {
            fields.fits("stdio", "command")?;
            Target::Command(command(&fields)?)
        }
        (false, [url]) => {
            fields.fits("http", url)?;
            Target::Http(http(&fields, url)?)
        }
        (true, [url, ..]) => return Err(both("command", url)),
        (false, [one, other, ..]) => return Err(both(one, other)),
        (false, []) => {
            return Err(format!(
                "it has neither `command` nor `url`, of which it needs one; it has: {}",
                fields.listed()
            ));
        }
    };
    Ok(Some(target))
}

fn both(one: &str, other: &str) -> String {
    format!("it has both `{one}` and `{other}`; it can only be reached in one way")
}

fn known(name: &str) -> Result<(), String> {
    let all = [&OF_COMMANDS[..], &OF_URLS, &OF_BOTH, &OF_CLIENTS];
    if all.iter().any(|names| names.contains(&name)) {
        return Ok(());
    }
    Err(match name {
        "envFile" => "`envFile` is not supported; write the variables into `env`".to_owned(),
        "oauth" | "authentication" => {
            format!("`{name}` is not supported in files; give the connector an identity")
        }
        _ => format!(
            "it has an unknown field `{name}`; known are {}, {}, {}",
            OF_COMMANDS.join(", "),
            OF_URLS.join(", "),
            OF_BOTH.join(", ")
        ),
    })
}

fn command(fields: &Fields<'_>) -> Result<CommandTarget, String> {
    let program = fields.text("command")?.unwrap_or_default();
    if program.is_empty() {
        return Err("`command` is empty; it must name a program".to_owned());
    }
    Ok(CommandTarget {
        program: program.into(),
        args: fields.list("args")?,
        env: fields.table("env")?,
        cwd: fields.text("cwd")?.map(Into::into),
    })
}

fn http(fields: &Fields<'_>, url: &str) -> Result<HttpTarget, String> {
    let mut headers = fields.table("headers")?;
    if let Some(token) = fields.text("auth")? {
        if token == "oauth" {
            let what = "`auth`: `oauth` is not supported in files; give the connector an identity";
            return Err(what.to_owned());
        }
        let is_given = headers.keys().any(|name| is_authorization(name));
        if is_given {
            return Err(both("auth", "headers.authorization"));
        }
        headers.insert("authorization".to_owned(), format!("Bearer {token}"));
    }
    Ok(HttpTarget {
        url: fields.text(url)?.unwrap_or_default(),
        headers,
    })
}

fn is_authorization(header: &str) -> bool {
    header.eq_ignore_ascii_case("authorization")
}

/// The fields of a server, and what their variables stand for.
struct Fields<'a> {
    fields: &'a Map<String, Value>,
    lookup: Lookup<'a>,
}

impl Fields<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    fn present<'n>(&self, names: &'n [&'n str]) -> impl Iterator<Item = &'n str> {
        names.iter().copied().filter(|name| self.has(name))
    }

    fn listed(&self) -> String {
        let names: Vec<_> = self.fields.keys().map(String::as_str).collect();
        match names.as_slice() {
            [] => "nothing".to_owned(),
            names => names.join(", "),
        }
    }

    /// Do `type`, `transport` and all other fields agree with what `by` has shown?
    fn fits(&self, understood: &str, by: &str) -> Result<(), String> {
        for name in self.present(&["type", "transport"]) {
            let said = self.text(name)?.unwrap_or_default();
            let meant = match said.to_ascii_lowercase().replace('_', "-").as_str() {
                "stdio" => "stdio",
                "http" | "streamable-http" | "streamablehttp" => "http",
                "sse" => {
                    let what = "the transport `sse` of before 2025 is not supported; \
                        servers that have Streamable HTTP often offer it at `/mcp`";
                    return Err(format!("`{name}`: {what}"));
                }
                _ => {
                    return Err(format!(
                        "`{name}` must be `stdio`, `http` or `streamable-http`"
                    ));
                }
            };
            if meant != understood {
                return Err(format!(
                    "`{name}` says {meant}, and `{by}` says {understood}"
                ));
            }
        }
        let foreign: &[&str] = match understood {
            "stdio" => &OF_URLS,
            _ => &OF_COMMANDS,
        };
        match self.present(foreign).next() {
            Some(field) if self.is_full(field) => Err(format!(
                "`{field}` means nothing to a server that is reached by `{by}`"
            )),
            _ => Ok(()),
        }
    }

    /// Editors write empty lists where there is nothing to say.
    fn is_full(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(fields)) => !fields.is_empty(),
            Some(Value::Null) | None => false,
            Some(_) => true,
        }
    }

    fn text(&self, name: &str) -> Result<Option<String>, String> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => self.expanded(name, text).map(Some),
            Some(other) => Err(must_be(name, "a string", other)),
        }
    }

    fn list(&self, name: &str) -> Result<Vec<String>, String> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let item = |(n, item): (usize, &Value)| match item {
                    Value::String(text) => self.expanded(&format!("{name}[{n}]"), text),
                    other => Err(must_be(&format!("{name}[{n}]"), "a string", other)),
                };
                items.iter().enumerate().map(item).collect()
            }
            Some(other) => Err(must_be(name, "a list of strings", other)),
        }
    }

    fn table(&self, name: &str) -> Result<BTreeMap<String, String>, String> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(BTreeMap::new()),
            Some(Value::Object(items)) => {
                let item = |(key, value): (&String, &Value)| {
                    let field = format!("{name}.{key}");
                    let text = match value {
                        Value::String(text) => self.expanded(&field, text)?,
                        Value::Bool(_) | Value::Number(_) => value.to_string(),
                        other => return Err(must_be(&field, "a string", other)),
                    };
                    Ok((key.clone(), text))
                };
                items.iter().map(item).collect()
            }
            Some(other) => Err(must_be(name, "an object of strings", other)),
        }
    }

    fn expanded(&self, field: &str, text: &str) -> Result<String, String> {
        expand(text, self.lookup).map_err(|what| format!("`{field}`: {what}"))
    }
}

fn must_be(field: &str, right: &str, wrong: &Value) -> String {
    format!("`{field}` must be {right}, not {}", kind(wrong))
}

/// What a value is, without the value.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
