//! The port between a client and the pool.
//!
//! The pool opens, checks and closes connections, and otherwise hands them out.
//! What a call is, and how it travels, it need not know.

use crate::{Error, Scope};

/// Opens connections to one MCP server.
///
/// One connector stands for one server; the pool asks it for as many connections
/// as it needs. Connectors remember what is worth remembering between connects
/// (the lifecycle that the server spoke, a TLS session), and are shared by
/// reference.
pub trait Connector: Send + Sync + 'static {
    /// What it opens.
    type Connection: Connection;

    /// Opens a connection for the callers of `scope`, ready for its first call.
    ///
    /// # Errors
    ///
    /// Of kind `ConnectFailed`, `ConnectTimeout`, `BadResponse`, `Unauthorized` or
    /// `InvalidInput`, with the cause.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, everything it has opened is closed: sockets,
    /// child processes, tasks.
    fn connect(
        &self,
        scope: &Scope,
    ) -> impl Future<Output = Result<Self::Connection, Error>> + Send;
}

/// An open MCP session or, on revisions without sessions, the live channel to a server.
///
/// Dropping a connection closes it without waiting; [`close`](Self::close) waits.
pub trait Connection: Send + Sync + 'static {
    /// Is the channel open, as far as is known without asking the peer?
    ///
    /// Does no I/O and takes nanoseconds. `false` is final.
    fn is_open(&self) -> bool;

    /// May callers who know nothing of each other use this connection at the same
    /// time, because the server keeps no state for it?
    ///
    /// Default: `false`, which is always safe.
    fn is_stateless(&self) -> bool {
        false
    }

    /// The most calls that the server can have on this connection at the same time and
    /// still do each of them well, as far as is known.
    ///
    /// Bounds how many callers share it, where they may. Default: no bound is known.
    fn max_in_flight(&self) -> usize {
        usize::MAX
    }

    /// Asks the peer for a sign of life, in one round trip.
    ///
    /// # Errors
    ///
    /// If the connection is of no use any more.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the question; the connection stays usable.
    fn ping(&self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Ends the session properly and waits until its resources are gone.
    ///
    /// Idempotent, and bounded in time by the implementation.
    ///
    /// # Errors
    ///
    /// If the end was not proper, for instance because a child process had to be
    /// killed. The resources are gone all the same.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, closing goes on in the background.
    fn close(&self) -> impl Future<Output = Result<(), Error>> + Send;
}
