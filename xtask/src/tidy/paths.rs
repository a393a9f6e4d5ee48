//! No text names a place on somebody's machine: nobody else has it.

use super::tree::Tree;

/// Folders in which people and machines keep what is theirs. Written in halves,
/// so that this file may be checked too.
const PLACES: [&str; 8] = [
    concat!("/home", "/"),
    concat!("/mnt", "/"),
    concat!("/private", "/"),
    concat!("/root", "/"),
    concat!("/tmp", "/"),
    concat!("/Users", "/"),
    concat!("/work", "/"),
    concat!(":\\", "Users"),
];

/// Every line that names one.
pub(super) fn violations(tree: &Tree) -> Vec<String> {
    let mut bad = Vec::new();
    for (file, text) in tree.texts("") {
        for (index, line) in text.lines().enumerate() {
            if let Some(place) = PLACES.iter().find(|place| names(line, place)) {
                bad.push(format!(
                    "{file}:{} names a place of one machine: `{place}`",
                    index + 1
                ));
            }
        }
    }
    bad
}

/// As an absolute path, not as a part of a longer name.
fn names(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        place.starts_with(':')
            || !before.is_some_and(|c| c.is_alphanumeric() || "._-~*}".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: usize) {
        let tree = Tree::of(&[("a.md", line)]);
        assert_eq!(violations(&tree).len(), expected, "{line}");
    }

    #[test]
    fn a_place_on_a_machine_is_found_in_any_text() {
        for place in PLACES {
            check(&format!("see {place}me/notes"), 1);
            check(&format!("(`{place}me`)"), 1);
            check(&format!("file://{place}me"), 1);
        }
    }

    #[test]
    fn parts_of_other_names_are_no_places() {
        for place in &PLACES[..PLACES.len() - 1] {
            check(&format!("docs{place}page.md"), 0);
            check(&format!("https://example.org{place}"), 0);
            check(&format!("~{place}"), 0);
        }
    }
}
