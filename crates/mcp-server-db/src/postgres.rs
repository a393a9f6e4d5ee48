//! PostgreSQL: a few connections, read-only transactions, one statement at a time.
//!
//! What keeps a statement from writing, in layers:
//!
//! 1. It runs in a read-only transaction, which is rolled back whatever happens.
//! 2. It is prepared by the extended protocol, which takes one statement, and is run
//!    only if it has columns. So none can end the transaction and begin another.
//! 3. The role may not be one that reaches beyond the database ([`role`]).
//! 4. Functions with effects beside the tables are refused by name ([`functions`]).
//!
//! What bounds it: the database's own time limit, our own in case that is set aside,
//! a limit to what it may send in one piece ([`bounded`]), and rows are fetched only
//! up to the limit. A call that is dropped cancels its statement ([`session`]).

mod bounded;
mod catalog;
mod failure;
mod functions;
mod link;
mod parameter;
mod query;
mod record;
mod role;
mod search;
mod session;
mod tls;
mod value;
mod write;

use std::{fmt, sync::Arc, time::Duration};

use deadpool_postgres::{Hook, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use mcp_domain::{Error, ErrorKind};
use tokio_postgres::{Config, config::Host};
use tokio_util::task::TaskTracker;

use self::{functions::Functions, link::Link, tls::Tls};
use crate::{limits::Limits, options::Options};

/// How long it may take to get a connection ready, whatever a statement may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A database, reached by a few connections.
pub(crate) struct Postgres {
    pool: Pool,
    limits: Limits,
    allow_writes: bool,
    functions: Arc<Functions>,
    link: Arc<Link>,
    /// Statements that run, and cancellations under way.
    tasks: TaskTracker,
    /// Host, port and name of the database, for messages.
    place: String,
}

/// Nothing that the address holds but the place.
impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("place", &self.place)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Postgres {
    /// Takes the address of a database. Nothing is connected before it is needed.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is no address, or asks for what there is not here.
    pub(crate) fn new(url: &str, options: &Options) -> Result<Self, Error> {
        let (url, tls) = Tls::of_address(url)?;
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            // The driver's words are about the form; the address itself may hold a password.
            let message = "this is no address of a PostgreSQL database, such as \
                           postgres://reader@localhost/shop";
            Error::new(ErrorKind::InvalidInput, message).with_source(error)
        })?;
        if config.get_hosts().is_empty() {
            config.host("localhost");
        }
        if config.get_password().is_none()
            && let Ok(password) = std::env::var("PGPASSWORD")
        {
            config.password(password);
        }
        if config.get_application_name().is_none() {
            config.application_name(env!("CARGO_PKG_NAME"));
        }
        let limits = options.limits;
        let link = Arc::new(Link::new(&config, tls, limits.row()));
        let functions = Arc::new(Functions::new(&options.allow_functions));
        let place = place(&config);
        let pool = pool(config, &link, &functions, options).map_err(|error| {
            Error::new(ErrorKind::InvalidInput, "the limits fit no pool").with_source(error)
        })?;
        Ok(Self {
            pool,
            limits,
            allow_writes: options.allow_writes,
            functions,
            link,
            tasks: TaskTracker::new(),
            place,
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn allows_writes(&self) -> bool {
        self.allow_writes
    }

    /// Waits until no statement runs and every cancellation has gone out, but not for long.
    pub(crate) async fn settle(&self) {
        self.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(2), self.tasks.wait()).await;
    }
}

fn pool(
    config: Config,
    link: &Arc<Link>,
    functions: &Arc<Functions>,
    options: &Options,
) -> Result<Pool, deadpool_postgres::BuildError> {
    let (limits, any_role) = (options.limits, options.any_role);
    let functions = Arc::clone(functions);
    let recycling = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let manager = Manager::from_connect(config, Link::clone(link), recycling);
    Pool::builder(manager)
        .max_size(limits.statements.max(1))
        .timeouts(Timeouts {
            wait: Some(limits.time.saturating_add(PATIENCE)),
            create: Some(PATIENCE),
            recycle: Some(PATIENCE),
        })
        .runtime(Runtime::Tokio1)
        .post_create(Hook::async_fn(move |client, _| {
            let functions = Arc::clone(&functions);
            Box::pin(async move { role::prepare(client, &limits, any_role, &functions).await })
        }))
        .build()
}

fn place(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        Some(Host::Unix(folder)) => folder.display().to_string(),
        None => String::new(),
    };
    let port = config.get_ports().first().unwrap_or(&5432);
    match config.get_dbname() {
        Some(name) => format!("{host}:{port}/{name}"),
        None => format!("{host}:{port}"),
    }
}
