//! How the database servers of the world want to be asked, and how they answer.
//!
//! A [`Dialect`] turns each operation into calls of a server's tools, and the answers
//! into data. It does no I/O, so that it can be tested on recorded answers. Those that
//! are known are in the files below, one each; the next one needs a file, a line in
//! the table of `dialect/recognise.rs` and recordings of its answers.

mod alchemy;
mod catalogue;
mod dbhub;
mod dbmcp;
mod motherduck;
mod ours;
mod postgres_mcp;
mod recognise;
mod request;
mod server_postgres;
mod server_sqlite;
mod toolbox;

use std::fmt;

use mcp_domain::{Error, ErrorKind};
use mcp_transport::ToolResult;

pub(crate) use self::recognise::Recogniser;
pub use self::{
    recognise::{DialectChoice, Peer},
    request::{Call, Next, Request},
};
use crate::{Changes, Hits, Rows, Table, TableName, Value, bind::Sql};

/// How one kind of database server is asked, and how it answers.
///
/// Operations without an implementation are refused with an error that names them.
pub trait Dialect: fmt::Debug + Send + Sync + 'static {
    /// Its name, as people know the server.
    fn name(&self) -> &str;

    /// The most statements that one connection may carry at the same time. Default: 1.
    ///
    /// Some servers run them one after another anyway; one even fails the others when
    /// one fails.
    fn max_in_flight(&self) -> usize {
        1
    }

    /// What went wrong, if the answer is a failure. Default: the text of an answer that
    /// is flagged as one.
    fn failure(&self, answer: &ToolResult) -> Option<String> {
        answer.is_error.then(|| answer.text())
    }

    /// Is a JSON-RPC error of this code the database's refusal? Default: no.
    fn is_refusal(&self, _code: i32) -> bool {
        false
    }

    /// A name of a table or column, as statements have it. Default: in double quotes, as
    /// the standard has it.
    fn quoted(&self, name: &str) -> String {
        Sql::Unknown.quoted(name)
    }

    /// Lists tables and views.
    ///
    /// # Errors
    ///
    /// `Unsupported` where servers of this kind cannot; `InvalidInput` if the arguments
    /// cannot be put in their words.
    fn tables(&self) -> Result<Request<Vec<TableName>>, Error> {
        Err(self.missing("list tables"))
    }

    /// Tells what a table is made of.
    ///
    /// # Errors
    ///
    /// `Unsupported` where servers of this kind cannot; `InvalidInput` if the arguments
    /// cannot be put in their words.
    fn describe(&self, _table: &str) -> Result<Request<Table>, Error> {
        Err(self.missing("describe tables"))
    }

    /// Runs one statement that reads.
    ///
    /// # Errors
    ///
    /// `Unsupported` where servers of this kind cannot; `InvalidInput` if the arguments
    /// cannot be put in their words.
    fn query(&self, _sql: &str, _parameters: &[Value]) -> Result<Request<Rows>, Error> {
        Err(self.missing("run queries"))
    }

    /// Runs a query's statement again, from where its answer was cut: `cursor` is the
    /// answer's [`next_cursor`](Rows::next_cursor).
    ///
    /// # Errors
    ///
    /// `Unsupported` where servers of this kind cannot; `InvalidInput` if the arguments
    /// cannot be put in their words.
    fn go_on(
        &self,
        _sql: &str,
        _parameters: &[Value],
        _cursor: &str,
    ) -> Result<Request<Rows>, Error> {
        Err(self.missing("go on where an answer was cut"))
    }

    /// Runs one statement that writes.
    ///
    /// # Errors
    ///
    /// `Unsupported` where servers of this kind cannot; `InvalidInput` if the arguments
    /// cannot be put in their words.
    fn execute(&self, _sql: &str, _parameters: &[Value]) -> Result<Request<Changes>, Error> {
        Err(self.missing("write"))
    }

    /// Tells how a statement would be run, one line a step.
    ///
    /// # Errors
    ///
    /// `Unsupported` where servers of this kind cannot; `InvalidInput` if the arguments
    /// cannot be put in their words.
    fn explain(&self, _sql: &str, _parameters: &[Value]) -> Result<Request<Vec<String>>, Error> {
        Err(self.missing("explain statements"))
    }

    /// Finds rows by words in their text. Where there is no such request, one table is
    /// searched by those for describing it and for queries.
    ///
    /// # Errors
    ///
    /// `Unsupported` where servers of this kind cannot; `InvalidInput` if the arguments
    /// cannot be put in their words.
    fn search(
        &self,
        _words: &str,
        _table: Option<&str>,
        _limit: usize,
    ) -> Result<Request<Hits>, Error> {
        Err(self.missing("search in all tables at once; name one"))
    }

    /// The error for what servers of this kind cannot do.
    fn missing(&self, what: &str) -> Error {
        let message = format!("`{}` servers cannot {what}", self.name());
        Error::new(ErrorKind::Unsupported, message)
    }
}

/// What came of a call, in the light of the dialect.
///
/// # Errors
///
/// `ToolFailed` with the database's words, however the server puts them.
pub(crate) fn judge(
    dialect: &dyn Dialect,
    tool: &str,
    answer: Result<ToolResult, Error>,
) -> Result<ToolResult, Error> {
    let answer = answer.map_err(|error| match error.kind() {
        ErrorKind::Rpc(code) if dialect.is_refusal(code) => {
            let words = error.to_string();
            let words = words.strip_suffix(&format!(" (code {code})"));
            let words = words.map_or_else(|| error.to_string(), str::to_owned);
            Error::new(ErrorKind::ToolFailed, words)
        }
        _ => error,
    })?;
    match dialect.failure(&answer) {
        Some(why) if why.trim().is_empty() => {
            let message = format!("tool `{tool}` failed without saying why");
            Err(Error::new(ErrorKind::ToolFailed, message))
        }
        Some(why) => Err(Error::new(ErrorKind::ToolFailed, why.trim())),
        None => Ok(answer),
    }
}

/// There is no table of this name.
fn no_such_table(name: &str) -> Error {
    Error::new(ErrorKind::ToolFailed, format!("no such table: {name}"))
}

/// The text of the one block that an answer should have.
fn only_text(answer: &ToolResult) -> Result<&str, Error> {
    match answer.content.as_slice() {
        [mcp_transport::Content::Text(text)] => Ok(text),
        _ => {
            let message = "the server's answer is not one block of text";
            Err(Error::new(ErrorKind::BadResponse, message))
        }
    }
}

#[cfg(test)]
mod tests;
