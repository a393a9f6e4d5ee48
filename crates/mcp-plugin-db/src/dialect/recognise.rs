//! Which dialect a server speaks.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, OnceLock},
};

use mcp_domain::{Error, ErrorKind};
use mcp_transport::Client;

use super::{
    Dialect, alchemy::Alchemy, dbhub::Dbhub, dbmcp::Dbmcp, motherduck::Motherduck, ours::Ours,
    postgres_mcp::PostgresMcp, server_postgres::ServerPostgres, server_sqlite::ServerSqlite,
    toolbox::Toolbox,
};

/// What is known of a server: its name and its tools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// The name that it gave itself.
    pub name: String,
    /// The version that it gave itself.
    pub version: String,
    /// Its tools by their names, with what it says of each.
    pub tools: BTreeMap<String, String>,
}

impl Peer {
    /// Does it have all of these tools?
    pub fn has(&self, tools: &[&str]) -> bool {
        tools.iter().all(|tool| self.tools.contains_key(*tool))
    }
}

/// A dialect that comes with the plugin.
struct Known {
    name: &'static str,
    /// The name that its servers give themselves.
    server: &'static str,
    /// Tools that no other server has together; none if only the name tells.
    tools: &'static [&'static str],
    make: fn(&Peer) -> Arc<dyn Dialect>,
    /// Does it need to know the tools, where the name has told which it is?
    asks: bool,
}

impl Known {
    fn fits(&self, peer: &Peer) -> bool {
        !self.tools.is_empty() && peer.has(self.tools)
    }
}

const KNOWN: &[Known] = &[
    Known {
        name: "mcp-db",
        server: "mcp-server-db",
        tools: &["describe_table", "list_tables", "query", "search"],
        make: |_| Arc::new(Ours),
        asks: false,
    },
    Known {
        name: "toolbox",
        server: "Toolbox",
        tools: &["execute_sql", "list_tables"],
        make: |peer| Arc::new(Toolbox::new(peer)),
        asks: true,
    },
    Known {
        name: "dbhub",
        server: "DBHub MCP Server",
        tools: &["execute_sql", "search_objects"],
        make: |peer| Arc::new(Dbhub::new(peer)),
        asks: true,
    },
    Known {
        name: "dbmcp",
        server: "dbmcp",
        tools: &["listTables", "readQuery"],
        make: |peer| Arc::new(Dbmcp::new(peer)),
        asks: true,
    },
    Known {
        name: "mcp-server-sqlite",
        server: "sqlite",
        tools: &[
            "append_insight",
            "describe_table",
            "list_tables",
            "read_query",
        ],
        make: |_| Arc::new(ServerSqlite),
        asks: false,
    },
    Known {
        name: "postgres-mcp",
        server: "postgres-mcp",
        tools: &["execute_sql", "get_object_details", "list_objects"],
        make: |_| Arc::new(PostgresMcp),
        asks: false,
    },
    Known {
        name: "mcp-alchemy",
        server: "MCP Alchemy",
        tools: &["all_table_names", "execute_query", "schema_definitions"],
        make: |peer| Arc::new(Alchemy::new(peer)),
        asks: true,
    },
    Known {
        name: "motherduck",
        server: "mcp-server-motherduck",
        tools: &["execute_query", "list_columns", "list_tables"],
        make: |_| Arc::new(Motherduck),
        asks: false,
    },
    // Its one tool says too little.
    Known {
        name: "server-postgres",
        server: "example-servers/postgres",
        tools: &[],
        make: |_| Arc::new(ServerPostgres),
        asks: false,
    },
];

/// Which dialect to speak. Default: the one that fits the server's name and tools.
#[derive(Clone, Default)]
pub struct DialectChoice(Choice);

#[derive(Clone, Default)]
enum Choice {
    #[default]
    Recognise,
    Known(&'static str),
    Own(Arc<dyn Dialect>),
}

impl DialectChoice {
    /// One of those that come with the plugin, whatever the server calls itself.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there is none of this name; the message names all there are.
    pub fn named(name: &str) -> Result<Self, Error> {
        match KNOWN.iter().find(|known| known.name == name) {
            Some(known) => Ok(Self(Choice::Known(known.name))),
            None => {
                let names: Vec<&str> = Self::names().collect();
                let names = names.join(", ");
                let message = format!("there is no dialect `{name}`; there are {names}");
                Err(Error::new(ErrorKind::InvalidInput, message))
            }
        }
    }

    /// A dialect of your own.
    pub fn own(dialect: impl Dialect) -> Self {
        Self(Choice::Own(Arc::new(dialect)))
    }

    /// The names of all dialects that come with the plugin.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|known| known.name)
    }

    /// Must the tools be known to choose?
    fn asks(&self, peer: &Peer) -> bool {
        let named = |known: &&Known| match self.0 {
            Choice::Known(name) => known.name == name,
            Choice::Own(_) | Choice::Recognise => known.server == peer.name,
        };
        match &self.0 {
            Choice::Own(_) => false,
            _ => KNOWN.iter().find(named).is_none_or(|known| known.asks),
        }
    }

    /// The dialect for this server.
    ///
    /// # Errors
    ///
    /// `Unsupported` if none fits; the message says what each one misses.
    pub(super) fn choose(&self, peer: &Peer) -> Result<Arc<dyn Dialect>, Error> {
        match &self.0 {
            Choice::Own(dialect) => Ok(Arc::clone(dialect)),
            Choice::Known(name) => {
                let known = KNOWN.iter().find(|known| known.name == *name);
                known.map(|k| (k.make)(peer)).ok_or_else(|| unknown(peer))
            }
            Choice::Recognise => {
                let by_name = KNOWN.iter().find(|known| known.server == peer.name);
                let by_tools = || KNOWN.iter().find(|known| known.fits(peer));
                let known = by_name.or_else(by_tools);
                known.map(|k| (k.make)(peer)).ok_or_else(|| unknown(peer))
            }
        }
    }
}

impl fmt::Debug for DialectChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Choice::Recognise => "recognise",
            Choice::Known(name) => name,
            Choice::Own(dialect) => dialect.name(),
        })
    }
}

/// What a server lacks to be any that we know, the nearest first.
fn unknown(peer: &Peer) -> Error {
    let mut near: Vec<(usize, String)> = Vec::new();
    for known in KNOWN.iter().filter(|known| !known.tools.is_empty()) {
        let missing = known
            .tools
            .iter()
            .filter(|tool| !peer.tools.contains_key(**tool));
        let missing: Vec<String> = missing.map(|tool| format!("`{tool}`")).collect();
        near.push((
            missing.len(),
            format!("{} lacks {}", known.name, missing.join(", ")),
        ));
    }
    near.sort_by_key(|(missing, _)| *missing);
    let near: Vec<String> = near.into_iter().map(|(_, text)| text).collect();
    let tools: Vec<&str> = peer.tools.keys().map(String::as_str).collect();
    let tools = if tools.is_empty() {
        "no tools".to_owned()
    } else {
        format!("the tools {}", tools.join(", "))
    };
    let message = format!(
        "the server `{}` is no database server that is known: it has {tools}; to be one, as {}",
        peer.name,
        near.join("; as "),
    );
    Error::new(ErrorKind::Unsupported, message)
}

/// Finds out once which dialect a server speaks.
#[derive(Debug)]
pub(crate) struct Recogniser {
    choice: DialectChoice,
    /// None is looked for again: a server may show its tools later, or to others.
    found: OnceLock<Arc<dyn Dialect>>,
}

impl Recogniser {
    pub(crate) fn new(choice: DialectChoice) -> Self {
        Self {
            choice,
            found: OnceLock::new(),
        }
    }

    /// The dialect of the server at the other end; asks for its tools the first time,
    /// unless its name says all.
    ///
    /// # Errors
    ///
    /// The outer one if the server cannot be asked; the inner one, `Unsupported`, if
    /// it is no database server that we know.
    pub(crate) async fn recognise(
        &self,
        client: &Client,
    ) -> Result<Result<Arc<dyn Dialect>, Error>, Error> {
        if let Some(found) = self.found.get() {
            return Ok(Ok(Arc::clone(found)));
        }
        let server = client.server();
        let mut peer = Peer {
            name: server.name.clone(),
            version: server.version.clone(),
            tools: BTreeMap::new(),
        };
        if self.choice.asks(&peer) && server.has_tools {
            let tools = client.list_tools().await?;
            let tools = tools.into_iter();
            let tools = tools.map(|tool| (tool.name, tool.description.unwrap_or_default()));
            peer.tools = tools.collect();
        }
        let chosen = self.choice.choose(&peer);
        Ok(chosen.map(|dialect| Arc::clone(self.found.get_or_init(|| dialect))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(name: &str, tools: &[&str]) -> Peer {
        Peer {
            name: name.to_owned(),
            version: String::new(),
            tools: tools
                .iter()
                .map(|tool| ((*tool).to_owned(), String::new()))
                .collect(),
        }
    }

    #[track_caller]
    fn check(name: &str, tools: &[&str], expected: &str) {
        let dialect = DialectChoice::default().choose(&peer(name, tools)).unwrap();
        assert_eq!(dialect.name(), expected);
    }

    #[test]
    fn a_server_is_known_by_its_name_or_by_its_tools() {
        check("mcp-server-db", &["query"], "mcp-db");
        check("Toolbox", &["execute_sql", "list_tables"], "toolbox");
        check(
            "a fork of it",
            &["execute_sql", "list_tables", "more"],
            "toolbox",
        );
        check("x", &["execute_sql", "search_objects"], "dbhub");
        check(
            "x",
            &["describe_table", "list_tables", "query", "search"],
            "mcp-db",
        );
        check("example-servers/postgres", &["query"], "server-postgres");
    }

    #[test]
    fn an_unknown_server_is_told_what_is_missing() {
        let echo = peer("everything", &["echo", "execute_sql"]);
        let error = DialectChoice::default().choose(&echo).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let text = error.to_string();
        assert!(
            text.contains("`everything`") && text.contains("tools echo, execute_sql"),
            "{text}"
        );
        assert!(text.contains("as toolbox lacks `list_tables`"), "{text}");
        let none = DialectChoice::default()
            .choose(&peer("x", &[]))
            .unwrap_err();
        assert!(none.to_string().contains("it has no tools"), "{none}");
    }

    #[test]
    fn the_choice_is_the_users() {
        let choice = DialectChoice::named("dbhub").unwrap();
        let dialect = choice.choose(&peer("Toolbox", &[])).unwrap();
        assert_eq!(dialect.name(), "dbhub");
        let error = DialectChoice::named("dbhup").unwrap_err().to_string();
        assert!(
            error.contains("`dbhup`") && error.contains("dbhub, dbmcp"),
            "{error}"
        );

        #[derive(Debug)]
        struct Mine;
        impl Dialect for Mine {
            fn name(&self) -> &str {
                "mine"
            }
        }
        let mine = DialectChoice::own(Mine)
            .choose(&peer("Toolbox", &[]))
            .unwrap();
        assert_eq!(mine.name(), "mine");
        let error = mine.query("SELECT 1", &[]).unwrap_err();
        assert_eq!(error.to_string(), "`mine` servers cannot run queries");
    }

    #[test]
    fn names_are_those_of_the_dialects() {
        for known in KNOWN {
            assert_eq!((known.make)(&Peer::default()).name(), known.name);
        }
    }
}
