//! Tells a regression from noise: this run beside earlier ones of the same machine.
//!
//! Two runs differ by the machine's mood, which moves all times together. A ratio
//! within one run moves with it much less: a regression is a ratio whose interval has
//! moved clear of all the earlier ones'. How far runs of one build differ, only several
//! of them tell.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use mcp_domain::{Error, ErrorKind};
use serde_json::Value;

use crate::{
    machine::Machine,
    report::SCHEMA,
    sample::Ratio,
    section::{Better, Cell, Section, column},
};

/// A change below this is not worth a word, however certain.
const SMALL: f64 = 0.05;

/// The ratios of earlier runs, by where they stand: each with an interval that has those
/// of all runs in it.
#[derive(Debug, Default)]
pub(crate) struct Base {
    ratios: BTreeMap<String, Ratio>,
    runs: usize,
    /// What is to be known about them.
    remarks: Vec<String>,
}

impl Base {
    /// Reads what `--json` wrote, run by run. Without any file there is no base.
    pub(crate) fn read(files: &[PathBuf], here: &Machine) -> Result<Option<Self>, Error> {
        let mut base = Self::default();
        for file in files {
            base.add(file, here)?;
        }
        Ok((base.runs > 0).then_some(base))
    }

    /// One run more.
    fn add(&mut self, file: &Path, here: &Machine) -> Result<(), Error> {
        let cannot = |error: std::io::Error| {
            let message = format!(
                "cannot read `{}`, which `--json` should have written",
                file.display()
            );
            Error::new(ErrorKind::InvalidInput, message).with_source(error)
        };
        let text = fs::read_to_string(file).map_err(cannot)?;
        let report: Value = serde_json::from_str(&text).map_err(|error| cannot(error.into()))?;
        if report["schema"] != SCHEMA {
            let message = format!(
                "`{}` is no report that `--json` of this version has written: its `schema` is {}, not {SCHEMA}",
                file.display(),
                report["schema"]
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        if let Some(other) = here.other(&report["machine"]) {
            self.remarks.push(format!(
                "`{}` was measured on another machine ({other}): what differs from it may be the machine's doing.",
                file.display()
            ));
        }
        self.runs += 1;
        for section in report["sections"].as_array().into_iter().flatten() {
            let id = section["id"].as_str().unwrap_or_default();
            for row in section["rows"].as_array().into_iter().flatten() {
                let key = row["key"].as_str().unwrap_or_default();
                for (column, cell) in row.as_object().into_iter().flatten() {
                    if let Ok(ratio) = serde_json::from_value(cell.clone()) {
                        let place = format!("{id}: {key}: {column}");
                        let known = self.ratios.entry(place).or_insert(ratio);
                        *known = both(known, &ratio);
                    }
                }
            }
        }
        Ok(())
    }

    /// What has changed since, beyond noise.
    pub(crate) fn compare(&self, sections: &[Section]) -> Section {
        let columns = [
            column("where", "where"),
            column("before", "before"),
            column("now", "now"),
            column("verdict", "verdict"),
        ];
        let mut table = Section::new("compare", "Beside earlier runs", &columns).about(&[
            "Ratios within one run, which the machine's mood moves much less than times.",
            "*before*: the interval that has those of all earlier runs in it, and its middle.",
            "*better* and *worse*: the intervals do not touch, and the figures are 5 % apart or more; less is better of what the pool takes beside the bare SDK or an echo, more of all else. The rest is noise, and so is what fewer than 5 samples tell.",
        ]);
        let (mut compared, mut noise) = (0, 0);
        for section in sections {
            for (place, now, better) in section.ratios() {
                let Some(before) = self.ratios.get(&place) else {
                    continue;
                };
                compared += 1;
                let Some(verdict) = verdict(before, &now, better) else {
                    noise += 1;
                    continue;
                };
                table.row(vec![
                    Cell::Word(place),
                    Cell::Ratio(*before),
                    Cell::Ratio(now),
                    Cell::word(verdict),
                ]);
            }
        }
        let line =
            format!("{compared} ratios compared; {noise} of them did not change beyond noise.");
        table.remarks.push(line);
        if compared == 0 {
            let line = "Nothing was compared: no ratio of this run is in what was written earlier.";
            table.remarks.push(line.to_owned());
        }
        table.remarks.extend(self.remarks.iter().cloned());
        if self.runs == 1 {
            let line = "One earlier run does not tell how far runs of the same build differ: name several, for fewer false alarms.";
            table.remarks.push(line.to_owned());
        }
        table
    }
}

/// An interval that has two others in it, and its middle.
fn both(one: &Ratio, other: &Ratio) -> Ratio {
    if one == other {
        return *one;
    }
    let (low, high) = (one.low.min(other.low), one.high.max(other.high));
    // Of ratios: as many times above the least as below the greatest.
    let value = (low * high).sqrt();
    Ratio {
        value,
        low,
        high,
        n: one.n.min(other.n),
        few: one.few || other.few,
    }
}

fn verdict(before: &Ratio, now: &Ratio, better: Better) -> Option<&'static str> {
    let change = now.value / before.value - 1.0;
    if change.abs() < SMALL || before.few || now.few {
        return None;
    }
    let has_moved = if now.low > before.high {
        Better::More
    } else if now.high < before.low {
        Better::Less
    } else {
        return None;
    };
    Some(if has_moved == better {
        "better"
    } else {
        "worse"
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::Report;

    #[track_caller]
    fn check(before: [f64; 3], now: [f64; 3], expected: Option<&str>) {
        let verdict = |better| verdict(&Ratio::of(before), &Ratio::of(now), better);
        assert_eq!(verdict(Better::More), expected);
        // Where less is better, the same change is the opposite.
        let opposite = expected.map(|word| match word {
            "better" => "worse",
            _ => "better",
        });
        assert_eq!(verdict(Better::Less), opposite);
    }

    #[test]
    fn only_a_clear_change_is_one() {
        check([9.0, 10.0, 11.0], [7.0, 8.0, 8.9], Some("worse"));
        check([9.0, 10.0, 11.0], [11.1, 12.0, 13.0], Some("better"));
        // They may be the same.
        check([9.0, 10.0, 11.0], [7.0, 8.0, 9.1], None);
        // A sample or two may lie anywhere.
        let [many, less] = [10.0, 5.0].map(|value| Ratio::of([value; 3]));
        let few = |ratio| Ratio { few: true, ..ratio };
        let verdict = |before, now| verdict(&before, &now, Better::More);
        assert_eq!(verdict(many, less), Some("worse"));
        assert_eq!(verdict(few(many), less), None);
        assert_eq!(verdict(many, few(less)), None);
        // Certain, and too small to matter.
        check([9.99, 10.0, 10.01], [9.6, 9.7, 9.8], None);
    }

    fn section(value: f64) -> Section {
        let columns = [
            column("what", "what"),
            column("gain", "gain").judged(),
            column("over", "over").multiple(),
        ];
        let mut section = Section::new("parts", "Parts", &columns);
        let ratio = |value: f64| Cell::Ratio(Ratio::of([value * 0.99, value, value * 1.01]));
        section.row(vec![Cell::word("one"), ratio(value), ratio(1.0 / value)]);
        section
    }

    /// As a run on this machine writes it.
    fn report(section: Section) -> Value {
        let report = Report::new(Machine::this(), false, Duration::ZERO, vec![section]);
        serde_json::to_value(report).unwrap()
    }

    #[test]
    fn what_was_measured_elsewhere_is_told_apart() {
        let read = |report: &Value| {
            let file = tempfile::NamedTempFile::new().unwrap();
            fs::write(file.path(), report.to_string()).unwrap();
            Base::read(&[file.path().to_owned()], &Machine::this())
        };
        let mut elsewhere = report(section(10.0));
        let remarks = |report: &Value| read(report).unwrap().unwrap().compare(&[]).remarks;
        let tells =
            |remarks: &[String]| remarks.iter().any(|line| line.contains("another machine"));
        assert!(!tells(&remarks(&elsewhere)));
        assert!(remarks(&elsewhere)[1].starts_with("Nothing was compared"));
        elsewhere["machine"]["cpu"] = "Another".into();
        assert!(tells(&remarks(&elsewhere)));
        elsewhere["schema"] = (SCHEMA + 1).into();
        for no_report in [elsewhere, serde_json::json!({})] {
            let refused = read(&no_report).unwrap_err();
            assert!(refused.to_string().contains("`schema`"), "{refused}");
        }
    }

    #[test]
    fn what_was_written_is_found_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let report = report(section(10.0));
        fs::write(file.path(), report.to_string()).unwrap();
        let base = Base::read(&[file.path().to_owned()], &Machine::this())
            .unwrap()
            .unwrap();
        let same = base.compare(&[section(10.0)]);
        assert!(same.rows.is_empty());
        assert!(
            same.remarks[0].starts_with("2 ratios compared; 2 "),
            "{same:?}"
        );
        let worse = base.compare(&[section(5.0)]);
        // Half the gain, and twice what the pool takes beside another.
        for (row, column) in worse.rows.iter().zip(["gain", "over"]) {
            let words: Vec<_> = row.iter().map(crate::words::cell).collect();
            assert_eq!(words[0], format!("parts: one: {column}"));
            assert_eq!(words[3], "worse");
        }
        assert_eq!(worse.rows.len(), 2);
        assert!(Base::read(&[], &Machine::this()).unwrap().is_none());
    }

    #[test]
    fn what_differs_as_far_between_earlier_runs_is_noise() {
        let files = [10.0, 14.0].map(|value| {
            let file = tempfile::NamedTempFile::new().unwrap();
            let report = report(section(value));
            fs::write(file.path(), report.to_string()).unwrap();
            file
        });
        let verdict = |runs: &[usize], now: f64| {
            let paths: Vec<_> = runs.iter().map(|run| files[*run].path().into()).collect();
            let base = Base::read(&paths, &Machine::this()).unwrap().unwrap();
            let table = base.compare(&[section(now)]);
            table.rows.first().map(|row| crate::words::cell(&row[3]))
        };
        // Beside either of them alone it would be a change.
        assert_eq!(verdict(&[0], 12.0).as_deref(), Some("better"));
        assert_eq!(verdict(&[1], 12.0).as_deref(), Some("worse"));
        assert_eq!(verdict(&[0, 1], 12.0), None);
        assert_eq!(verdict(&[0, 1], 7.0).as_deref(), Some("worse"));
    }
}
