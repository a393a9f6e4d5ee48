//! What every source file does, and does not.

use super::tree::Tree;

/// A file longer than this is worth a second look.
const LONG: usize = 700;

/// What a crate without I/O and without a clock does not name.
const IMPURE: &[&str] = &[
    "env::",
    "fs::",
    "net::",
    "process::",
    "Instant::now",
    "SystemTime",
    "thread::",
];

/// Every rule that these sources break.
pub(super) fn violations(tree: &Tree) -> Vec<String> {
    let mut bad = Vec::new();
    for (file, text) in tree.texts(".rs") {
        if !text.starts_with("//!") {
            bad.push(format!(
                "{file} does not begin with `//!`, saying what it knows"
            ));
        }
        for (number, line) in code(text) {
            let attribute = line.strip_prefix("#!").or_else(|| line.strip_prefix('#'));
            for banned in ["[ignore", "[allow("] {
                if attribute.is_some_and(|attribute| attribute.starts_with(banned)) {
                    bad.push(format!(
                        "{file}:{number} has `#{banned}`, which hides what is wrong"
                    ));
                }
            }
            if file.starts_with("crates/mcp-domain/src/") && !file.ends_with("tests.rs") {
                for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                    bad.push(format!(
                        "{file}:{number} names `{word}`: mcp-domain does no I/O and reads no clock"
                    ));
                }
            }
        }
        if file.starts_with("crates/") && file.contains("/src/") {
            bad.extend(silent_on_cancelling(file, text));
        }
    }
    bad
}

/// The files that are worth a second look. Long is not wrong.
pub(super) fn long(tree: &Tree) -> Vec<String> {
    let sized = tree
        .texts(".rs")
        .map(|(file, text)| (file, text.lines().count()));
    let long = sized.filter(|(_, lines)| *lines > LONG);
    long.map(|(file, lines)| {
        format!("{file} has {lines} lines: look again whether it has one subject")
    })
    .collect()
}

/// The lines that are not comments, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    let lines = lines.map(|(index, line)| (index + 1, line.trim_start()));
    lines.filter(|(_, line)| !line.starts_with("//"))
}

/// The public `async fn`s that do not say what happens when they are dropped:
/// neither in their own documentation nor in that of their `impl`.
fn silent_on_cancelling(file: &str, text: &str) -> Vec<String> {
    let mut bad = Vec::new();
    let mut docs = false;
    let mut docs_of_block = false;
    for (index, line) in text.lines().enumerate() {
        let code = line.trim_start();
        if code.starts_with("///") {
            docs |= code.contains("# Cancel safety");
        } else if code.starts_with("#[") || code.is_empty() {
            // Between the documentation and what it is about.
        } else {
            if line.starts_with("impl") {
                docs_of_block = docs;
            } else if let Some(signature) = code.strip_prefix("pub async fn ")
                && !docs
                && !docs_of_block
            {
                let end = signature.find(['(', '<']).unwrap_or(signature.len());
                bad.push(format!(
                    "{file}:{} {} has no `# Cancel safety`",
                    index + 1,
                    &signature[..end]
                ));
            }
            docs = false;
        }
    }
    bad
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &str, text: &str, expected: &[&str]) {
        assert_eq!(violations(&Tree::of(&[(file, text)])), expected);
    }

    #[test]
    fn a_file_says_what_it_knows_before_all_else() {
        check("a.rs", "//! Docs.\n", &[]);
        let wrong = ["a.rs does not begin with `//!`, saying what it knows"];
        check("a.rs", "fn main() {}\n", &wrong);
        check("a.rs", "use std::fs;\n//! Late.\n", &wrong);
    }

    #[test]
    fn tests_are_not_ignored_and_lints_not_allowed() {
        let wrong = ["a.rs:3 has `#[ignore`, which hides what is wrong"];
        check("a.rs", "//! Docs.\n#[test]\n#[ignore]\nfn a() {}\n", &wrong);
        let wrong = ["a.rs:2 has `#[allow(`, which hides what is wrong"];
        check(
            "a.rs",
            "//! Docs.\n    #[allow(dead_code)]\nfn a() {}\n",
            &wrong,
        );
        check("a.rs", "//! Docs.\n#![allow(dead_code)]\n", &wrong);
        let good = "//! Docs.\n// As in\n// #[ignore].\n#[expect(a, reason = \"b\")]\n";
        check("a.rs", good, &[]);
    }

    #[test]
    fn the_words_do_no_input_and_read_no_clock() {
        let text = "//! Docs.\n// fs:: in a comment.\nlet a = std::fs::read(b);\n";
        let wrong =
            "crates/mcp-domain/src/a.rs:3 names `fs::`: mcp-domain does no I/O and reads no clock";
        check("crates/mcp-domain/src/a.rs", text, &[wrong]);
        check("crates/mcp-pool/src/a.rs", text, &[]);
    }

    #[test]
    fn a_public_async_fn_says_what_dropping_it_does() {
        let file = "crates/a/src/a.rs";
        let silent = "//! Docs.\nimpl A {\n    /// Waits.\n    pub async fn wait(&self) {}\n}\n";
        check(
            file,
            silent,
            &["crates/a/src/a.rs:4 wait has no `# Cancel safety`"],
        );
        let said = silent.replace("/// Waits.", "/// # Cancel safety\n    #[must_use]");
        check(file, &said, &[]);
        let said_once = silent.replace("impl A", "/// # Cancel safety\nimpl A");
        check(file, &said_once, &[]);
        let said_elsewhere = format!("{said_once}impl B {{\n    pub async fn run() {{}}\n}}\n");
        check(
            file,
            &said_elsewhere,
            &["crates/a/src/a.rs:8 run has no `# Cancel safety`"],
        );
    }

    #[test]
    fn a_long_file_is_reported_and_not_refused() {
        let text = "//! Docs.\n".repeat(LONG + 1);
        let tree = Tree::of(&[("long.rs", &text), ("short.rs", "//! Docs.\n")]);
        assert_eq!(violations(&tree), Vec::<String>::new());
        let found = long(&tree);
        assert_eq!(
            found,
            ["long.rs has 701 lines: look again whether it has one subject"]
        );
    }
}
