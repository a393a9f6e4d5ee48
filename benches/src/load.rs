//! Latency under load: calls that arrive when they arrive, whether or not the earlier
//! ones are done.
//!
//! A caller who waits for the answer before asking again asks less when the server is
//! slow, and so leaves out the worst (*coordinated omission*). Here every call has a
//! time at which it is due, and its latency counts from then.

use std::{pin::Pin, sync::Arc, time::Duration};

use mcp_domain::Error;
use mcp_plugin_db::{Access, DatabasePlugin};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc},
    time::Instant,
};

use crate::{
    bench::Bench,
    connection::CLOSE,
    crowd::at_once,
    plot::{Axis, Lines, Plot, Scale, Series, Tone, Unit},
    sample::Samples,
    section::{Cell, Section, column},
    servers::Transport,
    work::{Work, wrong},
};

/// The rates, in percent of what the pool could do.
const RATES: [u32; 6] = [2, 10, 25, 50, 75, 90];

/// Those of whoever is in a hurry.
const FEW_RATES: [u32; 3] = [2, 25, 90];

/// So many calls are under way at most; the others wait, which counts as latency.
const UNDER_WAY: usize = 64;

/// So many calls are due at each rate, on average, at the least.
const FEWEST: f64 = 10.0;

/// Whoever has this many calls waiting does not keep up, and is not given more.
const HOPELESS: usize = 1000;

/// The same where calls are due for a tenth of the time; the 64 under way count, too.
const HOPELESS_SOON: usize = 300;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Section>, Error> {
    let columns = [
        column("transport", "transport"),
        column("share", "load"),
        column("rate", "calls due"),
        column("direct_us", "direct"),
        column("direct_done", "direct, done in time"),
        column("pooled_us", "pooled"),
        column("pooled_done", "pooled, done in time"),
        column("improvement", "improvement").judged(),
        column("samples", "samples"),
    ];
    let mut section = Section::new("load", "Latency under load", &columns).about(&[
        "Queries are due at random moments at a given rate, and latency counts from the moment when a query was due: nothing is left out when the server is slow.",
        "*load*: in percent of the rate that 64 callers reach through the pool. At most 64 calls are under way at a time, direct and pooled alike.",
        "*done in time*: how many of the calls that were due were answered before the last was due. The moments are met to about 0.1 ms. Who cannot keep up with one rate is not tried with higher ones.",
        "Calls that wait behind one another are late together, so that here the interval of a ratio is narrower than it should be.",
    ]);
    for transport in [Transport::Stdio, Transport::Http] {
        let connector = bench.servers.connector(transport)?;
        let plugins = [Access::Direct, Access::Pooled].map(|access| {
            let builder = DatabasePlugin::builder(connector.clone());
            Arc::new(builder.access(access).build())
        });
        let (rates, hopeless) = if bench.effort.quick {
            (&FEW_RATES[..], HOPELESS_SOON)
        } else {
            (&RATES[..], HOPELESS)
        };
        let capacity = capacity(&plugins[1]).await?;
        let mut points: [Vec<(f64, f64)>; 4] = Default::default();
        let mut keeps_up = [true; 2];
        for &share in rates {
            let rate = capacity * f64::from(share) / 100.0;
            // On a slow machine, too, some calls are due.
            let lasts = bench.effort.time(Duration::from_millis(1500));
            let lasts = lasts.max(Duration::from_secs_f64(FEWEST / rate));
            let label = format!("{share} % load: {transport}");
            let mut bar = bench.progress.steps(&label, plugins.len());
            let mut arrived: [Arrived; 2] = Default::default();
            for (index, arrived) in arrived.iter_mut().enumerate() {
                // Who is not tried has no call due.
                if keeps_up[index] {
                    *arrived = arrive(query(&plugins[index]), rate, lasts, hopeless).await?;
                    keeps_up[index] = arrived.refused == 0;
                }
                bar.step();
                if let (true, Some(summary)) = (keeps_up[index], arrived.latency.summary()) {
                    points[2 * index].push((rate, summary.p50));
                    points[2 * index + 1].push((rate, summary.p99));
                }
            }
            let [direct, pooled] = arrived.each_ref().map(Arrived::latency);
            let improvement = match (&direct, &pooled) {
                (Cell::Times(direct), Cell::Times(pooled)) => Cell::Ratio(direct.times(pooled)),
                _ => Cell::Missing("none: who cannot keep up has no latency".to_owned()),
            };
            section.row(vec![
                Cell::word(transport.name()),
                Cell::Word(format!("{share} %")),
                Cell::Rate(rate),
                direct,
                arrived[0].done(),
                pooled,
                arrived[1].done(),
                improvement,
                Cell::count(arrived[1].latency.len()),
            ]);
        }
        section.plots.push(plot(transport, points));
        plugins[1].close(CLOSE).await;
    }
    Ok(vec![section])
}

/// A query through this plugin, as often as it is wanted.
fn query(
    plugin: &Arc<DatabasePlugin>,
) -> impl Fn() -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> + Send + use<> {
    let plugin = Arc::clone(plugin);
    move || {
        let plugin = Arc::clone(&plugin);
        Box::pin(async move { Work::Query.run(&plugin).await })
    }
}

/// Calls per second, of callers who ask again as soon as they are answered.
async fn capacity(plugin: &Arc<DatabasePlugin>) -> Result<f64, Error> {
    const EACH: usize = 20;
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let query = query(plugin);
        let calls = || {
            let calls = [(); EACH].map(|()| query());
            async move {
                for call in calls {
                    call.await?;
                }
                Ok(())
            }
        };
        best = best.min(at_once(UNDER_WAY, calls).await.served()?);
    }
    Ok((UNDER_WAY * EACH) as f64 / best.as_secs_f64())
}

/// What became of the calls that were due.
#[derive(Debug, Default)]
struct Arrived {
    due: usize,
    /// Not even tried, for too many were waiting.
    refused: usize,
    /// Answered before the last one was due.
    in_time: usize,
    /// Of all that were answered in the end.
    latency: Samples,
}

impl Arrived {
    fn latency(&self) -> Cell {
        match (self.due, self.refused) {
            (0, _) => Cell::Missing("not tried".to_owned()),
            (_, 0) => Cell::times(&self.latency),
            _ => Cell::Missing("cannot keep up".to_owned()),
        }
    }

    /// The share that was answered in time.
    fn done(&self) -> Cell {
        if self.due == 0 {
            return Cell::word("–");
        }
        let percent = 100.0 * self.in_time as f64 / self.due as f64;
        Cell::Word(format!("{percent:.0} %"))
    }
}

/// Lets calls be due at this rate for some time.
async fn arrive<F, Fut>(
    call: F,
    rate: f64,
    lasts: Duration,
    hopeless: usize,
) -> Result<Arrived, Error>
where
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (sender, mut done) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(UNDER_WAY));
    let runtime = Handle::current();
    let end = Instant::now() + lasts;
    // A thread of its own: the runtime's timers know milliseconds only.
    let clock = tokio::task::spawn_blocking(move || {
        let mut random = fastrand::Rng::with_seed(1);
        let mut due = Instant::now();
        let (mut count, mut refused) = (0, 0);
        loop {
            // Times between arrivals that know nothing of one another.
            due += Duration::from_secs_f64(-(1.0 - random.f64()).ln() / rate);
            if due >= end {
                return (count, refused);
            }
            count += 1;
            // Every call that is under way or waits has a share in the room.
            if Arc::strong_count(&room) > hopeless {
                refused += 1;
                continue;
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let (call, room, sender) = (call(), Arc::clone(&room), sender.clone());
            runtime.spawn(async move {
                let _room = room.acquire().await;
                let result = call.await;
                // Received as long as anybody is interested.
                let _ = sender.send((result, due.elapsed(), Instant::now() < end));
            });
        }
    });
    let mut arrived = Arrived::default();
    while let Some((result, latency, in_time)) = done.recv().await {
        result?;
        arrived.latency.push(latency);
        arrived.in_time += usize::from(in_time);
    }
    (arrived.due, arrived.refused) = clock.await.map_err(|_| wrong("the clock"))?;
    Ok(arrived)
}

fn plot(transport: Transport, points: [Vec<(f64, f64)>; 4]) -> Plot {
    let [direct, direct_tail, pooled, pooled_tail] = points;
    let lines = Lines {
        x: Axis {
            label: "calls due per second",
            scale: Scale::Linear,
            unit: Unit::Count,
        },
        y: Axis {
            label: "latency since it was due",
            scale: Scale::Log,
            unit: Unit::Time,
        },
        series: vec![
            Series::new("direct, p50", Tone::Direct, direct),
            Series::new("direct, p99", Tone::Direct, direct_tail).dashed(),
            Series::new("pooled, p50", Tone::Pooled, pooled),
            Series::new("pooled, p99", Tone::Pooled, pooled_tail).dashed(),
        ],
    };
    let title = format!("Latency under load, {transport}");
    Plot::lines(format!("load-{transport}"), title, lines)
}

#[cfg(test)]
mod tests {
    use tokio::{sync::Mutex, time::sleep};

    use super::*;

    #[test]
    fn who_cannot_keep_up_has_no_latency_and_who_is_not_tried_neither() {
        let cells = |due, refused| {
            let arrived = Arrived {
                due,
                refused,
                in_time: due / 4,
                latency: Samples::default(),
            };
            [arrived.latency(), arrived.done()].map(|cell| crate::words::cell(&cell))
        };
        assert_eq!(cells(8, 1), ["cannot keep up", "25 %"]);
        assert_eq!(cells(0, 0), ["not tried", "–"]);
    }

    #[tokio::test]
    async fn a_call_that_waits_for_others_is_late_from_when_it_was_due() {
        const ONE: Duration = Duration::from_millis(5);
        const LASTS: Duration = Duration::from_millis(200);
        // One at a time, and many more are due than can be done.
        let server = Arc::new(Mutex::new(()));
        let call = move || {
            let server = Arc::clone(&server);
            async move {
                let _turn = server.lock().await;
                sleep(ONE).await;
                Ok(())
            }
        };
        let arrived = arrive(call, 1000.0, LASTS, HOPELESS).await.unwrap();
        let calls = u32::try_from(arrived.due).unwrap();
        assert!(calls > 2 * UNDER_WAY as u32, "{calls}");
        assert_eq!((arrived.refused, arrived.latency.len()), (0, arrived.due));
        // The last one was due before the end, and had all the others before it.
        let worst = arrived.latency.summary().unwrap().quantiles[11] / 1e6;
        let least = (calls * ONE).saturating_sub(LASTS).as_secs_f64();
        assert!(worst >= least, "{worst} {least}");
        assert!(arrived.in_time < arrived.due / 2, "{arrived:?}");
    }
}
