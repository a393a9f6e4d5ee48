//! The operations of the plugin, as calls of a server's tools.
//!
//! All of them only read, so all may be repeated.

use std::sync::Arc;

use mcp_domain::{Error, Operation};
use mcp_transport::{Client, Resource, ResourceContents};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    DatabasePlugin, Hits, ResultColumn, Rows, Table, TableName, Value, schema::Tables, value::typed,
};

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
        let answer: Answer = self.tool(QUERY, "query", arguments).await?;
        Ok(answer.into())
    }

    /// Runs one statement that reads, and its rows as values of a type of yours.
    ///
    /// That is a struct whose fields are named like the columns, a tuple in their
    /// order, or the type of the only column: see [`Rows::parse`].
    ///
    /// ```no_run
    /// # async fn example(shop: mcp_plugin_db::DatabasePlugin) -> Result<(), mcp_domain::Error> {
    /// #[derive(serde::Deserialize)]
    /// struct Product {
    ///     name: String,
    ///     weight_kg: Option<f64>,
    /// }
    ///
    /// let sql = "SELECT name, weight_kg FROM products WHERE weight_kg < ?";
    /// for product in shop.query_as::<Product>(sql, &[0.1.into()]).await? {
    ///     println!("{}: {:?} kg", product.name, product.weight_kg);
    /// }
    /// let orders: Vec<u64> = shop.query_as("SELECT count(*) FROM orders", &[]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As all operations, and `BadResponse` if a row is not a `T`.
    pub async fn query_as<T: DeserializeOwned>(
        &self,
        sql: &str,
        parameters: &[Value],
    ) -> Result<Vec<T>, Error> {
        self.query(sql, parameters).await?.parse()
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

    async fn tool<T>(
        &self,
        operation: Operation,
        tool: &str,
        arguments: serde_json::Value,
    ) -> Result<T, Error>
    where
        T: DeserializeOwned,
    {
        let arguments = &arguments;
        let call = |client: Arc<Client>| async move { client.call_tool(tool, arguments).await };
        self.way.run(operation, call).await?.parse()
    }
}

/// Rows as our server writes them.
#[derive(Deserialize)]
struct Answer {
    columns: Vec<ResultColumn>,
    rows: Vec<Vec<serde_json::Value>>,
    truncated: bool,
}

impl From<Answer> for Rows {
    fn from(answer: Answer) -> Self {
        let columns = answer.columns;
        let rows = answer.rows.into_iter().map(|row| {
            let types = columns.iter().map(|c| c.declared_type.as_deref());
            let values = row.into_iter().map(Value::from);
            values
                .zip(types)
                .map(|(value, of)| typed(value, of))
                .collect()
        });
        let rows = rows.collect();
        Self::new(columns, rows, answer.truncated)
    }
}
