//! The operations of the plugin, as calls of a server's tools.
//!
//! All of them only read, so all may be repeated.

use std::sync::Arc;

use mcp_domain::{Error, Operation};
use mcp_transport::{Client, Resource, ResourceContents};
use serde_json::{Value, json};

use crate::{DatabasePlugin, Hits, Rows, Table, TableName, answer::Tables};

const TABLES: Operation = Operation::new("tables").repeatable();
const DESCRIBE: Operation = Operation::new("describe").repeatable();
const QUERY: Operation = Operation::new("query").repeatable();
const SEARCH: Operation = Operation::new("search").repeatable();
const RESOURCES: Operation = Operation::new("resources").repeatable();
const READ: Operation = Operation::new("read").repeatable();

/// All operations have these errors, and this behaviour when they are cancelled:
///
/// # Errors
///
/// - `ToolFailed` with the database's words: no such table, a syntax error;
/// - `Rpc` if the server knows no such tool, or no such resource;
/// - a connection failure, if there is no getting through to the server;
/// - pooled: `BreakerOpen` and `WaitTimeout`, when the server is down or too busy.
///
/// # Cancel safety
///
/// Dropping the future stops the statement at a server that listens to that (ours
/// does). No session and no process is left behind.
impl DatabasePlugin {
    /// Lists tables and views.
    ///
    /// # Errors
    ///
    /// As all operations: see above.
    pub async fn tables(&self) -> Result<Vec<TableName>, Error> {
        let answer: Tables = self.tool(TABLES, "list_tables", json!({})).await?;
        Ok(answer.tables)
    }

    /// Tells a table's columns, keys and indexes.
    ///
    /// # Errors
    ///
    /// As all operations: see above.
    pub async fn describe(&self, table: &str) -> Result<Table, Error> {
        self.tool(DESCRIBE, "describe_table", json!({ "table": table }))
            .await
    }

    /// Runs one statement that reads. `parameters` are values for its `?`, in order.
    ///
    /// # Errors
    ///
    /// As all operations: see above.
    pub async fn query(&self, sql: &str, parameters: &[Value]) -> Result<Rows, Error> {
        let arguments = json!({ "sql": sql, "parameters": parameters });
        self.tool(QUERY, "query", arguments).await
    }

    /// Finds up to `limit` rows whose text holds all words, in one table or in all.
    ///
    /// # Errors
    ///
    /// As all operations: see above.
    pub async fn search(
        &self,
        words: &str,
        table: Option<&str>,
        limit: usize,
    ) -> Result<Hits, Error> {
        let mut arguments = json!({ "text": words, "limit": limit });
        if let Some(table) = table {
            arguments["table"] = json!(table);
        }
        self.tool(SEARCH, "search", arguments).await
    }

    /// Lists what the server offers to read.
    ///
    /// # Errors
    ///
    /// As all operations: see above.
    pub async fn resources(&self) -> Result<Vec<Resource>, Error> {
        self.way
            .run(
                RESOURCES,
                |client| async move { client.list_resources().await },
            )
            .await
    }

    /// Reads a resource.
    ///
    /// # Errors
    ///
    /// As all operations: see above.
    pub async fn read(&self, uri: &str) -> Result<Vec<ResourceContents>, Error> {
        self.way
            .run(
                READ,
                |client| async move { client.read_resource(uri).await },
            )
            .await
    }

    async fn tool<T>(&self, operation: Operation, tool: &str, arguments: Value) -> Result<T, Error>
    where
        T: serde::de::DeserializeOwned,
    {
        let arguments = &arguments;
        let call = |client: Arc<Client>| async move { client.call_tool(tool, arguments).await };
        self.way.run(operation, call).await?.parse()
    }
}
