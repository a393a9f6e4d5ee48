//! Where to go on after an answer that was cut.
//!
//! A cursor holds all that is needed: nothing is kept between calls, so that it
//! works over another connection, and with another process of this server.
//! What is asked again is run again; the rows that were told are skipped.

use mcp_domain::{Error, ErrorKind};
use serde::Serialize;

/// A place in the answer to one particular question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    question: u64,
    /// How many rows were told before.
    pub(crate) skip: usize,
}

impl Cursor {
    /// The place that `cursor` names, or the beginning.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is no cursor of ours, or one of another question.
    pub(crate) fn read(cursor: Option<&str>, question: &impl Serialize) -> Result<Self, Error> {
        let question = fingerprint(question);
        let Some(cursor) = cursor else {
            return Ok(Self { question, skip: 0 });
        };
        let parts = cursor.split_once('-').and_then(|(question, skip)| {
            let question = u64::from_str_radix(question, 16).ok()?;
            let skip = skip.parse().ok()?;
            Some(Self { question, skip })
        });
        match parts {
            Some(place) if place.question == question => Ok(place),
            Some(_) => {
                let message = format!(
                    "the cursor `{cursor}` belongs to another question: repeat the very \
                     arguments that it came from"
                );
                Err(Error::new(ErrorKind::InvalidInput, message))
            }
            None => {
                let message = format!("`{cursor}` is not a cursor of this server");
                Err(Error::new(ErrorKind::InvalidInput, message))
            }
        }
    }

    /// The place behind `told` more rows.
    pub(crate) fn after(self, told: usize) -> String {
        let skip = self.skip.saturating_add(told);
        format!("{:016x}-{skip}", self.question)
    }
}

/// Tells questions apart (FNV-1a): the same in every process, and no secret.
fn fingerprint(question: &impl Serialize) -> u64 {
    let text = serde_json::to_vec(question).unwrap_or_default();
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leads_on_from_where_it_was_made() {
        let first = Cursor::read(None, &("SELECT 1", [1])).unwrap();
        assert_eq!(first.skip, 0);
        let second = Cursor::read(Some(&first.after(50)), &("SELECT 1", [1])).unwrap();
        assert_eq!(second.skip, 50);
        let third = Cursor::read(Some(&second.after(50)), &("SELECT 1", [1])).unwrap();
        assert_eq!(third.skip, 100);
    }

    #[test]
    fn is_good_for_its_own_question_only() {
        let cursor = Cursor::read(None, &("SELECT 1", [1])).unwrap().after(50);
        let other = Cursor::read(Some(&cursor), &("SELECT 1", [2])).unwrap_err();
        assert!(other.to_string().contains("another question"), "{other}");
        for nonsense in [
            "",
            "x",
            "-",
            "1-",
            "-1",
            "zz-1",
            "1--1",
            "1-99999999999999999999",
        ] {
            let error = Cursor::read(Some(nonsense), &()).unwrap_err();
            assert!(error.to_string().contains("not a cursor"), "{error}");
        }
    }

    #[test]
    fn no_skip_overflows() {
        let cursor = Cursor::read(None, &()).unwrap().after(usize::MAX);
        let cursor = Cursor::read(Some(&cursor), &()).unwrap();
        assert_eq!(cursor.skip, usize::MAX);
        cursor.after(1);
    }
}
