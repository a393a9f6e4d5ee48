//! How the steps went.

use std::{fmt, time::Duration};

/// How a step went.
#[derive(Debug)]
pub(super) enum Outcome {
    Failed(String),
    Passed,
    /// It could not be run here, for this reason.
    Skipped(String),
}

impl From<Result<(), String>> for Outcome {
    fn from(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(why) => Self::Failed(why),
        }
    }
}

/// A table of the steps: name, result, seconds, and why not.
#[derive(Debug, Default)]
pub(super) struct Summary {
    steps: Vec<(&'static str, Outcome, Duration)>,
}

impl Summary {
    pub(super) fn add(&mut self, name: &'static str, outcome: Outcome, took: Duration) {
        self.steps.push((name, outcome, took));
    }

    /// An error that names the steps that failed.
    pub(super) fn verdict(&self) -> Result<(), String> {
        let failed = self.steps.iter();
        let failed = failed.filter(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_)));
        let failed: Vec<_> = failed.map(|(name, _, _)| *name).collect();
        match &failed[..] {
            [] => Ok(()),
            all => Err(format!("failed: {}", all.join(", "))),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:16}  {:7}  {:>7}", "step", "result", "seconds")?;
        for (name, outcome, took) in &self.steps {
            let (result, why) = match outcome {
                Outcome::Failed(why) => ("FAILED", why.as_str()),
                Outcome::Passed => ("passed", ""),
                Outcome::Skipped(why) => ("skipped", why.as_str()),
            };
            let line = format!("{name:16}  {result:7}  {:7.1}  {why}", took.as_secs_f64());
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(outcomes: impl IntoIterator<Item = (&'static str, Outcome)>) -> Summary {
        let mut summary = Summary::default();
        for (name, outcome) in outcomes {
            summary.add(name, outcome, Duration::from_millis(1_250));
        }
        summary
    }

    #[test]
    fn one_failure_among_many_steps_fails_the_whole() {
        let all = summary([
            ("a", Outcome::Passed),
            ("b", Outcome::from(Err("broken".to_owned()))),
            ("c", Outcome::Skipped("no net".to_owned())),
            ("d", Outcome::from(Err("broken too".to_owned()))),
        ]);
        assert_eq!(all.verdict(), Err("failed: b, d".to_owned()));
    }

    #[test]
    fn what_was_skipped_fails_nothing_and_says_why() {
        let all = summary([
            ("format", Outcome::Passed),
            ("advisories", Outcome::Skipped("no net".to_owned())),
        ]);
        assert_eq!(all.verdict(), Ok(()));
        let table = "step              result   seconds\n\
                     format            passed       1.2\n\
                     advisories        skipped      1.2  no net\n";
        assert_eq!(all.to_string(), table);
    }
}
