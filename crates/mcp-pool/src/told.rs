//! Telling others what happens: those who record figures, those who subscribe to events.
//!
//! They are code of others, and are told in the midst of the pool's work: while a connection
//! is between two hands, or goes.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Tells somebody, and goes on if they panic: no call fails for that, and no connection is
/// lost. That they did was reported where panics are.
pub(crate) fn tell(what: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(what));
}
