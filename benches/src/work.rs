//! The operations that are measured, each of which proves that it did its work.

use mcp_domain::{Error, ErrorKind, Operation};
use mcp_plugin_db::DatabasePlugin;
use mcp_pool::Server;
use mcp_transport::{Client, ClientConnector};
use serde_json::{Value, json};

/// A statement with ten rows for an answer, as an agent would send it.
const SQL: &str = "SELECT id, name, price FROM products WHERE category_id = ? LIMIT 10";

/// What a client is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// A list of what there is to read.
    List,
    Read(&'static str),
    Tool(&'static str, Value),
}

/// An operation of the database plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Listing,
    Query,
    Retrieval,
    Search,
}

impl Work {
    /// In the order of the case study.
    pub(crate) const ALL: [Self; 4] = [Self::Search, Self::Listing, Self::Retrieval, Self::Query];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Listing => "resource listing",
            Self::Query => "query",
            Self::Retrieval => "content retrieval",
            Self::Search => "search",
        }
    }

    /// The same operation in MCP's words.
    pub(crate) fn request(self) -> Request {
        match self {
            Self::Listing => Request::List,
            Self::Query => Request::Tool("query", json!({ "sql": SQL, "parameters": [1] })),
            Self::Retrieval => Request::Read("db://tables/orders/schema"),
            Self::Search => {
                let arguments = json!({ "text": "sturdy kettle", "limit": 10, "table": "reviews" });
                Request::Tool("search", arguments)
            }
        }
    }

    /// Is this the answer to the request? Lists and contents are told by their length.
    pub(crate) fn check(self, answer: &Value) -> Result<(), Error> {
        let done = match self {
            // 12 tables and a view, two resources each.
            Self::Listing => *answer == 26,
            Self::Query => answer["row_count"] == 10,
            Self::Retrieval => *answer == 1,
            Self::Search => answer["hits"]
                .as_array()
                .is_some_and(|hits| hits.len() == 10),
        };
        done.then_some(()).ok_or_else(|| wrong(self.name()))
    }

    /// Runs the operation, and makes sure that it did its work.
    pub(crate) async fn run(self, plugin: &DatabasePlugin) -> Result<(), Error> {
        self.check(&match self {
            Self::Listing => json!(plugin.resources().await?.len()),
            Self::Query => {
                let rows = plugin.query(SQL, &[1.into()]).await?;
                json!({ "row_count": rows.row_count })
            }
            Self::Retrieval => json!(plugin.read("db://tables/orders/schema").await?.len()),
            Self::Search => {
                let found = plugin.search("sturdy kettle", Some("reviews"), 10).await?;
                json!({ "hits": vec![(); found.hits.len()] })
            }
        })
    }
}

/// The query, on a connection.
pub(crate) async fn query(client: &Client) -> Result<(), Error> {
    let arguments = json!({ "sql": SQL, "parameters": [1] });
    let rows: Value = client.call_tool("query", arguments).await?.parse()?;
    Work::Query.check(&rows)
}

/// The query, on a connection of a pool.
pub(crate) async fn pooled_query(server: &Server<ClientConnector>) -> Result<(), Error> {
    const QUERY: Operation = Operation::new("query").repeatable();
    server
        .run(QUERY, |client| async move { query(&client).await })
        .await
}

/// An answer came, and is not the one that belongs to the question.
pub(crate) fn wrong(what: &str) -> Error {
    let message = format!("`{what}` gave another answer than it should");
    Error::new(ErrorKind::BadResponse, message)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mcp_domain::{Connection as _, Connector as _, Scope};
    use mcp_plugin_db::Access;
    use mcp_transport::Lifecycle;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};

    use super::*;
    use crate::bare::Bare;

    /// Answers everything, as a server would whose database is empty.
    async fn serve_nothing(stream: DuplexStream) {
        let tools = ["describe_table", "list_tables", "query", "search"]
            .map(|name| json!({ "name": name, "inputSchema": { "type": "object" } }));
        let (input, mut output) = tokio::io::split(stream);
        let mut lines = BufReader::new(input).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let question: Value = serde_json::from_str(&line).unwrap();
            let Some(id) = question.get("id") else {
                continue;
            };
            let rows = json!({
                "columns": [], "rows": [], "row_count": 0, "truncated": false, "hits": [],
                "table": "reviews", "tables_searched": [],
            });
            let mut result = match question["method"].as_str().unwrap() {
                "server/discover" => json!({
                    "supportedVersions": ["2026-07-28"],
                    "capabilities": { "tools": {}, "resources": {} },
                    "serverInfo": { "name": "nothing", "version": "1" },
                }),
                "initialize" => json!({
                    "protocolVersion": question["params"]["protocolVersion"],
                    "capabilities": { "tools": {}, "resources": {} },
                    "serverInfo": { "name": "nothing", "version": "1" },
                }),
                "resources/list" => json!({ "resources": [] }),
                "resources/read" => json!({ "contents": [] }),
                "tools/list" => json!({ "tools": tools }),
                "tools/call" => json!({
                    "content": [{ "type": "text", "text": rows.to_string() }],
                    "structuredContent": rows,
                }),
                _ => json!({}),
            };
            result["resultType"] = json!("complete");
            result["cacheScope"] = json!("private");
            result["ttlMs"] = json!(0);
            let answer = json!({ "jsonrpc": "2.0", "id": id, "result": result });
            output
                .write_all(format!("{answer}\n").as_bytes())
                .await
                .unwrap();
        }
    }

    #[tokio::test]
    async fn an_answer_that_does_not_belong_to_the_question_is_no_sample() {
        let connector =
            ClientConnector::in_process(serve_nothing).with_lifecycle(Lifecycle::Initialize);
        for access in [Access::Direct, Access::Pooled] {
            let plugin = DatabasePlugin::builder(connector.clone()).access(access);
            let plugin = plugin.build();
            for work in Work::ALL {
                let refused = work.run(&plugin).await.unwrap_err();
                let said = refused.chain().to_string();
                assert!(said.contains("another answer than it should"), "{said}");
            }
            plugin.close(Duration::from_secs(1)).await;
        }
        let client = connector.connect(&Scope::default()).await.unwrap();
        let refused = query(&client).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::BadResponse);
        client.close().await.unwrap();
    }

    #[tokio::test]
    async fn nor_is_it_one_of_the_bare_sdk() {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::spawn(serve_nothing(theirs));
        let bare = Bare::over(ours).await.unwrap();
        for work in Work::ALL {
            let refused = bare.run(work).await.unwrap_err().to_string();
            assert!(
                refused.contains("another answer than it should"),
                "{refused}"
            );
        }
        bare.close().await.unwrap();
    }

    #[test]
    fn the_answer_that_belongs_to_it_is_taken() {
        let ten = vec![0; 10];
        let right = [
            (Work::Listing, json!(26)),
            (Work::Query, json!({ "row_count": 10 })),
            (Work::Retrieval, json!(1)),
            (Work::Search, json!({ "hits": ten })),
        ];
        for (work, answer) in right {
            work.check(&answer).unwrap();
            work.check(&Value::Null).unwrap_err();
        }
    }
}
