//! Telling others what happens: those who record figures, those who subscribe to events and
//! spans, those who wait.
//!
//! They are code of others (of who waits, the waker is), and are told in the midst of the
//! pool's work: while a connection is between two hands, or goes.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
};

use tokio::sync::Semaphore;
use tracing::span;

/// Tells somebody, and goes on if they panic: no call fails for that, and no connection is
/// lost. That they did was reported where panics are.
pub(crate) fn tell(what: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(what));
}

/// Adds so many permits, each of which wakes one of those who wait. One by one: who panics
/// when it is woken keeps nobody else asleep.
pub(crate) fn wake(waiting: &Semaphore, permits: usize) {
    for _ in 0..permits {
        tell(|| waiting.add_permits(1));
    }
}

/// A span that somebody listens to. Whatever they are told of it, they [may panic](tell).
pub(crate) struct Span(Option<tracing::Span>);

impl Span {
    /// The span that is made so, if anybody listens.
    pub(crate) fn new(make: impl FnOnce() -> tracing::Span) -> Option<Self> {
        let mut span = None;
        tell(|| span = Some(make()).filter(|span| !span.is_disabled()));
        span.map(|span| Self(Some(span)))
    }

    /// Runs this future in the span, to its end or until it is dropped.
    pub(crate) async fn around<F: Future>(&self, future: Pin<Box<F>>) -> F::Output {
        let mut inside = Inside {
            span: self,
            future: Some(future),
        };
        poll_fn(|context| {
            let _entered = self.enter();
            match &mut inside.future {
                Some(future) => future.as_mut().poll(context),
                None => unreachable!("it goes when it is dropped"),
            }
        })
        .await
    }

    /// Notes what became known of it by now.
    pub(crate) fn record(&self, field: &'static str, value: &'static str) {
        tell(|| {
            if let Some(span) = &self.0 {
                span.record(field, value);
            }
        });
    }

    fn enter(&self) -> Entered<'_> {
        let mut entered = None;
        tell(|| entered = self.0.as_ref().map(tracing::Span::enter));
        Entered(entered)
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        tell(|| self.0 = None);
    }
}

/// Leaves a span when it is dropped.
struct Entered<'s>(Option<span::Entered<'s>>);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        tell(|| self.0 = None);
    }
}

/// A future in a span, in which it is dropped, too.
struct Inside<'s, F> {
    span: &'s Span,
    future: Option<Pin<Box<F>>>,
}

impl<F> Drop for Inside<'_, F> {
    fn drop(&mut self) {
        let _entered = self.span.enter();
        self.future = None;
    }
}
