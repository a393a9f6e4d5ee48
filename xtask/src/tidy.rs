//! `cargo xtask tidy`: the rules of the house, checked.
//!
//! Each rule is a plain function from what cargo knows, or from the texts, to a
//! list of breaches; its tests plant one and see it found.

mod docs;
mod layers;
mod members;
mod paths;
mod sources;
mod tree;

use self::tree::Tree;
use crate::{say, workspace::Workspace};

pub(crate) fn run(workspace: &Workspace) -> Result<(), String> {
    let tree = Tree::load()?;
    for remark in sources::long(&tree) {
        say(&format!("note: {remark}"));
    }
    let bad = violations(&tree, workspace);
    for rule in &bad {
        say(rule);
    }
    match bad.len() {
        0 => Ok(()),
        1 => Err("1 rule of the house is broken".to_owned()),
        many => Err(format!("{many} rules of the house are broken")),
    }
}

fn violations(tree: &Tree, workspace: &Workspace) -> Vec<String> {
    let mut bad = layers::violations(workspace);
    bad.extend(members::violations(tree, workspace));
    bad.extend(sources::violations(tree));
    bad.extend(docs::violations(tree, workspace));
    bad.extend(paths::violations(tree));
    bad
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        let workspace = Workspace::load().unwrap();
        let found = violations(&Tree::load().unwrap(), &workspace);
        assert_eq!(found, Vec::<String>::new());
    }
}
