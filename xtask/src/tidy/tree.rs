//! The files of the project, as they would be committed.

use std::{collections::BTreeMap, fs, path::Path};

use crate::cargo;

/// Every file by its path from the root, with `/` between folders. Only text has
/// a content.
#[derive(Debug, Default)]
pub(super) struct Tree {
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// Reads what git knows or would take; everything, where there is no git.
    pub(super) fn load() -> Result<Self, String> {
        let root = cargo::root();
        let mut files = BTreeMap::new();
        for name in names(&root)? {
            match fs::read(root.join(&name)) {
                Ok(bytes) => {
                    files.insert(name, String::from_utf8(bytes).ok());
                }
                // Deleted, and the deletion is not committed yet; or a link to a folder.
                Err(_) if !root.join(&name).is_file() => {}
                Err(error) => return Err(format!("cannot read {name}: {error}")),
            }
        }
        Ok(Self { files })
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Some((*text).to_owned())));
        Self {
            files: files.collect(),
        }
    }

    /// The text of a file, empty if there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.files
            .get(name)
            .and_then(Option::as_deref)
            .unwrap_or_default()
    }

    /// The texts whose name ends so.
    pub(super) fn texts(&self, end: &str) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.files.iter();
        let texts = texts.filter_map(|(name, text)| Some((name.as_str(), text.as_deref()?)));
        texts.filter(move |(name, _)| name.ends_with(end))
    }

    /// The names of all files in a folder, at any depth.
    pub(super) fn below(&self, folder: &str) -> impl Iterator<Item = &str> {
        let names = self.files.keys().map(String::as_str);
        names.filter(move |name| {
            let rest = name.strip_prefix(folder);
            rest.is_some_and(|rest| folder.is_empty() || rest.starts_with('/'))
        })
    }

    /// Is there a file or a folder of this name?
    pub(super) fn has(&self, name: &str) -> bool {
        self.files.contains_key(name) || self.below(name).next().is_some()
    }
}

fn names(root: &Path) -> Result<Vec<String>, String> {
    let mut git = cargo::at_root("git");
    git.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    match git.output() {
        Ok(output) if output.status.success() => {
            let names = String::from_utf8_lossy(&output.stdout).into_owned();
            let names = names.split_terminator('\0').map(str::to_owned);
            Ok(names.collect())
        }
        _ => {
            let mut names = Vec::new();
            walk(root, "", &mut names)?;
            Ok(names)
        }
    }
}

fn walk(root: &Path, folder: &str, names: &mut Vec<String>) -> Result<(), String> {
    let cannot = |error| format!("cannot read the folder {folder:?}: {error}");
    for entry in fs::read_dir(root.join(folder)).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = match folder {
            "" => name.clone(),
            _ => format!("{folder}/{name}"),
        };
        let is_folder = entry.file_type().map_err(cannot)?.is_dir();
        if !is_folder {
            names.push(path);
        } else if name != ".git" && path != "target" {
            walk(root, &path, names)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_git_every_source_is_found_too() {
        let mut walked = Vec::new();
        walk(&cargo::root(), "", &mut walked).unwrap();
        let listed = names(&cargo::root()).unwrap();
        for name in listed.iter().filter(|name| name.ends_with(".rs")) {
            let deleted = !cargo::root().join(name).exists();
            assert!(walked.contains(name) || deleted, "{name}");
        }
        assert!(walked.iter().all(|name| !name.starts_with("target/")));
    }

    #[test]
    fn a_folder_is_no_prefix_of_a_name() {
        let tree = Tree::of(&[("docs/a.md", ""), ("docs-old/b.md", "")]);
        assert_eq!(tree.below("docs").collect::<Vec<_>>(), ["docs/a.md"]);
        assert!(tree.has("docs") && tree.has("docs/a.md") && !tree.has("docs/a"));
    }
}
