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

/// Measures each way once in every turn, after some turns that do not count: fewer of
/// them, but one, where they take longer than what is measured may.
///
/// # Errors
///
/// The first failure, which ends it: what did not do its work is no sample.
pub(crate) async fn by_turns<'t, const N: usize>(
    warm_up: usize,
    mut row: Paced,
    ways: [&dyn Fn() -> Took<'t>; N],
) -> Result<[Samples; N], Error> {
    let start = Instant::now();
    for turn in 0..warm_up {
        if turn > 0 && start.elapsed() >= row.time() {
            break;
        }
        for way in ways {
            way().await?;
        }
    }
    let mut samples = std::array::from_fn(|_| Samples::default());
    while row.goes_on() {
        for (way, samples) in ways.iter().zip(&mut samples) {
            samples.push(way().await?);
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::{
        progress::{Pace, Progress},
        work::wrong,
    };

    fn three(time: Duration) -> Paced {
        let pace = Pace {
            least: 3,
            most: 3,
            time,
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
        let row = three(Duration::MAX);
        let [one, other] = by_turns(2, row, [&|| call('a'), &|| call('b')])
            .await
            .unwrap();
        assert_eq!(*calls.borrow(), "ababababab");
        assert_eq!((one.len(), other.len()), (3, 3));
        assert_eq!(one.total(), Duration::from_secs(5 + 7 + 9));
        assert_eq!(other.total(), Duration::from_secs(6 + 8 + 10));
    }

    #[tokio::test]
    async fn the_warm_up_takes_no_longer_than_what_is_measured_but_there_is_one() {
        let turns = async |time| {
            let turns = Cell::new(0);
            let turn = || {
                turns.set(turns.get() + 1);
                timed(async { Ok(()) })
            };
            by_turns(5, three(time), [&turn]).await.unwrap();
            turns.get()
        };
        // Three of the turns are samples.
        assert_eq!(turns(Duration::MAX).await, 5 + 3);
        assert_eq!(turns(Duration::ZERO).await, 1 + 3);
    }

    #[tokio::test]
    async fn what_fails_ends_it() {
        let fine = || timed(async { Ok(()) });
        let fails = || timed(async { Err(wrong("a call")) });
        let failed = by_turns(0, three(Duration::ZERO), [&fine, &fails]);
        let failed = failed.await.unwrap_err();
        assert!(failed.to_string().contains("`a call`"), "{failed}");
    }
}
