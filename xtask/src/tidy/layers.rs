//! Who may know whom. The tables below are the law of the house (ARCHITECTURE.md).

use std::collections::BTreeSet;

use crate::workspace::{Package, Workspace};

/// A member of the workspace, and which of the others it may know.
struct Layer {
    name: &'static str,
    may: &'static [&'static str],
    /// Only if a feature asks for it: never by default of the library.
    may_by_feature: &'static [&'static str],
    /// Only in tests, examples and benchmarks.
    may_for_tests: &'static [&'static str],
}

impl Layer {
    const fn new(name: &'static str, may: &'static [&'static str]) -> Self {
        Self {
            name,
            may,
            may_by_feature: &[],
            may_for_tests: &[],
        }
    }
}

const LAYERS: [Layer; 8] = [
    Layer::new("mcp-domain", &[]),
    Layer::new("mcp-breaker", &["mcp-domain"]),
    Layer {
        // The example swap_breaker shows how the pool takes one breaker or another.
        may_for_tests: &["mcp-breaker"],
        ..Layer::new("mcp-pool", &["mcp-domain"])
    },
    Layer {
        // Its tests turn on the features that are off by default.
        may_for_tests: &["mcp-transport"],
        ..Layer::new("mcp-transport", &["mcp-domain"])
    },
    Layer::new("mcp-server-db", &["mcp-domain"]),
    Layer {
        // The program mcp-db embeds the server; the library can do without.
        may_by_feature: &["mcp-server-db"],
        may_for_tests: &["mcp-server-db"],
        ..Layer::new(
            "mcp-plugin-db",
            &["mcp-breaker", "mcp-domain", "mcp-pool", "mcp-transport"],
        )
    },
    Layer::new(
        "mcp-bench",
        &[
            "mcp-breaker",
            "mcp-domain",
            "mcp-plugin-db",
            "mcp-pool",
            "mcp-server-db",
            "mcp-transport",
        ],
    ),
    Layer::new("xtask", &[]),
];

/// A library that only some members may know.
struct Reserved {
    library: &'static str,
    owners: &'static [&'static str],
    /// Only in tests, examples and benchmarks.
    for_tests: &'static [&'static str],
}

impl Reserved {
    const fn new(library: &'static str, owners: &'static [&'static str]) -> Self {
        Self {
            library,
            owners,
            for_tests: &[],
        }
    }
}

const RESERVED: [Reserved; 9] = [
    Reserved::new("backoff", &["mcp-pool"]),
    Reserved {
        // Checkouts are measured beside the bare one.
        for_tests: &["mcp-bench"],
        ..Reserved::new("deadpool", &["mcp-pool"])
    },
    Reserved::new("deadpool-postgres", &["mcp-server-db"]),
    Reserved::new("hyper", &["mcp-server-db"]),
    Reserved::new("reqwest", &["mcp-transport"]),
    // The benchmark measures the bare SDK beside ours.
    Reserved::new("rmcp", &["mcp-bench", "mcp-server-db", "mcp-transport"]),
    Reserved {
        // Files for servers of others to serve.
        for_tests: &["mcp-plugin-db"],
        ..Reserved::new("rusqlite", &["mcp-server-db"])
    },
    Reserved {
        // Servers are killed to see what it costs.
        for_tests: &["mcp-plugin-db"],
        ..Reserved::new("rustix", &["mcp-bench", "mcp-transport"])
    },
    Reserved::new("tokio-postgres", &["mcp-server-db"]),
];

/// What makes a crate need an async runtime, or be one.
const RUNTIMES: &[&str] = &[
    "async-executor",
    "async-io",
    "async-std",
    "compio",
    "futures-executor",
    "glommio",
    "monoio",
    "smol",
    "tokio",
];

/// What a crate that does I/O stands on.
const INPUT_AND_OUTPUT: &[&str] = &["libc", "mio", "polling", "rustix", "socket2", "windows-sys"];

/// What must not be found anywhere below a crate, however deep.
const FREE_OF: [(&str, &[&str]); 8] = [
    ("mcp-breaker", RUNTIMES),
    ("mcp-breaker", &["deadpool", "futures", "rmcp"]),
    ("mcp-domain", INPUT_AND_OUTPUT),
    ("mcp-domain", RUNTIMES),
    ("mcp-domain", &["backoff", "deadpool", "rmcp"]),
    ("mcp-pool", &["mcp-breaker", "mcp-transport", "rmcp"]),
    ("mcp-server-db", &["backoff"]),
    (
        "mcp-transport",
        &["backoff", "deadpool", "mcp-breaker", "mcp-pool"],
    ),
];

/// A feature that nobody may turn on: all crates of a program would have it.
struct Unwanted {
    library: &'static str,
    feature: &'static str,
    /// What it would do.
    because: &'static str,
}

const UNWANTED: [Unwanted; 1] = [Unwanted {
    library: "serde_json",
    feature: "raw_value",
    because: "a stranger's JSON could overflow the stack of whoever reads it as a `Value`",
}];

/// All that the project's own tasks may be built on: they build in seconds, on
/// any machine.
const OF_XTASK: &[&str] = &["serde_json"];

/// Every rule that these packages break.
pub(super) fn violations(workspace: &Workspace) -> Vec<String> {
    let mut bad = Vec::new();
    for member in workspace.members() {
        match LAYERS.iter().find(|layer| layer.name == member.name) {
            Some(layer) => bad.extend(of_member(member, layer)),
            None => bad.push(format!(
                "{} has no layer: say in the table of xtask/src/tidy/layers.rs whom it may know",
                member.name
            )),
        }
    }
    for layer in &LAYERS {
        if !workspace.members().any(|member| member.name == layer.name) {
            bad.push(format!("{} is missing from the workspace", layer.name));
        }
    }
    for (name, forbidden) in FREE_OF {
        let below = all_below(name, workspace);
        for library in forbidden.iter().filter(|library| below.contains(**library)) {
            bad.push(format!("{name} must be free of {library}"));
        }
    }
    for Unwanted {
        library,
        feature,
        because,
    } in UNWANTED
    {
        let on = workspace.turned_on.get(library);
        if on.is_some_and(|on| on.contains(feature)) {
            bad.push(format!(
                "{library} must be built without {feature}: {because} \
                 (`cargo tree -e features -i {library}` tells who turns it on)"
            ));
        }
    }
    bad
}

/// What a member declares itself, with any feature.
fn of_member(member: &Package, layer: &Layer) -> Vec<String> {
    let name = layer.name;
    let mut bad = Vec::new();
    for dependency in &member.dependencies {
        let other = dependency.name.as_str();
        let in_tests = if dependency.for_tests {
            " in its tests"
        } else {
            ""
        };
        if LAYERS.iter().any(|layer| layer.name == other) {
            let by_feature = dependency.optional && layer.may_by_feature.contains(&other);
            let for_tests = dependency.for_tests && layer.may_for_tests.contains(&other);
            if !layer.may.contains(&other) && !by_feature && !for_tests {
                let how = if layer.may_by_feature.contains(&other) {
                    ", unless by a feature"
                } else {
                    in_tests
                };
                bad.push(format!("{name} must not depend on {other}{how}"));
            }
        }
        if let Some(reserved) = RESERVED.iter().find(|reserved| reserved.library == other) {
            let for_tests = dependency.for_tests && reserved.for_tests.contains(&name);
            if !reserved.owners.contains(&name) && !for_tests {
                let owners = reserved.owners.join(" and ");
                bad.push(format!(
                    "{name} must not know {other}{in_tests}: only {owners} may"
                ));
            }
        }
        if name == "xtask" && !OF_XTASK.contains(&other) {
            let all = OF_XTASK.join(" and ");
            bad.push(format!("xtask must do with std and {all}, not {other}"));
        }
    }
    bad
}

/// Everything below a package.
fn all_below<'w>(name: &'w str, workspace: &'w Workspace) -> BTreeSet<&'w str> {
    let mut below = BTreeSet::new();
    let mut open = vec![name];
    while let Some(next) = open.pop() {
        for dependency in workspace.built_with.get(next).into_iter().flatten() {
            if below.insert(dependency.as_str()) {
                open.push(dependency);
            }
        }
    }
    below
}

#[cfg(test)]
mod tests;
