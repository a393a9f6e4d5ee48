//! A client in a process of its own, which does as it is told.

use std::{process::Stdio, time::Duration};

use mcp_domain::{Error, ErrorKind};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::sample::Samples;

/// Nothing that a client is told takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, Deserialize)]
pub(super) struct Version {
    pub(super) version: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Opened {}

/// Samples in nanoseconds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Times {
    pub(super) ns: Vec<u64>,
}

impl Times {
    pub(super) fn samples(&self) -> Samples {
        let mut samples = Samples::default();
        for nanos in &self.ns {
            samples.push(Duration::from_nanos(*nanos));
        }
        samples
    }
}

/// What many callers got.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Load {
    #[serde(flatten)]
    pub(super) times: Times,
    /// For how long, in nanoseconds.
    pub(super) lasted: u64,
    pub(super) failed: usize,
    /// Callers who were still waiting when they were given up.
    pub(super) stuck: usize,
    pub(super) first_failure: Option<String>,
}

impl Load {
    /// Answered calls per second.
    pub(super) fn rate(&self) -> f64 {
        self.times.ns.len() as f64 / Duration::from_nanos(self.lasted).as_secs_f64()
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Memory {
    pub(super) bytes: u64,
    pub(super) count: u64,
}

/// The process.
#[derive(Debug)]
pub(super) struct Driver {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Driver {
    /// This very program, as a client.
    pub(super) fn ours(kind: &str, url: &str) -> Result<Self, Error> {
        let this = std::env::current_exe().map_err(broken)?;
        let mut command = Command::new(this);
        command.args(["client", kind]);
        Self::start(command, url)
    }

    /// A program that takes the server's URL as its last argument.
    pub(super) fn start(mut command: Command, url: &str) -> Result<Self, Error> {
        let mut process = command
            .arg(url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(broken)?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (input, output) = pipes.ok_or_else(|| broken(std::io::ErrorKind::BrokenPipe.into()))?;
        Ok(Self {
            process,
            input,
            output: BufReader::new(output).lines(),
        })
    }

    /// Gives a command, and waits for its answer.
    pub(super) async fn ask<T: DeserializeOwned>(&mut self, command: &Value) -> Result<T, Error> {
        let line = format!("{command}\n");
        self.input
            .write_all(line.as_bytes())
            .await
            .map_err(broken)?;
        let answer = match timeout(PATIENCE, self.output.next_line()).await {
            Ok(line) => line.map_err(broken)?,
            Err(_) => {
                let message = format!("`{command}` was not done within {} s", PATIENCE.as_secs());
                return Err(Error::new(ErrorKind::CallTimeout, message));
            }
        };
        let answer = answer.ok_or_else(|| broken(std::io::ErrorKind::UnexpectedEof.into()))?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| broken(error.into()))?;
        if let Some(error) = answer["error"].as_str() {
            return Err(Error::new(ErrorKind::ToolFailed, error.to_owned()));
        }
        T::deserialize(answer).map_err(|error| broken(error.into()))
    }

    /// Lets it go.
    pub(super) async fn end(mut self) -> Result<(), Error> {
        drop(self.input);
        if timeout(Duration::from_secs(10), self.process.wait())
            .await
            .is_err()
        {
            self.process.kill().await.map_err(broken)?;
        }
        Ok(())
    }
}

pub(super) fn broken(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Disconnected, "a client's process failed").with_source(error)
}
