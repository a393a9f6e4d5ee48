//! A measured table: rows of cells, which every way of reporting reads.

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeMap as _};

use crate::{
    plot::Plot,
    sample::{Ratio, Samples, Summary},
    words,
};

/// One table of the report, with what is to be known about it.
#[derive(Debug)]
pub(crate) struct Section {
    /// The name in JSON, in file names and for `--only`.
    pub(crate) id: String,
    pub(crate) title: String,
    /// What was measured, and how. One sentence a line.
    pub(crate) about: Vec<String>,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
    /// What came out that the figures alone do not say.
    pub(crate) remarks: Vec<String>,
    pub(crate) plots: Vec<Plot>,
}

impl Section {
    pub(crate) fn new(id: impl Into<String>, title: impl Into<String>, columns: &[Column]) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            about: Vec::new(),
            columns: columns.to_vec(),
            rows: Vec::new(),
            remarks: Vec::new(),
            plots: Vec::new(),
        }
    }

    pub(crate) fn about(mut self, lines: &[&str]) -> Self {
        self.about = lines.iter().map(|line| (*line).to_owned()).collect();
        self
    }

    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.columns.len(), "{}", self.id);
        self.rows.push(cells);
    }
}

impl Section {
    /// Does this column hold words, which stand to the left?
    pub(crate) fn is_words(&self, column: usize) -> bool {
        self.rows.iter().all(|row| row[column].is_word())
    }

    /// Where the pool is not ahead, in words: judged by what is certain of a ratio.
    pub(crate) fn behind(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for row in &self.rows {
            for (column, cell) in self.columns.iter().zip(row) {
                let Cell::Ratio(ratio) = cell else { continue };
                let is_slower = if column.multiple {
                    ratio.low > 1.0
                } else {
                    column.judged && ratio.high < 1.0
                };
                if is_slower || (column.judged && ratio.low <= 1.0) {
                    let (title, row) = (&self.title, key(row));
                    let clear = if is_slower { "slower" } else { "no clear gain" };
                    let ratio = words::cell(cell);
                    lines.push(format!(
                        "{title}, {row}: {clear}, {} {ratio}.",
                        column.title
                    ));
                }
            }
        }
        lines
    }
}

impl Section {
    /// The ratios that are compared run by run, each with its place in the report.
    pub(crate) fn ratios(&self) -> Vec<(String, Ratio, Better)> {
        let mut ratios = Vec::new();
        for row in &self.rows {
            for (column, cell) in self.columns.iter().zip(row) {
                if let (Some(better), Cell::Ratio(ratio)) = (column.compared, cell) {
                    let place = format!("{}: {}: {}", self.id, key(row), column.key);
                    ratios.push((place, *ratio, better));
                }
            }
        }
        ratios
    }
}

/// What tells a row from the others.
fn key(row: &[Cell]) -> String {
    let cells = row.iter().take_while(|cell| cell.is_key());
    let words: Vec<_> = cells.map(words::cell).collect();
    words.join(", ")
}

/// A column: its name in JSON, and its heading.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) key: Cow<'static, str>,
    pub(crate) title: Cow<'static, str>,
    /// Is it a ratio that is compared run by run, and what of it is better?
    pub(crate) compared: Option<Better>,
    /// Does more than one of it mean that the pool is ahead?
    pub(crate) judged: bool,
    /// Is it how many times as long the pool takes?
    pub(crate) multiple: bool,
}

/// Which of two ratios is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Less,
    More,
}

pub(crate) fn column(
    key: impl Into<Cow<'static, str>>,
    title: impl Into<Cow<'static, str>>,
) -> Column {
    Column {
        key: key.into(),
        title: title.into(),
        compared: None,
        judged: false,
        multiple: false,
    }
}

impl Column {
    /// A ratio of which more is better, run by run.
    pub(crate) fn compared(mut self) -> Self {
        self.compared = Some(Better::More);
        self
    }

    /// A ratio of which less is better, run by run.
    pub(crate) fn less(mut self) -> Self {
        self.compared = Some(Better::Less);
        self
    }

    /// How many times as long the pool takes; where that is certainly more than one, the
    /// report says so.
    pub(crate) fn multiple(mut self) -> Self {
        self.multiple = true;
        self.less()
    }

    pub(crate) fn judged(mut self) -> Self {
        self.judged = true;
        self.compared()
    }
}

/// What stands in a table.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Cell {
    /// Bytes before and after, or at one moment.
    Bytes(Vec<u64>),
    Count(u64),
    /// Counts before and after.
    Counts(Vec<u64>),
    /// Not measured, and why.
    Missing(String),
    /// So many in a second.
    Rate(f64),
    Ratio(Ratio),
    /// The least and the most of several counts.
    Span(u64, u64),
    Times(Box<Summary>),
    /// A figure of others, which was not measured here.
    Told(String),
    Word(String),
}

impl Cell {
    pub(crate) fn word(word: impl Into<String>) -> Self {
        Self::Word(word.into())
    }

    pub(crate) fn count(count: usize) -> Self {
        Self::Count(count as u64)
    }

    /// The samples' middle and tail.
    pub(crate) fn times(samples: &Samples) -> Self {
        match samples.summary() {
            Some(summary) => Self::Times(Box::new(summary)),
            None => Self::Missing("not measured".to_owned()),
        }
    }

    /// How many times slower `slow` is than `fast`.
    pub(crate) fn ratio(slow: &Samples, fast: &Samples) -> Self {
        match (slow.summary(), fast.summary()) {
            (Some(slow), Some(fast)) => Self::Ratio(slow.times(&fast)),
            _ => Self::Missing("not measured".to_owned()),
        }
    }

    /// Does it tell one row from another?
    pub(crate) fn is_key(&self) -> bool {
        matches!(self, Self::Word(_) | Self::Count(_))
    }

    /// Words stand to the left, figures to the right.
    pub(crate) fn is_word(&self) -> bool {
        matches!(self, Self::Word(_))
    }
}

impl Serialize for Section {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// A row as an object of its columns.
        struct Named<'s>(&'s [Column], &'s [Cell]);

        impl Serialize for Named<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("key", &key(self.1))?;
                for (column, cell) in self.0.iter().zip(self.1) {
                    map.serialize_entry(&column.key, cell)?;
                }
                map.end()
            }
        }

        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| Named(&self.columns, row))
            .collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("title", &self.title)?;
        map.serialize_entry("about", &self.about)?;
        map.serialize_entry("rows", &rows)?;
        map.serialize_entry("remarks", &self.remarks)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(column: Column, ratio: [f64; 3], expected: Option<&str>) {
        let mut section = Section::new("id", "Calls", &[super::column("how", "how"), column]);
        section.row(vec![Cell::word("alone"), Cell::Ratio(Ratio::of(ratio))]);
        assert_eq!(section.behind().first().map(String::as_str), expected);
    }

    #[test]
    fn the_report_says_where_the_pool_is_not_ahead() {
        let gain = || column("gain", "gain").judged();
        check(gain(), [1.1, 1.2, 1.3], None);
        let unclear = "Calls, alone: no clear gain, gain 1.20x (0.90–1.30).";
        check(gain(), [0.9, 1.2, 1.3], Some(unclear));
        let slower = "Calls, alone: slower, gain 0.80x (0.70–0.90).";
        check(gain(), [0.7, 0.8, 0.9], Some(slower));
        // How many times as long the pool takes: less is better.
        let multiple = || column("over", "over").multiple();
        check(multiple(), [0.7, 0.8, 0.9], None);
        check(multiple(), [0.9, 1.2, 1.3], None);
        let slower = "Calls, alone: slower, over 1.20x (1.10–1.30).";
        check(multiple(), [1.1, 1.2, 1.3], Some(slower));
        check(column("other", "other"), [0.1, 0.2, 0.3], None);
    }
}
