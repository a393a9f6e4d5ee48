//! What one call may cost.

use std::time::Duration;

/// What one call may cost. Every value is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most rows in one answer. Default: 1,000.
    pub rows: usize,
    /// The most bytes of values in one answer, and in one value. Default: 1 MiB.
    ///
    /// A row that does not fit any more is for the next page; one that is longer by
    /// itself, by more than 256 KiB, is an error.
    pub bytes: usize,
    /// How long one statement may run. Default: 10 s.
    pub time: Duration,
    /// How many statements may run at the same time. Default: 4.
    pub statements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 1000,
            bytes: 1024 * 1024,
            time: Duration::from_secs(10),
            statements: 4,
        }
    }
}

/// What a row may have beside one value that is as long as values may be.
const BESIDE: usize = 256 * 1024;

impl Limits {
    /// The most bytes that one row may have.
    pub(crate) fn row(&self) -> usize {
        self.bytes.saturating_add(BESIDE)
    }
}

/// What an answer has room for.
#[derive(Debug)]
pub(crate) struct Room {
    rows: usize,
    bytes: usize,
    empty: bool,
}

impl Room {
    pub(crate) fn new(rows: usize, bytes: usize) -> Self {
        Self {
            rows,
            bytes,
            empty: true,
        }
    }

    /// Takes the room for one more row, if there is any. The first one always gets it,
    /// so that each page leads on; after one that did not, none does.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let fits = self.rows > 0 && (self.empty || bytes <= self.bytes);
        self.rows = if fits { self.rows - 1 } else { 0 };
        self.bytes = self.bytes.saturating_sub(bytes);
        self.empty = false;
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_with_the_last_row_that_fits() {
        let mut room = Room::new(10, 100);
        assert!(room.take(60) && room.take(40));
        assert!(!room.take(1));
        let mut room = Room::new(10, 100);
        assert!(room.take(60) && !room.take(41));
        assert!(!room.take(1), "a later row came before an earlier one");
        let mut room = Room::new(2, 100);
        assert!(room.take(1) && room.take(1) && !room.take(1));
    }

    #[test]
    fn the_first_row_leads_on_however_long_it_is() {
        let mut room = Room::new(10, 100);
        assert!(room.take(1000) && !room.take(1));
        assert!(!Room::new(0, 100).take(1));
    }
}
