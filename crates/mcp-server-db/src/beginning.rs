//! Where a statement begins.

/// The rest of this SQL from its first word on: without the white space, comments and
/// semicolons before it. Empty if there is nothing else.
///
/// Comments nest, as PostgreSQL has them; SQLite ends them earlier, and calls what is left
/// wrong.
pub(crate) fn beginning(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest =
            rest.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == ';');
        rest = if rest.starts_with("--") {
            rest.find('\n').map_or("", |end| &rest[end..])
        } else if let Some(end) = end_of_comment(rest) {
            &rest[end..]
        } else {
            return rest;
        };
    }
}

/// The length of the comment at the start; none if there is none, or if it has no end.
fn end_of_comment(sql: &str) -> Option<usize> {
    if !sql.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        match sql.as_bytes().get(at..at + 2)? {
            b"/*" => depth += 1,
            b"*/" if depth == 1 => return Some(at + 2),
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_before_the_first_word_is_passed_over() {
        for (sql, rest) in [
            ("SELECT 1 -- x", "SELECT 1 -- x"),
            (" ;\n-- é\n/* 表 */ /**/DELETE", "DELETE"),
            ("/* /* */ x */ SELECT", "SELECT"),
            ("-- x", ""),
            ("; /* x */ ;", ""),
            ("", ""),
            ("-", "-"),
            ("*/ x", "*/ x"),
            ("/* open", "/* open"),
            ("/*", "/*"),
        ] {
            assert_eq!(beginning(sql), rest, "{sql}");
        }
    }
}
