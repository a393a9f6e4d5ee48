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
        let done = match self {
            // 12 tables and a view, two resources each.
            Self::Listing => plugin.resources().await?.len() == 26,
            Self::Query => plugin.query(SQL, &[1.into()]).await?.row_count == 10,
            Self::Retrieval => !plugin.read("db://tables/orders/schema").await?.is_empty(),
            Self::Search => {
                let found = plugin.search("sturdy kettle", Some("reviews"), 10).await?;
                found.hits.len() == 10
            }
        };
        done.then_some(()).ok_or_else(|| wrong(self.name()))
    }
}

/// The query, on a connection.
pub(crate) async fn query(client: &Client) -> Result<(), Error> {
    let arguments = json!({ "sql": SQL, "parameters": [1] });
    let rows: Value = client.call_tool("query", arguments).await?.parse()?;
    let done = rows["row_count"] == 10;
    done.then_some(()).ok_or_else(|| wrong("query"))
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
