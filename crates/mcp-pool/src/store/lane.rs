//! A stack that mostly holds one thing or nothing, and lies where its owner does then.

/// What was pushed last comes first.
pub(super) struct Lane<T> {
    /// On top of the others, if it is there.
    top: Option<T>,
    others: Vec<T>,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self {
            top: None,
            others: Vec::new(),
        }
    }
}

impl<T> Lane<T> {
    pub(super) fn push(&mut self, one: T) {
        if let Some(under) = self.top.replace(one) {
            self.others.push(under);
        }
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        self.top.take().or_else(|| self.others.pop())
    }

    pub(super) fn len(&self) -> usize {
        self.others.len() + usize::from(self.top.is_some())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.others.iter().chain(&self.top)
    }

    /// Takes those out that `pick` picks.
    pub(super) fn extract(&mut self, mut pick: impl FnMut(&T) -> bool) -> Vec<T> {
        let mut picked: Vec<_> = self.others.extract_if(.., |one| pick(one)).collect();
        picked.extend(self.top.take_if(|one| pick(one)));
        picked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_last_comes_first_however_it_was_left() {
        let mut lane = Lane::default();
        let mut model = Vec::new();
        for number in 0..1000 {
            if number * number % 7 > 2 {
                assert_eq!(lane.pop(), model.pop());
            } else {
                lane.push(number);
                model.push(number);
            }
            if number % 11 == 0 {
                let odd = |one: &i32| one % 2 == 1;
                let picked: Vec<_> = model.extract_if(.., |one| odd(one)).collect();
                assert_eq!(lane.extract(odd), picked);
            }
            assert_eq!(lane.len(), model.len());
            assert!(lane.iter().eq(&model));
        }
        assert!(lane.len() > 10);
    }
}
