//! What the figures were measured on.

use std::{env, fs, thread};

use serde::Serialize;
use serde_json::Value;

/// The machine, as far as it tells.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    memory_gib: Option<f64>,
    os: String,
    version: &'static str,
    /// How many processes wanted a core while it was measured, on average over the last minute.
    load: Option<f64>,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let memory = field("/proc/meminfo", "MemTotal");
        let memory = memory.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
        let load = fs::read_to_string("/proc/loadavg").ok();
        Self {
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(|| env::consts::ARCH.into()),
            cores: thread::available_parallelism().map_or(1, usize::from),
            memory_gib: memory.map(|kib| (kib / 1024.0 / 1024.0 * 10.0).round() / 10.0),
            os: format!("{} {}", env::consts::OS, env::consts::ARCH),
            version: env!("CARGO_PKG_VERSION"),
            load: load.and_then(|text| text.split(' ').next()?.parse().ok()),
        }
    }

    /// What an earlier report tells of its machine, if it was another one.
    pub(crate) fn other(&self, earlier: &Value) -> Option<String> {
        let same = earlier["cpu"] == self.cpu.as_str()
            && earlier["cores"] == self.cores
            && earlier["os"] == self.os.as_str();
        let word = |key: &str| earlier[key].as_str().unwrap_or("unknown").to_owned();
        (!same).then(|| {
            format!(
                "{}, {} cores, {}",
                word("cpu"),
                earlier["cores"],
                word("os")
            )
        })
    }

    /// One line for the head of a report.
    pub(crate) fn line(&self) -> String {
        let memory = self
            .memory_gib
            .map_or_else(String::new, |gib| format!("{gib} GiB, "));
        let load = self
            .load
            .map_or_else(String::new, |load| format!(" Load before the run: {load}."));
        format!(
            "mcp-pool {} on {}, {} cores, {memory}{}. Times are p50 / p99; a ratio compares the medians, with its 95 % interval where the digits shown tell its ends apart; for fewer than 6 samples it is their whole range and less certain.{load}",
            self.version, self.cpu, self.cores, self.os
        )
    }
}

/// The value of the first `name: value` line.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
