//! Every dependency is under a licence that `deny.toml` allows.
//!
//! cargo-deny does this and more, but takes minutes to build; this check always runs.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::cargo;

pub(crate) fn run() -> Result<(), String> {
    let file = cargo::root().join("deny.toml");
    let text = fs::read_to_string(&file).map_err(|e| format!("cannot read deny.toml: {e}"))?;
    let allowed = allowed(&text)?;
    let bad = violations(&cargo::metadata()?, &allowed);
    if bad.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "licences that deny.toml does not allow:\n{}",
            bad.join("\n")
        ))
    }
}

/// The list `allow = [ "…" ]` of the section `[licenses]`.
fn allowed(text: &str) -> Result<BTreeSet<String>, String> {
    let list = text
        .split_once("[licenses]")
        .and_then(|(_, rest)| rest.split_once("allow = ["))
        .and_then(|(_, rest)| rest.split_once(']'));
    let (list, _) = list.ok_or("deny.toml has no `[licenses]` with a list `allow`")?;
    let names = list.split('"').skip(1).step_by(2);
    Ok(names.map(str::to_owned).collect())
}

fn violations(metadata: &Value, allowed: &BTreeSet<String>) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let bad = packages.filter_map(|package| {
        let expression = package["license"].as_str().unwrap_or("none declared");
        let name = package["name"].as_str().unwrap_or_default();
        (!permitted(expression, allowed)).then(|| format!("{name}: {expression}"))
    });
    bad.collect()
}

/// Reads an SPDX expression: `AND` binds tighter than `OR`, `/` is an old `OR`.
fn permitted(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let result = any(&mut words, allowed);
    result && words.next().is_none()
}

type Words<'a, 'b> = &'a mut std::iter::Peekable<std::str::SplitWhitespace<'b>>;

fn any(words: Words<'_, '_>, allowed: &BTreeSet<String>) -> bool {
    let mut result = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        // Not `||`: the words must be read in any case.
        result |= all(words, allowed);
    }
    result
}

fn all(words: Words<'_, '_>, allowed: &BTreeSet<String>) -> bool {
    let mut result = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        result &= one(words, allowed);
    }
    result
}

fn one(words: Words<'_, '_>, allowed: &BTreeSet<String>) -> bool {
    match words.next() {
        Some("(") => {
            let result = any(words, allowed);
            words.next_if_eq(&")").is_some() && result
        }
        Some(name) => {
            let name = match words.next_if_eq(&"WITH") {
                Some(_) => format!("{name} WITH {}", words.next().unwrap_or_default()),
                None => name.to_owned(),
            };
            allowed.contains(&name)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn permissive() -> BTreeSet<String> {
        allowed("[licenses]\nallow = [\"MIT\", \"Apache-2.0\", \"Apache-2.0 WITH LLVM-exception\"]")
            .unwrap()
    }

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "MIT/Apache-2.0",
            "(GPL-3.0 OR MIT) AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(permitted(good, &permissive()), "{good}");
        }
        for bad in [
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "",
            "none declared",
            "(MIT",
            "MIT MIT",
        ] {
            assert!(!permitted(bad, &permissive()), "{bad}");
        }
    }

    #[test]
    fn a_forbidden_licence_is_named() {
        let metadata = json!({ "packages": [
            { "name": "good", "license": "MIT" },
            { "name": "bad", "license": "GPL-3.0-only" },
            { "name": "ugly", "license": null },
        ]});
        let found = violations(&metadata, &permissive());
        assert_eq!(found, ["bad: GPL-3.0-only", "ugly: none declared"]);
    }
}
