//! The operations of the plugin.
//!
//! All but [`execute`](DatabasePlugin::execute) only read, so they may be repeated
//! where a connection failed under them.

use std::sync::Arc;

use futures::{FutureExt as _, TryFutureExt as _};
use mcp_domain::{Error, ErrorKind, Operation};
use mcp_transport::{Resource, ResourceContents};
use serde::de::DeserializeOwned;

use crate::{
    Changes, DatabasePlugin, Dialect, Hits, Rows, ServerFacts, Table, TableName, Value,
    access::Way, dialect::Request, listing::Fresh, session::Session,
};

const SERVER: Operation = Operation::new("server").repeatable();
const TABLES: Operation = Operation::new("tables").repeatable();
const DESCRIBE: Operation = Operation::new("describe").repeatable();
const QUERY: Operation = Operation::new("query").repeatable();
const EXECUTE: Operation = Operation::new("execute");
const EXPLAIN: Operation = Operation::new("explain").repeatable();
const SEARCH: Operation = Operation::new("search").repeatable();
const RESOURCES: Operation = Operation::new("resources").repeatable();
const READ: Operation = Operation::new("read").repeatable();

/// All operations have these errors, and this behaviour when they are cancelled:
///
/// # Errors
///
/// - `ToolFailed` with the database's words: no such table, a syntax error;
/// - `InvalidInput` if the parameters do not fit the statement, or this server;
/// - `Unsupported` if the server has no such operation, or is no database server that
///   is known ([`Dialect`]);
/// - `BadResponse` if the answer is not one that the dialect can read; that says nothing of
///   the connection, which is kept, and the statement is not run again;
/// - `Rpc` if the server knows no such tool, or no such resource;
/// - a connection failure, if there is no getting through to the server;
/// - pooled: `BreakerOpen` and `WaitTimeout`, when the server is down or too busy.
///
/// # Cancel safety
///
/// Dropping the future stops the statement at a server that listens to that (ours
/// does). No session and no process is left behind.
impl DatabasePlugin {
    /// Asks the server for a sign of life, and tells what it is.
    ///
    /// # Errors
    ///
    /// As all operations: see above.
    pub async fn server(&self) -> Result<ServerFacts, Error> {
        let facts = |session: Arc<Session>| async move { session.facts().await };
        self.way.run(SERVER, facts).await
    }

    /// Lists tables and views.
    ///
    /// When pooled, the list is kept for a while
    /// ([`keep_listings`](crate::PluginBuilder::keep_listings)), as are those of
    /// [`describe`](Self::describe) and [`resources`](Self::resources); all are forgotten
    /// when the server tells that its lists have changed. However many ask at once, the
    /// server is asked once.
    ///
    /// # Errors
    ///
    /// As all operations: see above.
    pub async fn tables(&self) -> Result<Vec<TableName>, Error> {
        let Some(listings) = &self.listings else {
            return ask(&self.way, TABLES, |dialect| dialect.tables()).await;
        };
        let way = self.way.clone();
        let tables = async move { ask(&way, TABLES, |dialect| dialect.tables()).await };
        listings
            .tables
            .get(&(), || tables.map_ok(undated).boxed())
            .await
    }

    /// Tells a table's columns, keys and indexes.
    ///
    /// # Errors
    ///
    /// As all operations: see above.
    pub async fn describe(&self, table: &str) -> Result<Table, Error> {
        let Some(listings) = &self.listings else {
            return ask(&self.way, DESCRIBE, |dialect| dialect.describe(table)).await;
        };
        let (way, key) = (self.way.clone(), table.to_owned());
        let wanted = key.clone();
        let described =
            async move { ask(&way, DESCRIBE, |dialect| dialect.describe(&wanted)).await };
        let fetch = || described.map_ok(undated).boxed();
        listings.described.get(&key, fetch).await
    }

    /// Runs one statement that reads. `parameters` are values for its `?`, in order, or
    /// for `$1`, `$2` and so on, where the database writes them like that.
    ///
    /// Where the server has cut the answer at a limit of its own, [`Rows::truncated`]
    /// says so; [`pages`](Self::pages) go on.
    ///
    /// Servers that bind no parameters are sent a statement with the values in it,
    /// written so that they cannot be anything but values.
    ///
    /// That the statement only reads is for the caller to see to: it may be run again
    /// where a connection failed under it, and not every server holds it to reading, as
    /// ours does. One that writes goes through [`execute`](Self::execute).
    ///
    /// # Errors
    ///
    /// As all operations: see above.
    pub async fn query(&self, sql: &str, parameters: &[Value]) -> Result<Rows, Error> {
        self.query_with(QUERY, sql, parameters).await
    }

    /// As [`query`](Self::query), with a policy of yours: another name in errors,
    /// another timeout, not to be repeated.
    ///
    /// # Errors
    ///
    /// As all operations: see above.
    pub async fn query_with(
        &self,
        operation: Operation,
        sql: &str,
        parameters: &[Value],
    ) -> Result<Rows, Error> {
        ask(&self.way, operation, |dialect| {
            dialect.query(sql, parameters)
        })
        .await
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

    /// Runs one statement that writes, if the server allows it.
    ///
    /// It is never run twice: where a connection fails under it, whether it has run is
    /// unknown, and the error says so by its kind (`Disconnected`, `CallTimeout`).
    /// What is harmless to repeat goes through [`execute_with`](Self::execute_with).
    ///
    /// # Errors
    ///
    /// As all operations: see above.
    pub async fn execute(&self, sql: &str, parameters: &[Value]) -> Result<Changes, Error> {
        self.execute_with(EXECUTE, sql, parameters).await
    }

    /// As [`execute`](Self::execute), with a policy of yours: a statement that may be
    /// run twice is declared so by [`Operation::repeatable`].
    ///
    /// # Errors
    ///
    /// As all operations: see above.
    pub async fn execute_with(
        &self,
        operation: Operation,
        sql: &str,
        parameters: &[Value],
    ) -> Result<Changes, Error> {
        // Also if it fails or is abandoned: it may have run, and made or dropped a table.
        let _forget = Forget(self);
        let execute = |dialect: &dyn Dialect| dialect.execute(sql, parameters);
        ask(&self.way, operation, execute).await
    }

    /// Tells how the database would run a statement, one line a step.
    ///
    /// # Errors
    ///
    /// As all operations: see above.
    pub async fn explain(&self, sql: &str, parameters: &[Value]) -> Result<Vec<String>, Error> {
        ask(&self.way, EXPLAIN, |dialect| {
            dialect.explain(sql, parameters)
        })
        .await
    }

    /// Finds up to `limit` rows whose text holds all words, in one table or in all.
    ///
    /// Where the server has no tool for it, as all that are known but ours, one table can
    /// be searched, and `None` is `Unsupported`. Its first 10,000 rows are then read for
    /// words of any case by statements as of [`query`](Self::query), in their database's
    /// order; [`Hits::truncated`] tells if there are more.
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
        let search = |dialect: &dyn Dialect| dialect.search(words, table, limit);
        match (ask(&self.way, SEARCH, search).await, table) {
            (Err(error), Some(table)) if error.kind() == ErrorKind::Unsupported => {
                self.scan(SEARCH, words, table, limit).await
            }
            (found, _) => found,
        }
    }

    /// Lists what the server offers to read.
    ///
    /// # Errors
    ///
    /// As all operations: see above.
    pub async fn resources(&self) -> Result<Vec<Resource>, Error> {
        let Some(listings) = &self.listings else {
            return Ok(resources(&self.way).await?.value);
        };
        let way = self.way.clone();
        let fetch = || async move { resources(&way).await }.boxed();
        listings.resources.get(&(), fetch).await
    }

    /// Reads a resource.
    ///
    /// # Errors
    ///
    /// As all operations: see above.
    pub async fn read(&self, uri: &str) -> Result<Vec<ResourceContents>, Error> {
        let read = |session: Arc<Session>| async move { session.client.read_resource(uri).await };
        self.way.run(READ, read).await
    }
}

/// Forgets what was listed when it is dropped.
struct Forget<'a>(&'a DatabasePlugin);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.forget_listings();
    }
}

/// Asks a session of this way, in its dialect.
pub(crate) async fn ask<T, F>(way: &Way, operation: Operation, request: F) -> Result<T, Error>
where
    F: Fn(&dyn Dialect) -> Result<Request<T>, Error>,
{
    let request = &request;
    let call = |session: Arc<Session>| async move { session.ask(request).await };
    let answer = way.run(operation, call).await?;
    answer.map_err(|error| match error.kind() {
        ErrorKind::BadResponse => {
            let (name, server) = (operation.name(), way.name());
            let message = format!("the answer to `{name}` of server `{server}` cannot be read");
            Error::new(ErrorKind::BadResponse, message).with_source(error)
        }
        _ => error,
    })
}

async fn resources(way: &Way) -> Result<Fresh<Vec<Resource>>, Error> {
    let list = |session: Arc<Session>| async move { session.client.list_resources_to_keep().await };
    let listed = way.run(RESOURCES, list).await?;
    Ok(Fresh {
        value: listed.items,
        during: listed.fresh_for,
    })
}

/// The answer of a tool, for which servers have no way to say how long it is fresh.
fn undated<V>(value: V) -> Fresh<V> {
    let during = None;
    Fresh { value, during }
}
