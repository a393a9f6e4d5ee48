//! The primitives that the breaker synchronises with.
//!
//! The crate's own tests are built with loom's, which try every order of events: what
//! they make with a breaker must be inside `loom::model`. Everybody else, also the
//! tests in `tests/it`, has those of the standard library.

#[cfg(test)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};
#[cfg(not(test))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};
