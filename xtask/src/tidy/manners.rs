//! What every file and every crate has: module docs, lints, a README.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// A file longer than this is worth a second look.
const LONG: usize = 700;

/// Every rule that these files break.
pub(super) fn violations(root: &Path, metadata: &Value) -> Result<Vec<String>, String> {
    let mut bad = Vec::new();
    for member in members(root)? {
        let name = member.file_name().unwrap_or_default().to_string_lossy();
        let manifest = read(&member.join("Cargo.toml"))?;
        bad.extend(of_manifest(&name, &manifest));
        let readme = read(&member.join("README.md")).unwrap_or_default();
        let msrv = rust_version(metadata);
        if !readme.contains(&format!("MSRV: {msrv}")) {
            bad.push(format!("{name}/README.md does not say `MSRV: {msrv}`"));
        }
        for file in files_below(&member, "rs")? {
            let shown = file
                .strip_prefix(root)
                .unwrap_or(&file)
                .display()
                .to_string();
            bad.extend(of_source(&shown, &read(&file)?));
        }
    }
    let index = read(&root.join("docs/README.md"))?;
    for page in files_below(&root.join("docs"), "md")? {
        let page = page.strip_prefix(root.join("docs")).unwrap_or(&page);
        let page = page.display().to_string();
        if page != "README.md" && !index.contains(&page) {
            bad.push(format!("docs/README.md does not mention {page}"));
        }
    }
    Ok(bad)
}

fn of_manifest(folder: &str, manifest: &str) -> Vec<String> {
    let mut bad = Vec::new();
    let named = folder == "benches" || manifest.contains(&format!("name = \"{folder}\""));
    if !named {
        bad.push(format!(
            "{folder}: the package has another name than its folder"
        ));
    }
    if !manifest.contains("[lints]\nworkspace = true") {
        bad.push(format!(
            "{folder}: the lints of the workspace are not inherited"
        ));
    }
    bad
}

fn of_source(file: &str, text: &str) -> Vec<String> {
    let mut bad = Vec::new();
    if !text.starts_with("//!") {
        bad.push(format!(
            "{file} does not begin with `//!`, saying what it knows"
        ));
    }
    let lines = text.lines().count();
    if lines > LONG {
        bad.push(format!(
            "{file} has {lines} lines; more than {LONG} want splitting"
        ));
    }
    bad
}

fn members(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut members = vec![root.join("benches"), root.join("xtask")];
    let crates = root.join("crates");
    for entry in fs::read_dir(&crates).map_err(|e| format!("cannot read crates: {e}"))? {
        members.push(
            entry
                .map_err(|e| format!("cannot read crates: {e}"))?
                .path(),
        );
    }
    members.sort();
    Ok(members)
}

fn rust_version(metadata: &Value) -> String {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut ours = packages.filter(|package| package["name"] == "mcp-domain");
    let version = ours.next().and_then(|p| p["rust_version"].as_str());
    version.unwrap_or_default().to_owned()
}

fn files_below(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let cannot = |error| format!("cannot read {}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        if path.is_dir() {
            if !path.ends_with("target") {
                files.extend(files_below(&path, extension)?);
            }
        } else if path.extension().is_some_and(|e| e == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_docs_is_named() {
        assert_eq!(of_source("a.rs", "//! Docs.\n"), Vec::<String>::new());
        assert_eq!(of_source("a.rs", "fn main() {}\n").len(), 1);
        assert_eq!(of_source("a.rs", &"//! Docs.\n".repeat(LONG + 1)).len(), 1);
    }

    #[test]
    fn a_crate_has_its_folders_name_and_our_lints() {
        let good = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n";
        assert_eq!(of_manifest("a", good), Vec::<String>::new());
        assert_eq!(of_manifest("b", good).len(), 1);
        assert_eq!(of_manifest("a", "name = \"a\"").len(), 1);
    }
}
