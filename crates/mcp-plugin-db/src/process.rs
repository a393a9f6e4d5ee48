//! The one pool of the process.

use mcp_pool::{Configuration, GlobalPool, Pool};

use crate::session::SessionConnector;

/// The pool of the process, for those who want one for everything: built when it is
/// first asked for, with the settings that the environment gives.
///
/// Where these are wrong, this is logged as a warning, and the defaults hold.
///
/// ```no_run
/// # use mcp_domain::Target;
/// # use mcp_plugin_db::{Access, DatabasePlugin, POOL};
/// # use mcp_transport::ClientConnector;
/// # fn example() -> Result<DatabasePlugin, mcp_domain::Error> {
/// let server = ClientConnector::new(Target::command("mcp-db", ["serve"]))?;
/// let shop = DatabasePlugin::builder(server)
///     .access(Access::Pooled)
///     .pool(POOL.get())
///     .build();
/// # Ok(shop)
/// # }
/// ```
pub static POOL: GlobalPool<SessionConnector> = GlobalPool::with(|| {
    let read = Configuration::from_env();
    Pool::new(read.unwrap_or_else(|error| {
        tracing::warn!(%error, "the settings of the process's pool are wrong; the defaults hold");
        Configuration::default()
    }))
});
