//! Several ways of doing the same, by turns, so that whatever else the machine does hits
//! all alike.

use std::{pin::Pin, time::Duration};

use mcp_domain::Error;
use tokio::time::Instant;

use crate::{progress::Paced, sample::Samples};

/// How long it took this time.
pub(crate) type Took<'t> = Pin<Box<dyn Future<Output = Result<Duration, Error>> + 't>>;

/// How long a piece of work takes, from when it is first looked at.
pub(crate) fn timed<'t>(work: impl Future<Output = Result<(), Error>> + 't) -> Took<'t> {
    Box::pin(async move {
        let start = Instant::now();
        work.await?;
        Ok(start.elapsed())
    })
}

/// Measures each way once in every turn, after some turns that do not count.
///
/// # Errors
///
/// The first failure, which ends it: what did not do its work is no sample.
pub(crate) async fn by_turns<'t, const N: usize>(
    warm_up: usize,
    row: impl FnOnce() -> Paced,
    ways: [&dyn Fn() -> Took<'t>; N],
) -> Result<[Samples; N], Error> {
    for _ in 0..warm_up {
        for way in ways {
            way().await?;
        }
    }
    let mut samples = std::array::from_fn(|_| Samples::default());
    let mut row = row();
    while row.goes_on() {
        for (way, samples) in ways.iter().zip(&mut samples) {
            samples.push(way().await?);
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::{
        progress::{Pace, Progress},
        work::wrong,
    };

    fn three() -> Paced {
        let pace = Pace {
            least: 3,
            most: 3,
            time: Duration::ZERO,
        };
        Progress::new().pace("test", pace)
    }

    #[tokio::test]
    async fn ways_take_turns_and_what_warms_up_is_no_sample() {
        let calls = RefCell::new(String::new());
        // The first call takes a second, the second one two.
        let call = |name: char| -> Took<'_> {
            calls.borrow_mut().push(name);
            let took = Duration::from_secs(calls.borrow().len() as u64);
            Box::pin(async move { Ok(took) })
        };
        let [one, other] = by_turns(2, three, [&|| call('a'), &|| call('b')])
            .await
            .unwrap();
        assert_eq!(*calls.borrow(), "ababababab");
        assert_eq!((one.len(), other.len()), (3, 3));
        assert_eq!(one.total(), Duration::from_secs(5 + 7 + 9));
        assert_eq!(other.total(), Duration::from_secs(6 + 8 + 10));
    }

    #[tokio::test]
    async fn what_fails_ends_it() {
        let fine = || timed(async { Ok(()) });
        let fails = || timed(async { Err(wrong("a call")) });
        let failed = by_turns(0, three, [&fine, &fails]).await.unwrap_err();
        assert!(failed.to_string().contains("`a call`"), "{failed}");
    }
}
