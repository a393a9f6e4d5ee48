//! When to look through a list for what has gone: not each time that something is added,
//! which would cost as much as the list is long.

/// Below this it is not worth the trouble.
const LEAST: usize = 16;

/// When a list is to be looked through again: when it is twice as long as it was then.
#[derive(Debug)]
pub(crate) struct Sweep {
    due_at: usize,
}

impl Default for Sweep {
    fn default() -> Self {
        Self { due_at: LEAST }
    }
}

impl Sweep {
    /// Is it due, for a list of this length?
    pub(crate) fn is_due(&self, length: usize) -> bool {
        length >= self.due_at
    }

    /// The list was looked through; so many were left.
    pub(crate) fn done(&mut self, left: usize) {
        self.due_at = left.saturating_mul(2).max(LEAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many were looked at until so many had been added, of which every `keeps`th stays.
    fn looks(adds: usize, keeps: usize) -> (usize, usize) {
        let (mut sweep, mut looks) = (Sweep::default(), 0);
        let mut list = Vec::new();
        let mut longest = 0;
        for number in 0..adds {
            if sweep.is_due(list.len()) {
                looks += list.len();
                list.retain(|one| one % keeps == 0);
                sweep.done(list.len());
            }
            list.push(number);
            longest = longest.max(list.len());
        }
        (looks, longest)
    }

    #[test]
    fn each_of_many_costs_a_few_looks_whether_they_stay_or_not() {
        for keeps in [1, 3, 100_000] {
            let (looks, _) = looks(10_000, keeps);
            assert!(looks <= 40_000, "{looks} where one of {keeps} stays");
        }
    }

    #[test]
    fn what_has_gone_does_not_pile_up() {
        let (_, longest) = looks(10_000, 100_000);
        assert!(longest <= 2 * LEAST, "{longest}");
    }
}
