//! What befalls the servers: some are killed, some hang for a while.

use std::{collections::HashMap, time::Duration};

use mcp_domain::{Error, ErrorKind};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use crate::process;

/// About so often something happens.
const PAUSE: Duration = Duration::from_millis(40);

/// For so long at most a server hangs: longer than callers are ready to wait.
const HANG: Duration = Duration::from_millis(1500);

/// How much befell.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Befallen {
    pub(super) kills: u64,
    pub(super) hangs: u64,
}

/// Lets things befall the children of this process until the given time. This one
/// only hangs, since nobody would start it again. In the end none hangs.
pub(super) async fn befall(hangs_only: u32, until: Instant) -> Result<Befallen, Error> {
    let mut befallen = Befallen::default();
    let mut hanging = Hanging::default();
    while Instant::now() < until {
        sleep(PAUSE.mul_f64(2.0 * fastrand::f64())).await;
        hanging.wake(Instant::now());
        let children = process::children(std::process::id()).map_err(|error| {
            Error::new(ErrorKind::Unsupported, "the children cannot be listed").with_source(error)
        })?;
        // The one that nobody would start again is spared mostly: it holds up everybody.
        let spared = fastrand::u8(..) < 250;
        let victims = children
            .into_iter()
            .filter(|pid| !(spared && *pid == hangs_only));
        let Some(victim) = fastrand::choice(victims.collect::<Vec<_>>()) else {
            continue;
        };
        if victim != hangs_only && fastrand::bool() {
            send(victim, Signal::KILL);
            befallen.kills += 1;
        } else if hanging.stop(victim, Instant::now() + HANG.mul_f64(fastrand::f64())) {
            befallen.hangs += 1;
        }
    }
    Ok(befallen)
}

/// The processes that hang, and until when.
#[derive(Debug, Default)]
struct Hanging(HashMap<u32, Instant>);

impl Hanging {
    /// Tells whether it did not hang yet.
    fn stop(&mut self, pid: u32, until: Instant) -> bool {
        let new = self.0.insert(pid, until).is_none();
        if new {
            send(pid, Signal::STOP);
        }
        new
    }

    fn wake(&mut self, now: Instant) {
        self.0.retain(|pid, until| {
            let over = *until <= now;
            if over {
                send(*pid, Signal::CONT);
            }
            !over
        });
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        for pid in self.0.keys() {
            send(*pid, Signal::CONT);
        }
    }
}

/// It may have ended meanwhile.
fn send(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, signal);
    }
}
