//! What every member of the workspace has: a name, lints, a README.

use super::tree::Tree;
use crate::workspace::Workspace;

/// The one member that is not called as its folder is: cargo's own word for it.
const NAMED_OTHERWISE: (&str, &str) = ("benches", "mcp-bench");

/// Every rule that these members break.
pub(super) fn violations(tree: &Tree, workspace: &Workspace) -> Vec<String> {
    let version = match workspace.rust_version() {
        Ok(version) => version,
        Err(error) => return vec![error],
    };
    let mut bad = Vec::new();
    for member in workspace.members() {
        let folder = member.folder.as_deref().unwrap_or_default();
        let last = folder.rsplit('/').next().unwrap_or_default();
        if last != member.name && (folder, member.name.as_str()) != NAMED_OTHERWISE {
            bad.push(format!("{folder}: its package is called {}", member.name));
        }
        if !inherits_lints(tree.text(&format!("{folder}/Cargo.toml"))) {
            bad.push(format!(
                "{folder}/Cargo.toml does not inherit the lints of the workspace"
            ));
        }
        let msrv = format!("MSRV: {version}");
        if !tree.text(&format!("{folder}/README.md")).contains(&msrv) {
            bad.push(format!("{folder}/README.md does not say `{msrv}`"));
        }
    }
    let sentence = format!("Minimum Rust version: {version}");
    if !tree.text("README.md").contains(&sentence) {
        bad.push(format!("README.md does not say `{sentence}`"));
    }
    bad
}

fn inherits_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim);
    lines.any(|line| line == "[lints]") && lines.next() == Some("workspace = true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Package;

    const MANIFEST: &str = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n";

    #[track_caller]
    fn check(name: &str, manifest: &str, readme: &str, expected: &[&str]) {
        let member = Package {
            name: name.to_owned(),
            folder: Some("crates/a".to_owned()),
            rust_version: Some("1.89".to_owned()),
            ..Package::default()
        };
        let workspace = Workspace {
            packages: vec![member],
            ..Workspace::default()
        };
        let tree = Tree::of(&[
            ("README.md", "Minimum Rust version: 1.89."),
            ("crates/a/Cargo.toml", manifest),
            ("crates/a/README.md", readme),
        ]);
        assert_eq!(violations(&tree, &workspace), expected);
    }

    #[test]
    fn a_member_has_its_folders_name() {
        check("a", MANIFEST, "MSRV: 1.89.", &[]);
        let wrong = ["crates/a: its package is called b"];
        check("b", MANIFEST, "MSRV: 1.89.", &wrong);
    }

    #[test]
    fn a_member_inherits_the_lints() {
        let wrong = ["crates/a/Cargo.toml does not inherit the lints of the workspace"];
        check("a", "[package]\n", "MSRV: 1.89.", &wrong);
        let own = "[lints]\nrust.unsafe_code = \"warn\"\n\n[x]\nworkspace = true\n";
        check("a", own, "MSRV: 1.89.", &wrong);
    }

    #[test]
    fn a_readme_tells_the_rust_version_that_is_declared() {
        let wrong = ["crates/a/README.md does not say `MSRV: 1.89`"];
        check("a", MANIFEST, "MSRV: 1.85.", &wrong);
    }
}
