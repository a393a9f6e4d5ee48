//! Servers whose answers are made to kill whoever reads them.

use std::{fs, process::Stdio};

use serde::de::IgnoredAny;

use crate::program::command;

/// The key by which `serde_json`, with its feature `raw_value`, knows raw text.
const MARK: &str = "$serde_json::private::RawValue";

/// Answers whatever is asked with what is in this file.
const SERVER: &str = r#"
while IFS= read -r line; do
    case $line in *'"id":'*) ;; *) continue ;; esac
    id=${line#*'"id":'}
    id=${id%%[,\}]*}
    printf '{"jsonrpc":"2.0","id":%s,"result":' "$id"
    cat "$0.json"
    printf '}\n'
done
"#;

/// Lists as deep as `serde_json` reads them, in them text that is to be read anew, and so on.
fn nested(times: usize) -> String {
    (0..times).fold("[]".to_owned(), |inner, _| {
        let quoted = inner.replace('\\', "\\u005c").replace('"', "\\u0022");
        let (open, close) = ("[".repeat(118), "]".repeat(118));
        format!("{open}{{\"{MARK}\":\"{quoted}\"}}{close}")
    })
}

#[test]
fn lists_that_hide_deeper_lists_do_not_end_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let server = folder.path().join("server.sh");
    fs::write(&server, SERVER).unwrap();
    let answer = format!("{{\"content\":[],\"structuredContent\":{}}}", nested(60));
    // It is JSON, and small.
    assert!(serde_json::from_str::<IgnoredAny>(&answer).is_ok() && answer.len() < 200_000);
    fs::write(folder.path().join("server.sh.json"), answer).unwrap();
    let mut program = command();
    let server = format!("sh {}", server.display());
    program.args(["--server", &server, "tables"]);
    let output = program.stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.lines().count() == 1, "{said}");
}
