//! Who hears of the progress of which call.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use tokio::sync::Notify;

use crate::Progress;

/// So many reports may overtake the news of which call they are about.
const MOST_EARLY: usize = 64;

/// So many reports about one call may wait to be heard; then the oldest is left out.
const MOST_WAITING: usize = 64;

pub(crate) type Hear = Arc<dyn Fn(Progress) + Send + Sync>;

/// Who hears of the progress of which call.
///
/// The SDK tells the token of a call only when the call is on its way, so that a report can
/// arrive before anybody is known to wait for it. It is kept for so long.
pub(crate) struct ProgressTable {
    /// Hears what nobody else does.
    otherwise: Option<Hear>,
    calls: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    /// How many calls are on their way whose token is not known yet.
    expected: usize,
    heard: HashMap<ProgressToken, Arc<Listener>>,
    early: Vec<ProgressNotificationParam>,
}

struct Listener {
    hear: Option<Hear>,
    beat: Arc<Notify>,
    line: Mutex<Line>,
}

/// Reports that wait to be told, one after another.
#[derive(Default)]
struct Line {
    last: Option<f64>,
    waiting: VecDeque<ProgressNotificationParam>,
    /// Somebody is telling them already, and tells what is added, too.
    told: bool,
}

impl ProgressTable {
    pub(crate) fn new(otherwise: Option<Hear>) -> Self {
        Self {
            otherwise,
            calls: Mutex::default(),
        }
    }

    /// A call is about to be sent whose progress matters.
    pub(crate) fn expect(&self) -> Expected<'_> {
        self.calls().expected += 1;
        Expected { table: self }
    }

    /// A report has come.
    pub(super) fn hear(&self, report: ProgressNotificationParam) {
        let listener = {
            let mut calls = self.calls();
            match calls.heard.get(&report.progress_token) {
                Some(listener) => Some(Arc::clone(listener)),
                None if calls.expected > 0 && calls.early.len() < MOST_EARLY => {
                    calls.early.push(report);
                    return;
                }
                None => None,
            }
        };
        match (listener, &self.otherwise) {
            (Some(listener), otherwise) => listener.hear(report, otherwise.as_ref()),
            (None, Some(hear)) => hear(report.into()),
            (None, None) => {}
        }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Reports may overtake each other on their way here: what is behind is left out.
    fn hear(&self, report: ProgressNotificationParam, otherwise: Option<&Hear>) {
        self.beat.notify_one();
        let Some(hear) = self.hear.as_ref().or(otherwise) else {
            return;
        };
        {
            let mut line = self.line();
            if line.last.is_some_and(|last| report.progress <= last) {
                return;
            }
            line.last = Some(report.progress);
            if line.waiting.len() == MOST_WAITING {
                line.waiting.pop_front();
            }
            line.waiting.push_back(report);
            if line.told {
                return;
            }
            line.told = true;
        }
        while let Some(report) = self.next() {
            hear(report.into());
        }
    }

    fn next(&self) -> Option<ProgressNotificationParam> {
        let mut line = self.line();
        let next = line.waiting.pop_front();
        line.told = next.is_some();
        next
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is about to be sent.
pub(crate) struct Expected<'t> {
    table: &'t ProgressTable,
}

impl<'t> Expected<'t> {
    /// The call is on its way, and reports about it have this token.
    pub(crate) fn listen(
        self,
        token: ProgressToken,
        hear: Option<Hear>,
        beat: Arc<Notify>,
    ) -> Heard<'t> {
        let listener = Arc::new(Listener {
            hear,
            beat,
            line: Mutex::default(),
        });
        let table = self.table;
        let early = {
            let mut calls = table.calls();
            calls.heard.insert(token.clone(), Arc::clone(&listener));
            let is_ours = |report: &mut ProgressNotificationParam| report.progress_token == token;
            calls.early.extract_if(.., is_ours).collect::<Vec<_>>()
        };
        for report in early {
            listener.hear(report, table.otherwise.as_ref());
        }
        Heard { table, token }
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        let mut calls = self.table.calls();
        calls.expected -= 1;
        if calls.expected == 0 {
            calls.early.clear();
        }
    }
}

/// A call whose progress is heard until this is dropped.
pub(crate) struct Heard<'t> {
    table: &'t ProgressTable,
    token: ProgressToken,
}

impl Drop for Heard<'_> {
    fn drop(&mut self) {
        self.table.calls().heard.remove(&self.token);
    }
}

impl fmt::Debug for ProgressTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressTable").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::NumberOrString;

    use super::*;

    fn token(number: i64) -> ProgressToken {
        ProgressToken(NumberOrString::Number(number))
    }

    fn report(call: i64, progress: f64) -> ProgressNotificationParam {
        ProgressNotificationParam::new(token(call), progress)
    }

    /// A listener that writes down what it hears.
    fn listener() -> (Hear, Arc<Mutex<Vec<f64>>>) {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        let hear = move |progress: Progress| hears.lock().unwrap().push(progress.progress);
        (Arc::new(hear), heard)
    }

    #[test]
    fn a_report_that_comes_before_its_call_is_known_is_kept() {
        let table = ProgressTable::new(None);
        let (hear, heard) = listener();
        table.hear(report(1, 0.1));
        let expected = table.expect();
        table.hear(report(1, 0.2));
        table.hear(report(2, 0.5));
        let listening = expected.listen(token(1), Some(hear), Arc::default());
        table.hear(report(1, 0.3));
        drop(listening);
        table.hear(report(1, 0.4));
        assert_eq!(*heard.lock().unwrap(), [0.2, 0.3]);
        // Nothing is left behind.
        let calls = table.calls();
        assert_eq!((calls.expected, calls.early.len()), (0, 0));
        assert!(calls.heard.is_empty());
    }

    #[test]
    fn a_report_that_was_overtaken_is_left_out() {
        let table = ProgressTable::new(None);
        let (hear, heard) = listener();
        let _listening = table.expect().listen(token(1), Some(hear), Arc::default());
        for progress in [1.0, 3.0, 2.0, 3.0, 4.0] {
            table.hear(report(1, progress));
        }
        assert_eq!(*heard.lock().unwrap(), [1.0, 3.0, 4.0]);
    }

    #[test]
    fn what_no_call_hears_goes_to_the_handler_for_all() {
        let (hear, heard) = listener();
        let table = ProgressTable::new(Some(hear));
        table.hear(report(9, 0.5));
        let _listening = table.expect().listen(token(1), None, Arc::default());
        table.hear(report(1, 0.6));
        assert_eq!(*heard.lock().unwrap(), [0.5, 0.6]);
    }

    #[test]
    fn a_flood_of_reports_that_nobody_waits_for_is_not_kept() {
        let table = ProgressTable::new(None);
        let _expected = table.expect();
        for call in 0..10_000 {
            table.hear(report(call, 1.0));
        }
        assert_eq!(table.calls().early.len(), MOST_EARLY);
    }
}
