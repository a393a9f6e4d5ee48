//! How a database is served.

use crate::limits::Limits;

/// How a database is served. By default as narrowly as can be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What one call may cost.
    pub limits: Limits,
    /// May statements write? Then there is one more tool, `execute`. Default: false.
    pub allow_writes: bool,
    /// PostgreSQL: functions that may be called although they can do more than read.
    /// Default: none.
    pub allow_functions: Vec<String>,
    /// PostgreSQL: serve also with a role that can reach beyond the database, such as
    /// a superuser. Where such a role may also write, statements can do whatever it can,
    /// such as `COPY … TO PROGRAM`. Default: false.
    pub any_role: bool,
}
