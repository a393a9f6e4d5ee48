//! What the project is built on: under allowed licences, from crates.io, for the
//! Rust version that is promised.
//!
//! `deny.toml` is the law. cargo-deny knows more of it (duplicates, advisories) but
//! takes minutes to build; this check always runs.

use std::{collections::BTreeSet, fs};

use crate::{
    cargo, say,
    workspace::{Package, Workspace},
};

/// The one place that dependencies come from.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(crate) fn run(workspace: &Workspace) -> Result<(), String> {
    let file = cargo::root().join("deny.toml");
    let text = fs::read_to_string(&file).map_err(|e| format!("cannot read deny.toml: {e}"))?;
    let bad = violations(workspace, &allowed(&text)?)?;
    for rule in &bad {
        say(rule);
    }
    match bad.len() {
        0 => Ok(()),
        many => Err(format!(
            "{many} dependencies or licences are not as deny.toml wants them"
        )),
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

fn violations(workspace: &Workspace, allowed: &BTreeSet<String>) -> Result<Vec<String>, String> {
    let promised = workspace.rust_version()?;
    let mut bad = Vec::new();
    for package in &workspace.packages {
        let name = format!("{} {}", package.name, package.version);
        let licence = licence(package);
        if !permitted(licence, allowed) {
            bad.push(format!("{name}: its licence {licence} is not allowed"));
        }
        let source = package.source.as_deref();
        if source != Some(CRATES_IO) && package.folder.is_none() {
            let source = source.unwrap_or("a folder outside the workspace");
            bad.push(format!("{name} comes from {source}, not from crates.io"));
        }
        if let Some(needed) = &package.rust_version
            && numbers(needed) > numbers(promised)
        {
            bad.push(format!(
                "{name} needs Rust {needed}, and we promise {promised}"
            ));
        }
    }
    for licence in allowed {
        let mut licences = workspace.packages.iter().map(self::licence);
        if !licences.any(|expression| expression.contains(licence.as_str())) {
            bad.push(format!(
                "deny.toml allows {licence}, which nothing is under"
            ));
        }
    }
    Ok(bad)
}

fn licence(package: &Package) -> &str {
    package.licence.as_deref().unwrap_or("none")
}

/// Three numbers, to compare with: `1.89` is `1.89.0`.
fn numbers(version: &str) -> [u32; 3] {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| numbers.next().unwrap_or(0))
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
            "GPL-3.0 WITH LLVM-exception",
            "",
            "none",
            "(MIT",
            "MIT MIT",
        ] {
            assert!(!permitted(bad, &permissive()), "{bad}");
        }
    }

    /// One member of ours, one good dependency, and this one.
    #[track_caller]
    fn check(dependency: Package, expected: &[&str]) {
        let ours = Package {
            folder: Some("crates/ours".to_owned()),
            source: None,
            ..good("ours")
        };
        let workspace = Workspace {
            packages: vec![ours, good("good"), dependency],
            ..Workspace::default()
        };
        let allowed = BTreeSet::from(["MIT".to_owned()]);
        assert_eq!(violations(&workspace, &allowed).unwrap(), expected);
    }

    fn good(name: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: "1.2.3".to_owned(),
            licence: Some("MIT".to_owned()),
            rust_version: Some("1.89".to_owned()),
            source: Some(CRATES_IO.to_owned()),
            ..Package::default()
        }
    }

    #[test]
    fn a_forbidden_licence_is_named() {
        check(good("other"), &[]);
        let licence = Some("GPL-3.0-only".to_owned());
        let wrong = ["bad 1.2.3: its licence GPL-3.0-only is not allowed"];
        check(
            Package {
                licence,
                ..good("bad")
            },
            &wrong,
        );
        let wrong = ["bad 1.2.3: its licence none is not allowed"];
        check(
            Package {
                licence: None,
                ..good("bad")
            },
            &wrong,
        );
    }

    #[test]
    fn all_comes_from_crates_io_or_is_ours() {
        let source = Some("git+https://example.org/fork".to_owned());
        let wrong = ["bad 1.2.3 comes from git+https://example.org/fork, not from crates.io"];
        check(
            Package {
                source,
                ..good("bad")
            },
            &wrong,
        );
        let wrong = ["bad 1.2.3 comes from a folder outside the workspace, not from crates.io"];
        check(
            Package {
                source: None,
                ..good("bad")
            },
            &wrong,
        );
    }

    #[test]
    fn no_dependency_needs_a_newer_rust_than_promised() {
        let rust_version = Some("1.89.0".to_owned());
        check(
            Package {
                rust_version,
                ..good("other")
            },
            &[],
        );
        let rust_version = Some("1.100".to_owned());
        let wrong = ["bad 1.2.3 needs Rust 1.100, and we promise 1.89"];
        check(
            Package {
                rust_version,
                ..good("bad")
            },
            &wrong,
        );
    }

    #[test]
    fn a_licence_that_nothing_is_under_is_not_allowed_in_advance() {
        let workspace = Workspace {
            packages: vec![Package {
                folder: Some("crates/ours".to_owned()),
                ..good("ours")
            }],
            ..Workspace::default()
        };
        let allowed = BTreeSet::from(["MIT".to_owned(), "Zlib".to_owned()]);
        let found = violations(&workspace, &allowed).unwrap();
        assert_eq!(found, ["deny.toml allows Zlib, which nothing is under"]);
    }
}
