//! The process that grows, and its servers.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
    sync::Mutex,
};

use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait},
};
use serde_json::Value;

/// A server of the one tool that is called; it ends when its input does.
const SERVER: &str = r#"#!/bin/sh
while read -r line; do
    id=${line#*'"id":'}
    id=${id%%[,\}]*}
    case $line in
    *'"initialize"'*) result='"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}' ;;
    *'"tools/call"'*) result='"result":{"content":[],"structuredContent":{"row_count":10}}' ;;
    *'"id"'*) result='"error":{"code":-32601,"message":"no such method"}' ;;
    *) continue ;;
    esac
    echo "{\"jsonrpc\":\"2.0\",\"id\":$id,$result}"
done
"#;

/// The tests look at all children of this process.
static ALONE: Mutex<()> = Mutex::new(());

/// A process that opens a session for each request and closes none, after `looks` looks.
fn grown(folder: &tempfile::TempDir, requests: usize, looks: usize) -> Child {
    // Whoever is left without a parent is ours, as on a machine where nobody else cares.
    set_child_subreaper(Some(getpid())).unwrap();
    let server = folder.path().join("server");
    fs::write(&server, SERVER).unwrap();
    fs::set_permissions(&server, fs::Permissions::from_mode(0o700)).unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_mcp-bench"))
        .args(["growth", "--way", "leaky"])
        .args(["--requests", &requests.to_string()])
        .args(["--database", "none", "--program"])
        .arg(&server)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
    for number in 0..looks {
        if number > 0 {
            // Leave to go on.
            process.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        }
        let look: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(look["failed"], Value::Null, "{look}");
        assert_eq!(look["usage"]["children"], look["requests"], "{look}");
    }
    process
}

/// Is this test without any child, be it a zombie?
#[track_caller]
fn check_that_nobody_is_left() {
    let left = wait(WaitOptions::NOHANG);
    assert_eq!(left.unwrap_err(), Errno::CHILD);
}

#[test]
fn a_process_that_is_told_to_end_takes_its_servers_with_it() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let mut process = grown(&folder, 60, 5);
    let pid = Pid::from_child(&process);
    kill_process(pid, Signal::TERM).unwrap();
    // It reads to the end.
    drop(process.stdin.take());
    assert!(process.wait().unwrap().success());
    check_that_nobody_is_left();
}

#[test]
fn a_process_that_has_done_its_work_takes_its_servers_with_it() {
    let _alone = ALONE.lock();
    let folder = tempfile::tempdir().unwrap();
    let mut process = grown(&folder, 20, 21);
    process.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(process.wait().unwrap().success());
    check_that_nobody_is_left();
}
