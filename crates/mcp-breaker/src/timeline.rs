//! The breaker's own time: that of a clock, but one that never goes backwards.

/// A moment that never comes.
pub(crate) const NEVER: u64 = u64::MAX;

/// Makes readings of a clock, in nanoseconds, into moments that never decrease.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    /// The latest reading.
    latest: u64,
    /// By how much the breaker's time is ahead of the clock.
    ahead: u64,
}

impl Timeline {
    pub(crate) fn new(reading: u64) -> Self {
        Self {
            latest: reading,
            ahead: 0,
        }
    }

    /// The latest reading.
    pub(crate) fn latest(&self) -> u64 {
        self.latest
    }

    /// The moment of this reading. One that is older than the latest, because another
    /// thread was quicker, counts as the latest.
    pub(crate) fn at(&mut self, reading: u64) -> u64 {
        self.latest = self.latest.max(reading);
        self.latest.saturating_add(self.ahead)
    }

    /// The clock itself has gone back to this reading. For the breaker no time has passed.
    pub(crate) fn turned_back(&mut self, reading: u64) {
        let back = self.latest.saturating_sub(reading);
        self.ahead = self.ahead.saturating_add(back);
        self.latest -= back;
    }

    /// What the clock will show at this moment.
    pub(crate) fn reading(&self, moment: u64) -> u64 {
        match moment {
            NEVER => NEVER,
            moment => moment.saturating_sub(self.ahead),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_on_is_followed() {
        let mut time = Timeline::new(5);
        assert_eq!(time.at(7), 7);
        assert_eq!(time.reading(10), 10);
        assert_eq!(time.at(1_000), 1_000);
    }

    #[test]
    fn a_reading_that_comes_late_is_the_latest() {
        let mut time = Timeline::new(5);
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
    fn never_stays_never() {
        let mut time = Timeline::new(9);
        time.turned_back(0);
        assert_eq!(time.reading(NEVER), NEVER);
        assert_eq!(time.at(NEVER), NEVER);
    }
}
