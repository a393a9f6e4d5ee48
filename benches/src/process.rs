//! What the operating system tells of a process: its memory, its file descriptors,
//! its children. Linux only.

use std::{fs, io, path::PathBuf};

use mcp_domain::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

/// A process at one moment, with its children.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Bytes of memory that it has in RAM.
    pub(crate) memory: u64,
    /// Its open file descriptors.
    pub(crate) descriptors: u64,
    /// How many child processes it has, zombies among them.
    pub(crate) children: u64,
    /// Bytes of memory that the children have for themselves, without what they share.
    pub(crate) children_memory: u64,
    /// Bytes of memory that the children have in RAM, with what they share.
    pub(crate) children_resident_memory: u64,
}

impl Usage {
    pub(crate) fn of_this_process() -> io::Result<Self> {
        let this = std::process::id();
        Self::of(this)
    }

    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let children = children(pid)?;
        // One that has just ended has none, nor has a zombie.
        let total = |name| -> u64 {
            let each = children.iter().map(|child| bytes(*child, name));
            each.map(Result::unwrap_or_default).sum()
        };
        let descriptors = fs::read_dir(folder(pid).join("fd"))?.count();
        Ok(Self {
            memory: bytes(pid, "VmRSS:")?,
            descriptors: descriptors as u64,
            children: children.len() as u64,
            children_memory: total("RssAnon:"),
            children_resident_memory: total("VmRSS:"),
        })
    }
}

fn folder(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}"))
}

/// A line of `/proc/PID/status`, which counts in KiB.
fn bytes(pid: u32, name: &str) -> io::Result<u64> {
    let status = fs::read_to_string(folder(pid).join("status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    Ok(kib.unwrap_or_default() * 1024)
}

/// The processes whose parent it is, zombies among them.
pub(crate) fn children(pid: u32) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(child) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // Gone meanwhile, perhaps.
        let Ok(stat) = fs::read_to_string(folder(child).join("stat")) else {
            continue;
        };
        // `PID (NAME) STATE PARENT …`, where the name may hold anything.
        let after = stat.rsplit_once(") ").map(|(_, after)| after);
        let parent = after.and_then(|after| after.split(' ').nth(1)?.parse::<u32>().ok());
        if parent == Some(pid) {
            found.push(child);
        }
    }
    Ok(found)
}

/// What the descriptors of this process lead to.
pub(crate) fn descriptors() -> Result<Vec<String>, Error> {
    let list = || -> io::Result<Vec<String>> {
        let mut list = Vec::new();
        for entry in fs::read_dir("/proc/self/fd")? {
            // The one that reads the folder is gone by now.
            if let Ok(target) = fs::read_link(entry?.path()) {
                list.push(target.display().to_string());
            }
        }
        list.sort_unstable();
        Ok(list)
    };
    list().map_err(|error| {
        let message = "the descriptors of this process cannot be listed";
        Error::new(ErrorKind::Unsupported, message).with_source(error)
    })
}

/// Bytes of memory that can still be had.
pub(crate) fn available() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    Ok(kib.unwrap_or_default() * 1024)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_child_and_its_pipe_are_seen() {
        let before = Usage::of_this_process().unwrap();
        assert!(
            before.memory > 100_000 && before.descriptors > 2,
            "{before:?}"
        );
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let during = Usage::of_this_process().unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(during.children > before.children, "{before:?} {during:?}");
        assert!(during.children_memory > 0);
        assert!(during.children_resident_memory > during.children_memory);
    }
}
