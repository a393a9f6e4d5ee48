//! The breaker's own time: it follows a clock, but begins at 0 and never goes backwards.

/// A moment that never comes.
pub(crate) const NEVER: u64 = u64::MAX;

/// The last moment and the last reading that there are.
pub(crate) const LAST: u64 = NEVER - 1;

/// The most that the clock goes on by between two looks at it: a year, after which
/// every wait that makes sense is over.
const LONGEST_STEP: u64 = 365 * 24 * 60 * 60 * 1_000_000_000;

/// So much later than this moment.
pub(crate) fn later(moment: u64, by: u64) -> u64 {
    moment.saturating_add(by).min(LAST)
}

/// Makes readings of a clock, in nanoseconds, into moments that never decrease.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    /// The latest reading.
    latest: u64,
    /// Its moment.
    now: u64,
}

impl Timeline {
    /// Begins with this reading at moment 0.
    pub(crate) fn new(reading: u64) -> Self {
        Self {
            latest: reading,
            now: 0,
        }
    }

    /// The latest reading.
    pub(crate) fn latest(&self) -> u64 {
        self.latest
    }

    /// The moment of this reading. One that is older than the latest, because another
    /// thread was quicker, counts as the latest.
    pub(crate) fn at(&mut self, reading: u64) -> u64 {
        let step = match reading {
            // The clock cannot go on. No wait may last for ever because of that.
            LAST.. => LONGEST_STEP,
            _ => reading.saturating_sub(self.latest).min(LONGEST_STEP),
        };
        self.now = later(self.now, step);
        self.latest = self.latest.max(reading);
        self.now
    }

    /// The clock itself has gone back to this reading. For the breaker no time has passed.
    pub(crate) fn turned_back(&mut self, reading: u64) {
        self.latest = self.latest.min(reading);
    }

    /// What the clock will show at this moment.
    pub(crate) fn reading(&self, moment: u64) -> u64 {
        match moment {
            NEVER => NEVER,
            _ if moment < self.now => self.latest.saturating_sub(self.now - moment),
            _ => later(self.latest, moment - self.now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_on_is_followed() {
        let mut time = Timeline::new(5);
        assert_eq!(time.at(7), 2);
        assert_eq!(time.reading(5), 10);
        assert_eq!(time.reading(1), 6);
        assert_eq!(time.at(1_005), 1_000);
    }

    #[test]
    fn a_reading_that_comes_late_is_the_latest() {
        let mut time = Timeline::new(0);
        assert_eq!(time.at(9), 9);
        assert_eq!(time.at(8), 9);
        assert_eq!(time.at(10), 10);
    }

    #[test]
    fn a_clock_that_is_turned_back_goes_on_from_where_it_was() {
        let mut time = Timeline::new(0);
        assert_eq!(time.at(100), 100);
        time.turned_back(40);
        assert_eq!(time.at(40), 100);
        assert_eq!(time.at(45), 105);
        assert_eq!(time.reading(110), 50);
        time.turned_back(60); // which it is not
        assert_eq!(time.at(60), 120);
    }

    #[test]
    fn a_clock_that_shows_the_end_of_time_once_is_followed_afterwards() {
        for end in [LAST - 1, LAST] {
            let mut time = Timeline::new(0);
            let far = time.at(end);
            time.turned_back(10);
            assert_eq!(time.at(10), far);
            assert_eq!(time.at(25), far + 15, "it has not come to its own end");
        }
    }

    #[test]
    fn a_clock_at_its_end_lets_every_wait_end() {
        let mut time = Timeline::new(LAST - 3);
        assert_eq!(time.at(LAST - 1), 2);
        let until = later(2, 1_000_000);
        assert_eq!(time.reading(until), LAST);
        assert!(time.at(LAST) >= until);
    }

    #[test]
    fn never_stays_never() {
        let mut time = Timeline::new(9);
        time.turned_back(0);
        assert_eq!(time.reading(NEVER), NEVER);
        assert_eq!(later(5, NEVER), LAST);
    }
}
