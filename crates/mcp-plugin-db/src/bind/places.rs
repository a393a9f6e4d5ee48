//! Where a statement has its placeholders.

use std::ops::Range;

/// A placeholder: where it is, and which parameter it stands for, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) span: Range<usize>,
    pub(crate) parameter: usize,
}

/// All placeholders, in order. `?` takes the next parameter, `?2` and `$2` the second.
///
/// Beside `$1` and the like, `?` is an operator, as PostgreSQL has it for documents.
pub(crate) fn places(sql: &str) -> Vec<Place> {
    let bytes = sql.as_bytes();
    let mut places: Vec<Place> = Vec::new();
    let mut next = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &sql.as_bytes()[at..];
        match byte {
            b'\'' if is_escape_string(bytes, at) => at = end_of_escaped(bytes, at),
            b'\'' | b'"' | b'`' => at = end_of_quoted(bytes, at),
            b'-' if rest.starts_with(b"--") => at = end_of_line(bytes, at),
            b'/' if rest.starts_with(b"/*") => at = end_of_comment(bytes, at),
            b'$' if !is_word(bytes, at) => match number_after(rest) {
                Some((number, length)) => {
                    places.push(place(at, length, number - 1));
                    at += length;
                }
                None => at = end_of_dollar_quoted(sql, at),
            },
            b'?' => match number_after(rest) {
                Some((number, length)) => {
                    places.push(place(at, length, number - 1));
                    next = next.max(number);
                    at += length;
                }
                None => {
                    places.push(place(at, 1, next));
                    next += 1;
                    at += 1;
                }
            },
            _ => at += 1,
        }
    }
    let has_sign = |place: &Place| bytes[place.span.start] == b'$';
    if places.iter().any(has_sign) {
        places.retain(has_sign);
    }
    places
}

fn place(at: usize, length: usize, parameter: usize) -> Place {
    Place {
        span: at..at + length,
        parameter,
    }
}

/// Is there a letter, digit or underscore just before?
fn is_word(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| bytes[before]);
    before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii())
}

/// `1` to `9999` after a sign, and how long the whole is.
fn number_after(rest: &[u8]) -> Option<(usize, usize)> {
    let digits = rest[1..].iter().take_while(|byte| byte.is_ascii_digit());
    let digits = digits.count();
    let number = std::str::from_utf8(&rest[1..=digits]).ok()?;
    let number = number.parse().ok().filter(|n| (1..=9999).contains(n))?;
    Some((number, digits + 1))
}

/// `E'…'` of PostgreSQL, in which a backslash escapes.
fn is_escape_string(bytes: &[u8], at: usize) -> bool {
    at > 0 && matches!(bytes[at - 1], b'e' | b'E') && !is_word(bytes, at - 1)
}

fn end_of_escaped(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            b'\\' => 2,
            b'\'' => return at + 1,
            _ => 1,
        };
    }
    bytes.len()
}

/// A doubled quote ends one string and begins another, which comes to the same.
fn end_of_quoted(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let length = bytes[start + 1..].iter().position(|byte| *byte == quote);
    length.map_or(bytes.len(), |length| start + length + 2)
}

fn end_of_line(bytes: &[u8], start: usize) -> usize {
    let length = bytes[start..]
        .iter()
        .position(|byte| matches!(byte, b'\n' | b'\r'));
    length.map_or(bytes.len(), |length| start + length)
}

/// Comments nest in PostgreSQL, and do not in SQLite: a placeholder after
/// what is the end for one and not for the other is left alone.
fn end_of_comment(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// `$$…$$` or `$tag$…$tag$`; a lone `$` is nothing.
fn end_of_dollar_quoted(sql: &str, start: usize) -> usize {
    let rest = &sql[start..];
    let tag = rest[1..].find(|l: char| l != '_' && !l.is_alphanumeric());
    let Some(tag) = tag.filter(|tag| rest[1 + tag..].starts_with('$')) else {
        return start + 1;
    };
    let tag = &rest[..tag + 2];
    let end = rest[tag.len()..].find(tag);
    end.map_or(sql.len(), |end| start + end + 2 * tag.len())
}
