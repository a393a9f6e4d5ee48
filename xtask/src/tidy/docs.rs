//! What the project says of itself can be found, and leads somewhere.

use std::collections::BTreeSet;

use super::tree::Tree;
use crate::workspace::Workspace;

const INDEX: &str = "docs/README.md";
const ARCHITECTURE: &str = "ARCHITECTURE.md";
const CHANGELOG: &str = "CHANGELOG.md";
const README: &str = "README.md";
const MEASURED: &str = "docs/benchmarks/README.md";

/// The architecture is read in one sitting.
const SITTING: usize = 250;

/// What each decision tells.
const DECISION: [&str; 4] = ["Context", "Decision", "Alternatives", "Consequences"];

/// Every rule that these pages break.
pub(super) fn violations(tree: &Tree, workspace: &Workspace) -> Vec<String> {
    let mut bad = unlinked(tree);
    bad.extend(dead_links(tree));
    bad.extend(other_figures(tree));
    bad.extend(of_decisions(tree));
    bad.extend(of_architecture(tree.text(ARCHITECTURE)));
    bad.extend(of_changelog(tree.text(CHANGELOG), workspace));
    bad
}

/// Every page under `docs/` is linked from the index, and whatever else lies
/// there from one of the pages.
fn unlinked(tree: &Tree) -> Vec<String> {
    let from_index: BTreeSet<String> = links(INDEX, tree.text(INDEX)).collect();
    let pages = tree
        .texts(".md")
        .filter(|(name, _)| name.starts_with("docs/"));
    let from_pages: BTreeSet<String> = pages.flat_map(|(name, text)| links(name, text)).collect();
    let mut bad = Vec::new();
    for file in tree.below("docs").filter(|file| *file != INDEX) {
        if file.ends_with(".md") {
            if !from_index.contains(file) {
                bad.push(format!("{INDEX} does not link to {file}"));
            }
        } else if !from_pages.contains(file) {
            bad.push(format!("no page under docs/ links to {file}"));
        }
    }
    bad
}

/// Every link within the project leads to a file or a folder.
fn dead_links(tree: &Tree) -> Vec<String> {
    let mut bad = Vec::new();
    for (page, text) in tree.texts(".md") {
        for target in links(page, text).filter(|target| !tree.has(target)) {
            bad.push(format!("{page} links to {target}, which does not exist"));
        }
    }
    bad
}

/// Where a page links to within the project, seen from the root.
fn links(page: &str, text: &str) -> impl Iterator<Item = String> {
    let mut fenced = false;
    let prose = text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    let targets = prose.flat_map(|line| line.split("](").skip(1));
    let targets = targets.filter_map(|rest| rest.split([')', ' ', '#']).next());
    let here = targets.filter(|target| !target.is_empty() && !target.contains(':'));
    here.map(move |target| resolve(page, target))
}

/// The target as seen from the root; a leading `..` too many is kept, and so
/// leads nowhere.
fn resolve(page: &str, target: &str) -> String {
    let mut path: Vec<&str> = page.split('/').collect();
    path.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if !path.is_empty() => {
                path.pop();
            }
            _ => path.push(part),
        }
    }
    path.join("/")
}

/// What the first page shows of a run stands in the report of that run, to the letter.
fn other_figures(tree: &Tree) -> Vec<String> {
    let report: BTreeSet<&str> = tree.text(MEASURED).lines().collect();
    // The median and the tail, as reports write them.
    let is_measured = |line: &str| {
        [" ns /", " µs /", " ms /"]
            .iter()
            .any(|unit| line.contains(unit))
    };
    let rows = tree
        .text(README)
        .lines()
        .filter(|line| line.starts_with('|'));
    let others = rows.filter(|row| is_measured(row) && !report.contains(row));
    others
        .map(|row| format!("{README} shows `{row}`, which is not in {MEASURED}"))
        .collect()
}

/// Decisions are numbered without a gap or a double, and tell the same four things.
fn of_decisions(tree: &Tree) -> Vec<String> {
    let mut bad = Vec::new();
    let pages = tree
        .texts(".md")
        .filter(|(name, _)| name.starts_with("docs/adr/"));
    for (index, (name, text)) in pages.enumerate() {
        let number = format!("docs/adr/{:04}-", index + 1);
        if !name.starts_with(&number) {
            bad.push(format!(
                "{name} should begin with {number}: the numbers have a gap or a double"
            ));
        }
        for heading in DECISION {
            let heading = format!("## {heading}");
            if !text.lines().any(|line| line == heading) {
                bad.push(format!("{name} has no `{heading}`"));
            }
        }
    }
    bad
}

fn of_architecture(text: &str) -> Vec<String> {
    let mut bad = Vec::new();
    let lines = text.lines().count();
    if !(1..=SITTING).contains(&lines) {
        bad.push(format!(
            "{ARCHITECTURE} has {lines} lines, and should have 1 to {SITTING}"
        ));
    }
    let to_line = |before: &str| {
        let mut after = text.split(before).skip(1);
        after.any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    if to_line(".rs:") || to_line(".rs#L") {
        bad.push(format!(
            "{ARCHITECTURE} names a line of a source, which will move"
        ));
    }
    bad
}

/// Every entry says first of which member it speaks.
fn of_changelog(text: &str, workspace: &Workspace) -> Vec<String> {
    let entries = text.lines().filter_map(|line| line.strip_prefix("- "));
    let nameless = entries.filter(|entry| {
        let name = entry
            .strip_prefix("**")
            .and_then(|rest| rest.split_once("**:"));
        !name.is_some_and(|(name, _)| workspace.members().any(|member| member.name == name))
    });
    nameless
        .map(|entry| {
            format!("{CHANGELOG}: `{entry}` does not begin with a crate, as in `**mcp-pool**:`")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Package;

    fn check(found: &[String], expected: &[&str]) {
        assert_eq!(found, expected);
    }

    #[test]
    fn every_page_is_in_the_index() {
        let index = (
            INDEX,
            "[a](a.md), [b](adr/b.md#part)\n```\n[c](c.md)\n```\n",
        );
        let tree = Tree::of(&[
            index,
            ("docs/a.md", "![](plot.svg)"),
            ("docs/adr/b.md", ""),
            ("docs/plot.svg", ""),
        ]);
        check(&unlinked(&tree), &[]);
        let tree = Tree::of(&[
            index,
            ("docs/c.md", "mentioned: c.md"),
            ("docs/plot.svg", ""),
        ]);
        let wrong = [
            "docs/README.md does not link to docs/c.md",
            "no page under docs/ links to docs/plot.svg",
        ];
        check(&unlinked(&tree), &wrong);
    }

    #[test]
    fn every_link_leads_somewhere() {
        let page = "[up](../README.md) [folder](../docs) [web](https://example.org) [here](#part)";
        let tree = Tree::of(&[("README.md", ""), ("docs/a.md", page)]);
        check(&dead_links(&tree), &[]);
        let tree = Tree::of(&[("docs/a.md", page), ("b.md", "[out](../b.md)")]);
        let wrong = [
            "b.md links to ../b.md, which does not exist",
            "docs/a.md links to README.md, which does not exist",
        ];
        check(&dead_links(&tree), &wrong);
    }

    #[test]
    fn figures_on_the_first_page_are_those_of_the_report() {
        let readme =
            "| transport | direct |\n| stdio | 3.90 ms / 6.70 ms |\n| a table | of words |\n";
        let tree = |report| Tree::of(&[(README, readme), (MEASURED, report)]);
        check(&other_figures(&tree("| stdio | 3.90 ms / 6.70 ms |")), &[]);
        let wrong = [
            "README.md shows `| stdio | 3.90 ms / 6.70 ms |`, which is not in docs/benchmarks/README.md",
        ];
        check(
            &other_figures(&tree("| stdio | 3.80 ms / 6.70 ms |")),
            &wrong,
        );
    }

    #[test]
    fn decisions_are_numbered_and_whole() {
        let whole = "## Context\n## Decision\n## Alternatives\n## Consequences\n";
        let tree = Tree::of(&[("docs/adr/0001-a.md", whole), ("docs/adr/0002-b.md", whole)]);
        check(&of_decisions(&tree), &[]);
        let part = "## Context\n## Decision\n## Consequences\n";
        let tree = Tree::of(&[("docs/adr/0001-a.md", whole), ("docs/adr/0001-b.md", part)]);
        let wrong = [
            "docs/adr/0001-b.md should begin with docs/adr/0002-: the numbers have a gap or a double",
            "docs/adr/0001-b.md has no `## Alternatives`",
        ];
        check(&of_decisions(&tree), &wrong);
    }

    #[test]
    fn the_architecture_is_short_and_names_no_lines() {
        check(
            &of_architecture("See `a.rs`: it is short. And [b](b.rs)."),
            &[],
        );
        let wrong = ["ARCHITECTURE.md names a line of a source, which will move"];
        check(&of_architecture("See `a.rs:12`."), &wrong);
        check(&of_architecture("See [a](a.rs#L12)."), &wrong);
        let wrong = ["ARCHITECTURE.md has 251 lines, and should have 1 to 250"];
        check(&of_architecture(&"line\n".repeat(251)), &wrong);
        let wrong = ["ARCHITECTURE.md has 0 lines, and should have 1 to 250"];
        check(&of_architecture(""), &wrong);
    }

    #[test]
    fn changes_name_their_crate() {
        let member = Package {
            name: "mcp-pool".to_owned(),
            folder: Some("crates/mcp-pool".to_owned()),
            ..Package::default()
        };
        let workspace = Workspace {
            packages: vec![member],
            ..Workspace::default()
        };
        check(
            &of_changelog("# Changes\n- **mcp-pool**: faster.\n", &workspace),
            &[],
        );
        let wrong = [
            "CHANGELOG.md: `**mcp-pond**: wetter.` does not begin with a crate, as in `**mcp-pool**:`",
        ];
        check(
            &of_changelog("- **mcp-pond**: wetter.\n", &workspace),
            &wrong,
        );
    }
}
