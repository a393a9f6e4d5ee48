//! Who may know whom. The table below is the law of the house (ARCHITECTURE.md).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Our crates, and which of our crates each may depend on.
const LAYERS: [(&str, &[&str]); 6] = [
    ("mcp-domain", &[]),
    ("mcp-breaker", &["mcp-domain"]),
    ("mcp-pool", &["mcp-domain"]),
    ("mcp-transport", &["mcp-domain"]),
    ("mcp-server-db", &["mcp-domain"]),
    (
        "mcp-plugin-db",
        &[
            "mcp-breaker",
            "mcp-domain",
            "mcp-pool",
            "mcp-server-db",
            "mcp-transport",
        ],
    ),
];

/// Libraries that only some of our crates may depend on directly.
const RESERVED: [(&str, &[&str]); 7] = [
    ("backoff", &["mcp-pool"]),
    ("deadpool", &["mcp-pool"]),
    ("reqwest", &["mcp-transport"]),
    ("rmcp", &["mcp-server-db", "mcp-transport"]),
    ("rusqlite", &["mcp-server-db"]),
    ("axum", &["mcp-server-db"]),
    ("rustix", &["mcp-transport"]),
];

/// What must not be found anywhere below a crate.
const FREE_OF: [(&str, &[&str]); 3] = [
    ("mcp-domain", &["tokio", "rmcp", "deadpool"]),
    ("mcp-breaker", &["tokio", "rmcp", "deadpool", "futures"]),
    ("mcp-pool", &["rmcp", "mcp-breaker", "mcp-transport"]),
];

/// Every rule that these packages break.
pub(super) fn violations(metadata: &Value) -> Vec<String> {
    let known = direct_dependencies(metadata);
    let mut bad = Vec::new();
    for (name, dependencies) in &known {
        let Some((_, may)) = LAYERS.iter().find(|(layer, _)| layer == name) else {
            continue;
        };
        for dependency in dependencies {
            let ours = LAYERS.iter().any(|(layer, _)| layer == dependency);
            if ours && !may.contains(&dependency.as_str()) {
                bad.push(format!("{name} must not depend on {dependency}"));
            }
            let reserved = RESERVED.iter().find(|(library, _)| library == dependency);
            if let Some((_, owners)) = reserved
                && !owners.contains(&name.as_str())
            {
                let owners = owners.join(" and ");
                bad.push(format!(
                    "{name} must not know {dependency}: only {owners} may"
                ));
            }
        }
    }
    let built = built_dependencies(metadata);
    for (name, forbidden) in FREE_OF {
        let below = all_below(name, &built);
        for library in forbidden.iter().filter(|library| below.contains(**library)) {
            bad.push(format!("{name} must be free of {library}"));
        }
    }
    for (layer, _) in LAYERS {
        if !known.contains_key(layer) {
            bad.push(format!("{layer} is missing from the workspace"));
        }
    }
    bad
}

/// What each package declares that it needs to run: not what only its tests need.
fn direct_dependencies(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let entries = packages.map(|package| {
        let name = package["name"].as_str().unwrap_or_default();
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let normal = dependencies.filter(|d| d["kind"].is_null());
        let names = normal.filter_map(|d| d["name"].as_str().map(str::to_owned));
        (name.to_owned(), names.collect())
    });
    entries.collect()
}

/// What each package is really built with, its features considered.
fn built_dependencies(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let names: BTreeMap<&str, &str> = packages
        .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
        .collect();
    let name = |id: &Value| names.get(id.as_str()?).map(|name| (*name).to_owned());
    let mut built: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let nodes = metadata["resolve"]["nodes"].as_array();
    for node in nodes.into_iter().flatten() {
        let Some(package) = name(&node["id"]) else {
            continue;
        };
        let dependencies = node["deps"].as_array().into_iter().flatten();
        let normal = dependencies.filter(|dependency| {
            let mut kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
            kinds.any(|kind| kind["kind"].is_null())
        });
        let names = normal.filter_map(|dependency| name(&dependency["pkg"]));
        built.entry(package).or_default().extend(names);
    }
    built
}

/// Everything below a package.
fn all_below(name: &str, built: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let mut below = BTreeSet::new();
    let mut open: Vec<&str> = vec![name];
    while let Some(next) = open.pop() {
        for dependency in built.get(next).into_iter().flatten() {
            if below.insert(dependency.clone()) {
                open.push(dependency);
            }
        }
    }
    below
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The workspace as it should be, plus one edge.
    fn with_edge(from: &str, to: &str, kind: Value) -> Value {
        let mut packages: Vec<Value> = LAYERS
            .iter()
            .map(|(name, may)| {
                let edges: Vec<Value> = may
                    .iter()
                    .map(|to| json!({ "name": to, "kind": null }))
                    .collect();
                json!({ "name": name, "id": name, "dependencies": edges })
            })
            .collect();
        for library in ["tokio", "rmcp", "deadpool"] {
            packages.push(json!({ "name": library, "id": library, "dependencies": [] }));
        }
        for package in &mut packages {
            if package["name"] == from {
                let edges = package["dependencies"].as_array_mut().unwrap();
                edges.push(json!({ "name": to, "kind": kind }));
            }
        }
        let nodes: Vec<Value> = packages
            .iter()
            .map(|package| {
                let edges = package["dependencies"].as_array().unwrap().iter();
                let deps = edges.map(
                    |edge| json!({ "pkg": edge["name"], "dep_kinds": [{ "kind": edge["kind"] }] }),
                );
                json!({ "id": package["name"], "deps": deps.collect::<Vec<_>>() })
            })
            .collect();
        json!({ "packages": packages, "resolve": { "nodes": nodes } })
    }

    #[track_caller]
    fn check(from: &str, to: &str, expected: &str) {
        let found = violations(&with_edge(from, to, Value::Null));
        assert!(found.iter().any(|rule| rule == expected), "{found:?}");
    }

    #[test]
    fn siblings_must_not_know_each_other() {
        check(
            "mcp-pool",
            "mcp-breaker",
            "mcp-pool must not depend on mcp-breaker",
        );
        check(
            "mcp-breaker",
            "mcp-transport",
            "mcp-breaker must not depend on mcp-transport",
        );
        check(
            "mcp-domain",
            "mcp-pool",
            "mcp-domain must not depend on mcp-pool",
        );
    }

    #[test]
    fn libraries_stay_where_they_belong() {
        check(
            "mcp-plugin-db",
            "rmcp",
            "mcp-plugin-db must not know rmcp: only mcp-server-db and mcp-transport may",
        );
        check("mcp-domain", "tokio", "mcp-domain must be free of tokio");
        check("mcp-breaker", "tokio", "mcp-breaker must be free of tokio");
    }

    #[test]
    fn what_hides_below_is_found() {
        let mut metadata = with_edge("mcp-breaker", "deadpool", Value::Null);
        let nodes = metadata["resolve"]["nodes"].as_array_mut().unwrap();
        let deadpool = nodes
            .iter_mut()
            .find(|node| node["id"] == "deadpool")
            .unwrap();
        deadpool["deps"] = json!([{ "pkg": "tokio", "dep_kinds": [{ "kind": null }] }]);
        let found = violations(&metadata);
        let rule = "mcp-breaker must be free of tokio";
        assert!(found.iter().any(|found| found == rule), "{found:?}");
    }

    #[test]
    fn tests_and_examples_may_know_more() {
        let metadata = with_edge("mcp-pool", "mcp-breaker", json!("dev"));
        assert_eq!(violations(&metadata), Vec::<String>::new());
    }
}
