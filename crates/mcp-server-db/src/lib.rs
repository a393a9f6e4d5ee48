//! An MCP server in front of a database: read-only, bounded, typed.
//!
//! SQLite and PostgreSQL look the same from outside. There are three ways to reach
//! them: standard input and output, Streamable HTTP, and any byte stream (a server in
//! the same process). Every revision of the protocol is spoken, from 2024-11-05 to
//! 2026-07-28.
//!
//! | tool | what it does |
//! | --- | --- |
//! | `list_schemas` | schemas that hold tables |
//! | `list_tables` | tables and views |
//! | `describe_table` | columns, keys, indexes, approximate size of one table |
//! | `query` | one read-only statement, with bound parameters |
//! | `explain` | how the database would run a statement |
//! | `search` | ranked search in text columns |
//! | `execute` | one statement that writes; only with [`Options::allow_writes`] |
//!
//! Every table is a pair of resources, too: `db://tables/NAME/schema` (JSON) and
//! `db://tables/NAME/rows` (CSV; `rows.md` is Markdown). Names are completed.
//!
//! # What it promises
//!
//! - **Nothing is ever written**, unless [`Options::allow_writes`] says so. The database
//!   engine enforces it, not a look at the SQL; what it cannot enforce is said below.
//! - **Nothing is unbounded.** Rows, bytes and time have limits; a result that was
//!   cut says so, and holds a cursor to go on with. SQLite's memory is limited to
//!   512 MiB, which counts for all of its users in the process, and nothing that reads
//!   makes temporary files. PostgreSQL's are bounded by its own `temp_file_limit`.
//!   A message over a stream of bytes that nests deeper than 127 levels or is longer than
//!   16 MiB is dropped by the SDK, and not answered.
//! - **A call that is cancelled stops its statement** in the database, and so does a
//!   client that vanishes. In a session over HTTP, a lost connection does not say that: the
//!   statement runs on, to its time limit at most, or for five seconds where the session is
//!   ended.
//! - **Values keep their types**: integers to 64 bits, decimals as they are stored,
//!   bytes as `{"$blob": "<base64>"}`, NULL.
//!
//! # SQLite
//!
//! Tables, views, full-text tables (FTS3 to FTS5) and R-trees are served; virtual tables
//! of other modules are not. Where another file is moved to the path of the database, that
//! one is served from then on; where there is none any more, calls say so. Where writes are
//! allowed, the files ending in -wal and -shm have to go with the old one: beside another
//! file they would spoil it, so that calls are refused until they are removed.
//!
//! A few functions that take as long as the product of their values' lengths (`trim` with
//! letters, `instr`, `replace`, `json_patch`) refuse long ones together, and patterns of
//! `LIKE` have 1,000 bytes at most: within one call of a function, no clock is looked at. A
//! call that outlives its time limit all the same is answered five seconds later, and keeps
//! its turn until it has ended.
//!
//! # Writing
//!
//! Where writes are allowed, one tool more writes: one statement at a time, as a whole
//! or not at all. The others read as before. An SQLite file is changed to write ahead
//! to a log (WAL), so that readers and the writer do not wait for each other, and keeps
//! foreign keys. Where a statement returns a row that is too long to be told, it is undone;
//! where its end was not seen (the connection to PostgreSQL was lost, a step of SQLite's
//! did not stop), the error says that nobody knows whether it was done. Clients are told when the list of tables has changed.
//!
//! # PostgreSQL
//!
//! Statements mark parameters as `$1`, `$2`. Values have these forms: `numeric` is a
//! string with every digit, times are ISO 8601 (in UTC where they have a zone), arrays
//! and documents are JSON, and what has no form in JSON is PostgreSQL's own text.
//!
//! Each call is one prepared statement in a read-only transaction, which is rolled back.
//! What a *function* does beside the tables is not undone by that, so:
//!
//! - A role that reaches beyond the database (a superuser, `pg_read_server_files` and its
//!   like) is not served, unless [`Options::any_role`] says so.
//! - Functions that have effects, by PostgreSQL's own catalog, are refused by name, unless
//!   [`Options::allow_functions`] names them: files, large objects, other sessions,
//!   `dblink`, locks that outlive the call, SQL that is built at run time. They are refused
//!   wherever the name stands in a statement, even as text.
//! - **What is not refused** are functions that somebody wrote into this very database,
//!   and what views do. Grant the role no more than it needs.
//!
//! A password may stand in the address or in `PGPASSWORD`; it is never told again.
//!
//! TLS is taken where the database has it, and asked for by `sslmode` in the address, with
//! libpq's meaning: `disable`, `prefer` (the default: without a check of the
//! certificate, and in clear if there is no TLS), `require`, `verify-ca` and
//! `verify-full`. `sslrootcert` names the file of the certificates to trust; without it,
//! `verify-full` trusts those of the system. A certificate has to hold the name or
//! address of its server as an alternative name. `sslcert` and `sslkey` name the files of
//! a certificate to show, and of its key. What else libpq can (`allow`, keys under a
//! password, `sslnegotiation`, revocation) is refused by name.
//!
//! # Example
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), mcp_domain::Error> {
//! use mcp_server_db::{DatabaseServer, Limits, sample};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path();
//! let path = sample::ensure(folder)?; // or the path of a database of yours
//! let server = DatabaseServer::open_sqlite(&path, Limits::default())?;
//!
//! let (ours, theirs) = tokio::io::duplex(4096);
//! let serving = tokio::spawn(server.serve_stream(theirs));
//! // … speak MCP over `ours` …
//! drop(ours);
//! serving.await.expect("the server does not panic");
//! # Ok(())
//! # }
//! ```

mod answer;
mod beginning;
mod changes;
mod cursor;
mod engine;
mod handler;
mod hangup;
mod http;
mod limits;
mod options;
#[cfg(feature = "postgres")]
mod postgres;
mod resources;
pub mod sample;
mod server;
mod sessions;
mod sqlite;
mod tools;
mod words;

pub use self::{http::HttpOptions, limits::Limits, options::Options, server::DatabaseServer};
