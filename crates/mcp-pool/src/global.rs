//! One pool for the whole process.

use std::{
    fmt,
    sync::{PoisonError, RwLock, RwLockWriteGuard},
};

use mcp_domain::Connector;

use crate::Pool;

/// A place for one pool that the whole process shares, built when it is first asked for.
///
/// Declared as a `static`, for those who cannot pass a pool around. Asking for it
/// needs no runtime and does no I/O, so it may be done from any thread and at any
/// time, also before there is a runtime.
///
/// ```
/// # use mcp_domain::{Connection, Connector, Error, Scope};
/// # struct Echo;
/// # impl Connection for Echo {
/// #     fn is_open(&self) -> bool { true }
/// #     async fn ping(&self) -> Result<(), Error> { Ok(()) }
/// #     async fn close(&self) -> Result<(), Error> { Ok(()) }
/// # }
/// # struct EchoConnector;
/// # impl Connector for EchoConnector {
/// #     type Connection = Echo;
/// #     async fn connect(&self, _: &Scope) -> Result<Echo, Error> { Ok(Echo) }
/// # }
/// use mcp_pool::{GlobalPool, Server};
///
/// static POOL: GlobalPool<EchoConnector> = GlobalPool::new();
///
/// /// The same server for everybody, whoever asks first.
/// fn echo() -> Server<EchoConnector> {
///     POOL.get().server("echo", EchoConnector).add_once()
/// }
///
/// let (one, other) = (echo(), echo());
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// one.warm_up().await?;
/// assert_eq!(other.stats().total_connections, 1);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct GlobalPool<C: Connector> {
    build: fn() -> Pool<C>,
    pools: RwLock<Pools<C>>,
}

/// The pool, if it was asked for, and those that stand in for it, the last one first.
struct Pools<C: Connector> {
    own: Option<Pool<C>>,
    in_its_place: Vec<(u64, Option<Pool<C>>)>,
    next: u64,
}

impl<C: Connector> Pools<C> {
    fn current(&self) -> &Option<Pool<C>> {
        let last = self.in_its_place.last();
        last.map_or(&self.own, |(_, pool)| pool)
    }

    fn current_mut(&mut self) -> &mut Option<Pool<C>> {
        let last = self.in_its_place.last_mut();
        last.map_or(&mut self.own, |(_, pool)| pool)
    }
}

impl<C: Connector> GlobalPool<C> {
    /// A pool with the default settings.
    pub const fn new() -> Self {
        Self::with(Pool::default)
    }

    /// A pool that is built like this.
    ///
    /// Where several threads ask for it at the same time for the first time, more
    /// than one may be built; all of them get the same.
    pub const fn with(build: fn() -> Pool<C>) -> Self {
        Self {
            build,
            pools: RwLock::new(Pools {
                own: None,
                in_its_place: Vec::new(),
                next: 0,
            }),
        }
    }

    /// The pool.
    pub fn get(&self) -> Pool<C> {
        let pools = self.pools.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.current() {
            return pool.clone();
        }
        drop(pools);
        // Not under the lock: it is the user's code, and building costs next to nothing.
        let built = (self.build)();
        self.write().current_mut().get_or_insert(built).clone()
    }

    /// Takes the pool out, to close it at the end of a program. Whoever asks later
    /// gets a new one. `None` if nobody has asked for it yet.
    pub fn take(&self) -> Option<Pool<C>> {
        self.write().current_mut().take()
    }

    /// Puts another pool in its place until the returned guard is dropped, for tests.
    ///
    /// Where there are several guards, the last one counts, in whatever order they are dropped.
    /// Whoever holds the former pool, or a server of it, keeps it. Tests that run in
    /// the same process at the same time see each other's.
    pub fn replace(&self, pool: Pool<C>) -> Replaced<'_, C> {
        let mut pools = self.write();
        let number = pools.next;
        pools.next += 1;
        pools.in_its_place.push((number, Some(pool)));
        drop(pools);
        Replaced {
            global: self,
            number,
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, Pools<C>> {
        self.pools.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Connector> Default for GlobalPool<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Connector> fmt::Debug for GlobalPool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlobalPool").finish_non_exhaustive()
    }
}

/// Restores a [`GlobalPool`] when it is dropped.
#[must_use = "the former pool is back as soon as this is dropped"]
pub struct Replaced<'g, C: Connector> {
    global: &'g GlobalPool<C>,
    number: u64,
}

impl<C: Connector> Drop for Replaced<'_, C> {
    fn drop(&mut self) {
        let mut pools = self.global.write();
        let position = pools
            .in_its_place
            .iter()
            .position(|(number, _)| *number == self.number);
        let ended = position.map(|index| pools.in_its_place.remove(index));
        // Not under the lock: it may be the last handle of that pool.
        drop(pools);
        drop(ended);
    }
}

impl<C: Connector> fmt::Debug for Replaced<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replaced").finish_non_exhaustive()
    }
}
