//! Each law is broken once, and the breach is seen.

use super::*;
use crate::workspace::Dependency;

#[derive(Clone, Copy)]
enum Edge {
    ByFeature,
    ForTests,
    Plain,
}

/// The workspace as the table allows it, plus one edge.
fn with_edge(from: &str, to: &str, edge: Edge) -> Workspace {
    let mut workspace = Workspace::default();
    for layer in &LAYERS {
        let mut member = Package {
            name: layer.name.to_owned(),
            folder: Some(format!("crates/{}", layer.name)),
            ..Package::default()
        };
        for name in layer.may {
            member.dependencies.push(dependency(name, Edge::Plain));
        }
        workspace.packages.push(member);
    }
    let mut members = workspace.packages.iter_mut();
    let member = members.find(|member| member.name == from).unwrap();
    member.dependencies.push(dependency(to, edge));
    for member in &workspace.packages {
        let built = member.dependencies.iter().filter(|d| !d.for_tests);
        let built = built.map(|d| d.name.clone()).collect();
        workspace.built_with.insert(member.name.clone(), built);
    }
    workspace
}

fn dependency(name: &str, edge: Edge) -> Dependency {
    Dependency {
        name: name.to_owned(),
        for_tests: matches!(edge, Edge::ForTests),
        optional: matches!(edge, Edge::ByFeature),
    }
}

#[track_caller]
fn refused(from: &str, to: &str, edge: Edge, expected: &str) {
    let found = violations(&with_edge(from, to, edge));
    assert!(found.iter().any(|rule| rule == expected), "{found:#?}");
}

#[track_caller]
fn allowed(from: &str, to: &str, edge: Edge) {
    let found = violations(&with_edge(from, to, edge));
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn siblings_must_not_know_each_other() {
    for from in ["mcp-breaker", "mcp-pool", "mcp-transport"] {
        for to in ["mcp-breaker", "mcp-pool", "mcp-transport"] {
            if from != to {
                let expected = format!("{from} must not depend on {to}");
                refused(from, to, Edge::Plain, &expected);
                refused(from, to, Edge::ByFeature, &expected);
            }
        }
    }
}

#[test]
fn the_words_know_nobody() {
    let expected = "mcp-domain must not depend on mcp-pool";
    refused("mcp-domain", "mcp-pool", Edge::Plain, expected);
}

#[test]
fn tests_know_what_the_table_grants_them_and_no_more() {
    allowed("mcp-pool", "mcp-breaker", Edge::ForTests);
    allowed("mcp-bench", "deadpool", Edge::ForTests);
    let expected = "mcp-pool must not depend on mcp-transport in its tests";
    refused("mcp-pool", "mcp-transport", Edge::ForTests, expected);
    let expected = "mcp-plugin-db must not know rmcp in its tests: \
                    only mcp-bench and mcp-server-db and mcp-transport may";
    refused("mcp-plugin-db", "rmcp", Edge::ForTests, expected);
}

#[test]
fn the_plugin_embeds_the_server_by_feature_only() {
    allowed("mcp-plugin-db", "mcp-server-db", Edge::ByFeature);
    allowed("mcp-plugin-db", "mcp-server-db", Edge::ForTests);
    let expected = "mcp-plugin-db must not depend on mcp-server-db, unless by a feature";
    refused("mcp-plugin-db", "mcp-server-db", Edge::Plain, expected);
}

#[test]
fn libraries_stay_where_they_belong() {
    for reserved in &RESERVED {
        for layer in &LAYERS {
            let (name, library) = (layer.name, reserved.library);
            if !reserved.owners.contains(&name) {
                let owners = reserved.owners.join(" and ");
                let expected = format!("{name} must not know {library}: only {owners} may");
                refused(name, library, Edge::Plain, &expected);
            }
        }
    }
}

#[test]
fn what_must_be_absent_is_found() {
    for (name, forbidden) in FREE_OF {
        for library in forbidden {
            let expected = format!("{name} must be free of {library}");
            refused(name, library, Edge::Plain, &expected);
        }
    }
}

#[test]
fn what_hides_below_is_found() {
    let mut workspace = with_edge("mcp-breaker", "harmless", Edge::Plain);
    let hidden = BTreeSet::from(["tokio".to_owned()]);
    workspace.built_with.insert("harmless".to_owned(), hidden);
    let found = violations(&workspace);
    assert_eq!(found, ["mcp-breaker must be free of tokio"]);
}

#[test]
fn the_tasks_stay_light() {
    allowed("xtask", "serde_json", Edge::Plain);
    let expected = "xtask must do with std and serde_json, not clap";
    refused("xtask", "clap", Edge::Plain, expected);
}

#[test]
fn a_new_member_needs_a_layer_and_an_old_one_is_missed() {
    let mut workspace = with_edge("xtask", "serde_json", Edge::Plain);
    workspace.packages[0].name = "mcp-new".to_owned();
    let found = violations(&workspace).join("\n");
    assert!(found.contains("mcp-new has no layer"), "{found}");
    assert!(
        found.contains("mcp-domain is missing from the workspace"),
        "{found}"
    );
}

#[test]
fn nobody_turns_on_what_lets_strangers_overflow_the_stack() {
    let with = |feature: &str| {
        let mut workspace = with_edge("mcp-pool", "serde_json", Edge::Plain);
        let on = [feature.to_owned()].into();
        workspace.turned_on.insert("serde_json".to_owned(), on);
        violations(&workspace)
    };
    assert_eq!(with("float_roundtrip"), Vec::<String>::new());
    let found = with("raw_value");
    let [rule] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert!(rule.starts_with("serde_json must be built without raw_value: "));
}
