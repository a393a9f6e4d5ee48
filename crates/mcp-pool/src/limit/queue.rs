//! Who waits for a place, in that order. Knows no locks and nothing of those who wait.

use std::collections::{BTreeMap, HashMap};

/// Those who wait, each by a number of its own.
///
/// Whoever joins, leaves or steps back costs as much as a search in a sorted list does,
/// however many wait.
#[derive(Debug)]
pub(super) struct Queue<T> {
    turns: BTreeMap<u64, Turn<T>>,
    /// The turn of each of them, by its number.
    turn_of: HashMap<u64, u64>,
    next_turn: u64,
    have_none: usize,
}

#[derive(Debug)]
struct Turn<T> {
    number: u64,
    who: T,
    has_none: bool,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            turns: BTreeMap::new(),
            turn_of: HashMap::new(),
            next_turn: 0,
            have_none: 0,
        }
    }
}

impl<T> Queue<T> {
    pub(super) fn len(&self) -> usize {
        self.turns.len()
    }

    /// How many of them have no place at all.
    pub(super) fn have_none(&self) -> usize {
        self.have_none
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        self.turn_of.contains_key(&number)
    }

    /// This one waits from now on, if it does not yet. Has it no place at all?
    pub(super) fn join(&mut self, number: u64, has_none: bool, who: impl FnOnce() -> T) {
        if self.contains(number) {
            self.note(number, has_none);
            return;
        }
        self.append(Turn {
            number,
            who: who(),
            has_none,
        });
    }

    /// This one does not wait any more.
    pub(super) fn leave(&mut self, number: u64) {
        self.take(number);
    }

    /// Takes out who is first.
    pub(super) fn pop(&mut self) -> Option<T> {
        let number = self.turns.first_key_value()?.1.number;
        Some(self.take(number)?.who)
    }

    /// This one is the last from now on, if it waits.
    pub(super) fn step_back(&mut self, number: u64) {
        if let Some(turn) = self.take(number) {
            self.append(turn);
        }
    }

    /// Whether this one has no place at all may have changed.
    pub(super) fn note(&mut self, number: u64, has_none: bool) {
        let turn = self.turn_of.get(&number);
        if let Some(turn) = turn.and_then(|turn| self.turns.get_mut(turn)) {
            self.have_none -= usize::from(turn.has_none);
            self.have_none += usize::from(has_none);
            turn.has_none = has_none;
        }
    }

    fn append(&mut self, turn: Turn<T>) {
        self.have_none += usize::from(turn.has_none);
        self.turn_of.insert(turn.number, self.next_turn);
        self.turns.insert(self.next_turn, turn);
        self.next_turn += 1;
    }

    fn take(&mut self, number: u64) -> Option<Turn<T>> {
        let turn = self.turn_of.remove(&number)?;
        let turn = self.turns.remove(&turn)?;
        self.have_none -= usize::from(turn.has_none);
        Some(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(numbers: &[u64]) -> Queue<u64> {
        let mut queue = Queue::default();
        for &number in numbers {
            queue.join(number, true, || number);
        }
        queue
    }

    #[track_caller]
    fn check(mut queue: Queue<u64>, expected: &[u64]) {
        assert_eq!(queue.len(), expected.len());
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, expected);
        assert_eq!((queue.len(), queue.have_none()), (0, 0));
    }

    #[test]
    fn first_come_first_served() {
        check(queue(&[3, 1, 2]), &[3, 1, 2]);
    }

    #[test]
    fn who_asks_again_keeps_its_turn() {
        check(queue(&[3, 1, 3, 2, 1]), &[3, 1, 2]);
    }

    #[test]
    fn who_leaves_is_forgotten_and_may_come_again() {
        let mut queue = queue(&[3, 1, 2]);
        queue.leave(3);
        queue.leave(7);
        assert!(!queue.contains(3));
        queue.join(3, false, || 3);
        assert!(queue.contains(3));
        check(queue, &[1, 2, 3]);
    }

    #[test]
    fn who_steps_back_is_last() {
        let mut queue = queue(&[3, 1, 2]);
        queue.step_back(3);
        queue.step_back(7);
        check(queue, &[1, 2, 3]);
    }

    #[test]
    fn those_who_have_none_are_counted_whatever_happens_to_them() {
        let mut queue = queue(&[1, 2, 3]);
        assert_eq!(queue.have_none(), 3);
        queue.note(1, false);
        queue.note(1, false);
        assert_eq!(queue.have_none(), 2);
        queue.step_back(2);
        queue.step_back(1);
        assert_eq!(queue.have_none(), 2);
        queue.leave(3);
        assert_eq!(queue.have_none(), 1);
        queue.join(1, true, || 1);
        assert_eq!(queue.have_none(), 2);
        check(queue, &[2, 1]);
    }
}
