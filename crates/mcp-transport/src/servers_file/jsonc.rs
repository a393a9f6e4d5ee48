//! JSON as people write it: with comments and trailing commas.

/// Blanks comments and trailing commas, so that what stays is JSON whose lines and
/// columns are those of the text.
pub(super) fn to_json(text: &str) -> String {
    without_trailing_commas(&without_comments(text))
}

fn without_comments(text: &str) -> String {
    let mut json = String::with_capacity(text.len());
    let mut chars = Scanner::new(text);
    while let Some((char, in_string)) = chars.next() {
        let rest = chars.rest();
        let comment = match (char, in_string) {
            ('/', false) if rest.starts_with('/') => rest.find('\n').unwrap_or(rest.len()),
            ('/', false) if rest.starts_with('*') => match rest[1..].find("*/") {
                Some(end) => end + 3,
                None => rest.len(),
            },
            _ => {
                json.push(char);
                continue;
            }
        };
        json.push(' ');
        json.extend(rest[..comment].chars().flat_map(blank));
        chars.skip(comment);
    }
    json
}

fn without_trailing_commas(text: &str) -> String {
    let mut json = String::with_capacity(text.len());
    let mut chars = Scanner::new(text);
    while let Some((char, in_string)) = chars.next() {
        let next = chars.rest().trim_start().chars().next();
        let trailing = char == ',' && !in_string && matches!(next, Some('}' | ']'));
        json.push(if trailing { ' ' } else { char });
    }
    json
}

/// As many blanks as the character has bytes; line breaks stay.
fn blank(char: char) -> impl Iterator<Item = char> {
    let (blank, times) = match char {
        '\n' | '\r' => (char, 1),
        _ => (' ', char.len_utf8()),
    };
    std::iter::repeat_n(blank, times)
}

/// Characters, and whether each is in a string or delimits one.
struct Scanner<'a> {
    rest: &'a str,
    in_string: bool,
    escaped: bool,
}

impl<'a> Scanner<'a> {
    fn new(rest: &'a str) -> Self {
        Self {
            rest,
            in_string: false,
            escaped: false,
        }
    }

    fn rest(&self) -> &'a str {
        self.rest
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn next(&mut self) -> Option<(char, bool)> {
        let char = self.rest.chars().next()?;
        self.skip(char.len_utf8());
        let was_in_string = self.in_string;
        match char {
            _ if self.escaped => self.escaped = false,
            '\\' if self.in_string => self.escaped = true,
            '"' => self.in_string = !self.in_string,
            _ => {}
        }
        Some((char, was_in_string || self.in_string))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(to_json(text), expected);
    }

    #[test]
    fn comments_and_trailing_commas_become_blanks() {
        check("{} // ü\n", "{}      \n");
        check("[1, /* , ] */ 2,]", "[1,           2 ]");
        check("{\"a\":1, // last,\n}", "{\"a\":1          \n}");
        check("[1 /* never ends", "[1              ");
    }

    #[test]
    fn what_is_in_strings_stays() {
        for text in [
            r#"["//", "/* */", ",]"]"#,
            r#"{"a\"//": "b\\"}"#,
            r#"{"url": "http://h/mcp"}"#,
        ] {
            check(text, text);
        }
    }
}
