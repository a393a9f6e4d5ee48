//! One timer for all calls of a connection.
//!
//! A runtime's timer that is set earlier than all others wakes the thread that sleeps on
//! them: a timer for each call would cost more than all else that this crate adds to it.
//! Nearly all calls are answered long before their time is up. So there is one timer: it is
//! set for the deadline that was the earliest, and when that comes (its call is long gone),
//! for the one that is the earliest then.

use std::{
    collections::BTreeMap,
    fmt, mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{self, Poll, Waker},
};

use tokio::{
    sync::Notify,
    task::AbortHandle,
    time::{Instant, sleep_until},
};

/// The deadlines of a connection's calls.
pub(crate) struct Deadlines {
    ahead: Arc<Ahead>,
    task: AbortHandle,
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
}

type Key = (Instant, u64);

impl Deadlines {
    /// Keeps them in a task of this runtime, until it is dropped.
    pub(super) fn new() -> Self {
        let ahead = Arc::<Ahead>::default();
        let task = tokio::spawn(Arc::clone(&ahead).keep());
        Self {
            ahead,
            task: task.abort_handle(),
        }
    }

    /// Waits for this moment, and as exactly as a timer does.
    pub(super) fn wait_until(&self, at: Instant) -> Deadline<'_> {
        Deadline {
            ahead: &self.ahead,
            at,
            key: None,
        }
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
        let not_yet = (Instant::now(), u64::MAX);
        let ahead = state.waiting.split_off(&not_yet);
        let late = mem::replace(&mut state.waiting, ahead);
        state.alarm = state.waiting.keys().next().map(|(at, _)| *at);
        // Wakers run code that is not ours.
        drop(state);
        late.into_values().for_each(Waker::wake);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a moment.
#[must_use = "a deadline is waited for when it is awaited"]
pub(super) struct Deadline<'d> {
    ahead: &'d Ahead,
    at: Instant,
    /// Where its waker is, once it waits.
    key: Option<Key>,
}

impl Future for Deadline<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<()> {
        // Whoever has just said until when has no need of the clock yet.
        if self.key.is_some() && Instant::now() >= self.at {
            return Poll::Ready(());
        }
        let mut state = self.ahead.state();
        let key = self.key.unwrap_or_else(|| {
            state.next += 1;
            (self.at, state.next)
        });
        match state.waiting.get_mut(&key) {
            Some(waker) => waker.clone_from(context.waker()),
            None => {
                state.waiting.insert(key, context.waker().clone());
            }
        }
        let is_earlier = state.alarm.is_none_or(|alarm| self.at < alarm);
        if is_earlier {
            state.alarm = Some(self.at);
        }
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
            self.ahead.state().waiting.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests;
