//! What ends the waiting of a connection's calls: its deadline, or the end of the connection.
//!
//! A runtime's timer that is set earlier than all others wakes the thread that sleeps on
//! them: a timer for each call would cost more than all else that this crate adds to it.
//! Nearly all calls are answered long before their time is up. So there is one timer: it is
//! set for the deadline that was the earliest, and when that comes (its call is long gone),
//! for the one that is the earliest then.
//!
//! It runs where the connection was opened. A call that is awaited on another runtime has a
//! timer of its own: that of the connection may rest meanwhile.
//!
//! Since all calls are known here anyway, this is also where they hear that the connection
//! has ended.

use std::{
    collections::BTreeMap,
    fmt, mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{self, Poll, Waker},
};

use tokio::{
    runtime::{self, Handle},
    sync::Notify,
    task::AbortHandle,
    time::{Instant, Sleep, sleep_until},
};

/// The deadlines of a connection's calls.
pub(crate) struct Deadlines {
    ahead: Arc<Ahead>,
    task: AbortHandle,
    home: runtime::Id,
}

/// Why there is nothing more to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// The connection has ended.
    Gone,
    /// The time is up.
    Late,
}

/// The deadlines that are ahead.
#[derive(Default)]
struct Ahead {
    state: Mutex<State>,
    /// The timer is to be set anew.
    earlier: Notify,
}

#[derive(Default)]
struct State {
    /// Who waits, by deadline; the number tells those of the same moment apart.
    waiting: BTreeMap<Key, Waker>,
    next: u64,
    /// What the timer is set for.
    alarm: Option<Instant>,
    gone: bool,
}

type Key = (Until, u64);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Until {
    At(Instant),
    Never,
}

impl Deadlines {
    /// Keeps them in a task of this runtime, until it is dropped.
    pub(super) fn new() -> Self {
        let ahead = Arc::<Ahead>::default();
        let task = tokio::spawn(Arc::clone(&ahead).keep());
        Self {
            ahead,
            task: task.abort_handle(),
            home: Handle::current().id(),
        }
    }

    /// Waits for the end of the connection, and no longer than until this moment, which is
    /// waited for as exactly as a timer does.
    pub(crate) fn wait_until(&self, at: Option<Instant>) -> Deadline<'_> {
        Deadline {
            ahead: &self.ahead,
            home: self.home,
            until: at.map_or(Until::Never, Until::At),
            key: None,
            own: None,
        }
    }

    /// The connection has ended: nobody waits any longer.
    pub(super) fn end(&self) {
        let mut state = self.ahead.state();
        state.gone = true;
        let waiting = mem::take(&mut state.waiting);
        // Wakers run code that is not ours.
        drop(state);
        self.task.abort();
        waiting.into_values().for_each(Waker::wake);
    }

    /// Has the connection ended?
    pub(crate) fn are_over(&self) -> bool {
        self.ahead.state().gone
    }
}

impl Drop for Deadlines {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Deadlines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadlines").finish_non_exhaustive()
    }
}

impl Ahead {
    async fn keep(self: Arc<Self>) {
        loop {
            let alarm = self.state().alarm;
            match alarm {
                None => self.earlier.notified().await,
                Some(alarm) => tokio::select! {
                    () = self.earlier.notified() => {}
                    () = sleep_until(alarm) => self.wake_the_late(),
                },
            }
        }
    }

    /// Wakes those whose time is up; the timer is set for the next.
    fn wake_the_late(&self) {
        let mut state = self.state();
        let not_yet = (Until::At(Instant::now()), u64::MAX);
        let ahead = state.waiting.split_off(&not_yet);
        let late = mem::replace(&mut state.waiting, ahead);
        state.alarm = match state.waiting.keys().next() {
            Some((Until::At(at), _)) => Some(*at),
            Some((Until::Never, _)) | None => None,
        };
        // Wakers run code that is not ours.
        drop(state);
        late.into_values().for_each(Waker::wake);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a moment, or for the end.
#[must_use = "a deadline is waited for when it is awaited"]
pub(crate) struct Deadline<'d> {
    ahead: &'d Ahead,
    home: runtime::Id,
    until: Until,
    /// Where its waker is, once it waits.
    key: Option<Key>,
    /// The timer of one who waits elsewhere.
    own: Option<Pin<Box<Sleep>>>,
}

impl Future for Deadline<'_> {
    type Output = Over;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Over> {
        if self.key.is_none()
            && let Until::At(at) = self.until
            && Handle::try_current().is_ok_and(|here| here.id() != self.home)
        {
            self.own = Some(Box::pin(sleep_until(at)));
        }
        if let Some(own) = &mut self.own
            && own.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Over::Late);
        }
        let mut state = self.ahead.state();
        if state.gone {
            return Poll::Ready(Over::Gone);
        }
        if let Some(key) = &self.key {
            // Whose time is up is taken out.
            return match state.waiting.get_mut(key) {
                Some(waker) if waker.will_wake(context.waker()) => Poll::Pending,
                Some(waker) => {
                    let former = mem::replace(waker, context.waker().clone());
                    // Even dropping it runs code that is not ours.
                    drop(state);
                    drop(former);
                    Poll::Pending
                }
                None => Poll::Ready(Over::Late),
            };
        }
        state.next += 1;
        let key = (self.until, state.next);
        state.waiting.insert(key, context.waker().clone());
        let is_earlier = match self.until {
            Until::At(at) if state.alarm.is_none_or(|alarm| at < alarm) => {
                state.alarm = Some(at);
                true
            }
            Until::At(_) | Until::Never => false,
        };
        drop(state);
        self.key = Some(key);
        if is_earlier {
            self.ahead.earlier.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for Deadline<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = self.ahead.state().waiting.remove(&key);
            // Not while the others are locked.
            drop(waker);
        }
    }
}

#[cfg(test)]
mod tests;
