//! Slow calls beside fast ones, on a server that runs the calls of one connection one
//! after another, as many do.

use std::{
    io::{BufRead as _, Write as _},
    sync::Arc,
    time::Duration,
};

use futures::future::try_join_all;
use mcp_domain::{Error, ErrorKind, Operation, Target};
use mcp_pool::{Pool, Server, Settings, Sharing};
use mcp_transport::{Client, ClientConnector, Lifecycle};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    bench::Bench,
    connection::CLOSE,
    sample::Samples,
    section::{Cell, Section, column},
    work::wrong,
};

/// How many milliseconds calls wait at the server, and how many of a hundred are slow.
const FAST: u64 = 5;
const SLOW: u64 = 500;
const SHARE: u8 = 10;
const CALLERS: u64 = 4;

/// So long do they call.
const LASTS: Duration = Duration::from_millis(3500);

/// The fast calls that are made alone.
const ALONE: usize = 50;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Section>, Error> {
    if bench.effort.quick {
        // A few slow calls take as long as a quick run has for everything.
        return Ok(Vec::new());
    }
    let columns = [
        column("sharing", "sharing"),
        column("alone_us", "fast, alone"),
        column("among_us", "fast, among slow ones"),
        column("times", "times as long").less(),
        column("connections", "connections"),
        column("slow", "slow calls"),
        column("alone", "samples alone"),
        column("among", "samples among"),
    ];
    let mut section = Section::new("serial", "Slow calls beside fast ones", &columns).about(&[
        "A server, a process of its own, that runs the calls of one connection one after another, and keeps no state, so that callers may share connections. Four callers at once, at most 6 connections; one call of ten waits for 500 ms at the server, the others for 5 ms, with pauses of 5 ms in between.",
        "*alone*: fast calls on an idle connection. *auto*, the default, finds out that sharing does not pay here; what came before it did is among the figures. *shared* is declared to share, come what may.",
        "The aim: the median fast call takes less than twice as long as alone.",
    ]);
    for (name, sharing) in [("auto", Sharing::Auto), ("shared", Sharing::Shared)] {
        let settings = Settings::builder().max_connections(6).sharing(sharing);
        let settings = settings.build().map_err(|error| {
            Error::new(ErrorKind::InvalidInput, "settings that cannot be").with_source(error)
        })?;
        let pool = Pool::new(settings);
        let server = pool.server("serial", connector()?).stateless().add();
        let mut random = fastrand::Rng::with_seed(CALLERS);
        let mut alone = Samples::default();
        for _ in 0..ALONE {
            let start = Instant::now();
            call(&server, FAST).await?;
            alone.since(start);
            pause(&mut random).await;
        }
        let mut bar = bench.progress.steps(&format!("serial: {name}"), 1);
        let callers = (0..CALLERS).map(|caller| mixed(&server, caller));
        let (mut among, mut slow) = (Samples::default(), 0);
        for (fast, waited) in try_join_all(callers).await? {
            among.extend(fast);
            slow += waited;
        }
        bar.step();
        section.row(vec![
            Cell::word(name),
            Cell::times(&alone),
            Cell::times(&among),
            Cell::ratio(&among, &alone),
            Cell::Count(pool.stats().opened),
            Cell::count(slow),
            Cell::count(alone.len()),
            Cell::count(among.len()),
        ]);
        pool.close(CLOSE).await;
    }
    Ok(vec![section])
}

/// One caller: what its fast calls took, and how many slow ones there were.
async fn mixed(server: &Server<ClientConnector>, seed: u64) -> Result<(Samples, usize), Error> {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut fast, mut slow) = (Samples::default(), 0);
    let begin = Instant::now();
    while begin.elapsed() < LASTS {
        let start = Instant::now();
        if random.u8(..100) < SHARE {
            call(server, SLOW).await?;
            slow += 1;
        } else {
            call(server, FAST).await?;
            fast.since(start);
        }
        pause(&mut random).await;
    }
    Ok((fast, slow))
}

async fn pause(random: &mut fastrand::Rng) {
    sleep(Duration::from_millis(random.u64(..10))).await;
}

async fn call(server: &Server<ClientConnector>, millis: u64) -> Result<(), Error> {
    const WAIT: Operation = Operation::new("wait").repeatable();
    let call = |client: Arc<Client>| async move {
        let arguments = json!({ "millis": millis });
        let answer: Value = client.call_tool("wait", arguments).await?.parse()?;
        let done = answer["waited"] == millis;
        done.then_some(()).ok_or_else(|| wrong("wait"))
    };
    server.run(WAIT, call).await
}

fn connector() -> Result<ClientConnector, Error> {
    let this = std::env::current_exe().map_err(broken)?;
    let connector = ClientConnector::new(Target::command(this, ["serial"]))?;
    Ok(connector.with_lifecycle(Lifecycle::Initialize))
}

/// The server: one question after the other, until there are no more.
pub(crate) fn serve() -> Result<(), Error> {
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let question: Value = serde_json::from_str(&line.map_err(broken)?)
            .map_err(|error| Error::new(ErrorKind::BadResponse, "no JSON").with_source(error))?;
        // Whoever only tells something wants no answer.
        if let Some(id) = question.get("id") {
            let mut answer = answer(&question);
            answer["jsonrpc"] = json!("2.0");
            answer["id"] = id.clone();
            writeln!(output, "{answer}").map_err(broken)?;
            output.flush().map_err(broken)?;
        }
    }
    Ok(())
}

fn answer(question: &Value) -> Value {
    let parameters = &question["params"];
    match question["method"].as_str() {
        Some("initialize") => json!({ "result": {
            "protocolVersion": parameters["protocolVersion"],
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "serial", "version": env!("CARGO_PKG_VERSION") },
        } }),
        Some("ping") => json!({ "result": {} }),
        Some("tools/call") => {
            let millis = parameters["arguments"]["millis"].as_u64().unwrap_or(0);
            std::thread::sleep(Duration::from_millis(millis));
            let waited = json!({ "waited": millis });
            json!({ "result": {
                "content": [{ "type": "text", "text": waited.to_string() }],
                "structuredContent": waited,
            } })
        }
        _ => json!({ "error": { "code": -32601, "message": "no such method" } }),
    }
}

fn broken(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Disconnected, "the serial server failed").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_has_an_answer() {
        let ask = |method: &str| answer(&json!({ "method": method, "params": {} }));
        for method in ["initialize", "ping", "tools/call"] {
            assert!(ask(method).get("result").is_some(), "{method}");
        }
        assert_eq!(ask("server/discover")["error"]["code"], -32601);
    }
}
