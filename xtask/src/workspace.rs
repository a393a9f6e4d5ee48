//! What cargo knows of the workspace, and of all that it is built on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::cargo;

/// The packages of the workspace and of its dependencies, on any platform and
/// with every feature.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    /// What each package is built with, tests and examples not counted.
    pub(crate) built_with: BTreeMap<String, BTreeSet<String>>,
    /// The features of each package that somebody turns on, tests and examples counted.
    pub(crate) turned_on: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Where it is, seen from the root of the workspace: of members only.
    pub(crate) folder: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) features: Vec<String>,
    pub(crate) has_library: bool,
    pub(crate) licence: Option<String>,
    pub(crate) rust_version: Option<String>,
    /// The registry it comes from: none for what lies on this machine.
    pub(crate) source: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Only tests, examples and benchmarks know it.
    pub(crate) for_tests: bool,
    pub(crate) optional: bool,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load() -> Result<Self, String> {
        let mut metadata = cargo::command();
        metadata.args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--all-features",
        ]);
        Ok(Self::new(&cargo::json(&mut metadata)?))
    }

    fn new(metadata: &Value) -> Self {
        let root = text(&metadata["workspace_root"]).unwrap_or_default();
        let members = list(&metadata["workspace_members"]);
        let members: BTreeSet<&str> = members.filter_map(Value::as_str).collect();
        let packages = list(&metadata["packages"]);
        let packages = packages.map(|package| {
            let member = package["id"]
                .as_str()
                .is_some_and(|id| members.contains(id));
            Package::new(package, member.then_some(&root))
        });
        Self {
            packages: packages.collect(),
            built_with: built_with(metadata),
            turned_on: turned_on(metadata),
        }
    }

    /// The packages of the workspace itself.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| package.folder.is_some())
    }

    /// The libraries that users take: what lies in `crates/` and has one.
    pub(crate) fn libraries(&self) -> impl Iterator<Item = &Package> {
        self.members().filter(|member| {
            let folder = member.folder.as_deref().unwrap_or_default();
            member.has_library && folder.starts_with("crates/")
        })
    }

    /// The Rust version that the workspace promises to need, at most.
    pub(crate) fn rust_version(&self) -> Result<&str, String> {
        let versions: BTreeSet<&str> = self
            .members()
            .map(|member| member.rust_version.as_deref().unwrap_or("none"))
            .collect();
        match Vec::from_iter(versions)[..] {
            [one] if one != "none" => Ok(one),
            ref all => Err(format!(
                "the crates must declare one rust-version, not {}",
                all.join(" and ")
            )),
        }
    }
}

impl Package {
    fn new(package: &Value, root: Option<&String>) -> Self {
        let manifest = text(&package["manifest_path"]).unwrap_or_default();
        let folder = root.and_then(|root| {
            let below = manifest.strip_prefix(root.as_str())?;
            let below = below.trim_end_matches("Cargo.toml").replace('\\', "/");
            Some(below.trim_matches('/').to_owned())
        });
        let kinds = list(&package["targets"]).flat_map(|target| list(&target["kind"]));
        let libraries = ["lib", "rlib", "proc-macro"];
        Self {
            name: text(&package["name"]).unwrap_or_default(),
            version: text(&package["version"]).unwrap_or_default(),
            folder,
            dependencies: list(&package["dependencies"])
                .map(Dependency::new)
                .collect(),
            features: package["features"]
                .as_object()
                .map(|features| features.keys().cloned().collect())
                .unwrap_or_default(),
            has_library: kinds
                .filter_map(Value::as_str)
                .any(|kind| libraries.contains(&kind)),
            licence: text(&package["license"]),
            rust_version: text(&package["rust_version"]),
            source: text(&package["source"]),
        }
    }
}

impl Dependency {
    fn new(dependency: &Value) -> Self {
        Self {
            name: text(&dependency["name"]).unwrap_or_default(),
            for_tests: dependency["kind"] == "dev",
            optional: dependency["optional"] == true,
        }
    }
}

/// The names of packages by their ids.
fn names(metadata: &Value) -> BTreeMap<&str, &str> {
    list(&metadata["packages"])
        .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
        .collect()
}

fn turned_on(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let names = names(metadata);
    let mut on: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        if let Some(name) = node["id"].as_str().and_then(|id| names.get(id)) {
            let features = list(&node["features"]).filter_map(text);
            on.entry((*name).to_owned()).or_default().extend(features);
        }
    }
    on
}

fn built_with(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let names = names(metadata);
    let name = |id: &Value| names.get(id.as_str()?).map(|name| (*name).to_owned());
    let mut built: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let needed = list(&node["deps"])
            .filter(|dependency| list(&dependency["dep_kinds"]).any(|kind| kind["kind"] != "dev"));
        let needed = needed.filter_map(|dependency| name(&dependency["pkg"]));
        if let Some(package) = name(&node["id"]) {
            built.entry(package).or_default().extend(needed);
        }
    }
    built
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// One member with one dependency of each kind, in the words of cargo.
    fn metadata() -> Value {
        json!({
            "workspace_root": "/where/it/is",
            "workspace_members": ["ours"],
            "packages": [
                {
                    "id": "ours", "name": "mcp-ours", "version": "0.1.0",
                    "manifest_path": "/where/it/is/crates/mcp-ours/Cargo.toml",
                    "license": "MIT", "rust_version": "1.89", "source": null,
                    "features": { "default": [], "program": [] },
                    "targets": [{ "kind": ["lib"] }, { "kind": ["test"] }],
                    "dependencies": [
                        { "name": "normal", "kind": null, "optional": true },
                        { "name": "tester", "kind": "dev", "optional": false },
                    ],
                },
                { "id": "n", "name": "normal", "manifest_path": "/else/Cargo.toml" },
                { "id": "t", "name": "tester", "manifest_path": "/else/Cargo.toml" },
            ],
            "resolve": { "nodes": [{ "id": "ours", "features": ["program"], "deps": [
                { "pkg": "n", "dep_kinds": [{ "kind": "dev" }, { "kind": null }] },
                { "pkg": "t", "dep_kinds": [{ "kind": "dev" }] },
            ]}]},
        })
    }

    #[test]
    fn a_member_is_read_with_its_place_and_its_promises() {
        let workspace = Workspace::new(&metadata());
        let members: Vec<_> = workspace.libraries().collect();
        let [ours] = members[..] else {
            panic!("one library is ours: {members:?}");
        };
        assert_eq!(ours.name, "mcp-ours");
        assert_eq!(ours.folder.as_deref(), Some("crates/mcp-ours"));
        assert_eq!(ours.features, ["default", "program"]);
        assert_eq!(workspace.rust_version(), Ok("1.89"));
    }

    #[test]
    fn what_only_tests_need_is_not_what_a_crate_is_built_with() {
        let workspace = Workspace::new(&metadata());
        let ours = &workspace.packages[0];
        let kinds: Vec<_> = ours.dependencies.iter().map(|d| d.for_tests).collect();
        assert_eq!(kinds, [false, true]);
        let built: Vec<_> = workspace.built_with["mcp-ours"].iter().collect();
        assert_eq!(built, ["normal"]);
        let on: Vec<_> = workspace.turned_on["mcp-ours"].iter().collect();
        assert_eq!(on, ["program"]);
    }

    #[test]
    fn two_rust_versions_are_no_promise() {
        let mut metadata = metadata();
        metadata["packages"][1]["rust_version"] = json!("1.90");
        metadata["workspace_members"] = json!(["ours", "n"]);
        metadata["packages"][1]["manifest_path"] = json!("/where/it/is/crates/n/Cargo.toml");
        let two = Workspace::new(&metadata);
        let error = two.rust_version().unwrap_err();
        assert!(error.ends_with("not 1.89 and 1.90"), "{error}");
    }
}
