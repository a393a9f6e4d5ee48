//! Quoted strings and bytes, with Python's escapes.

/// A string that begins here, and how long it is in the text.
pub(super) fn text(source: &str) -> Option<(String, usize)> {
    let quote = source.chars().next()?;
    let mut text = String::new();
    let mut letters = source.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        if letter == quote {
            return Some((text, at + 1));
        }
        if letter != '\\' {
            text.push(letter);
            continue;
        }
        let (at, escape) = letters.next()?;
        let digits = match escape {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            other => {
                text.push(plain(other)?);
                continue;
            }
        };
        let code = source.get(at + 1..at + 1 + digits)?;
        let code = u32::from_str_radix(code, 16).ok()?;
        // Half of a pair, which Python allows and Unicode does not.
        text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        for _ in 0..digits {
            letters.next();
        }
    }
    None
}

/// The bytes of a literal that begins here, after its `b`, and how long it is in the text.
pub(super) fn bytes(source: &str) -> Option<(Vec<u8>, usize)> {
    let all = source.as_bytes();
    let quote = *all.first()?;
    let mut bytes = Vec::new();
    let mut at = 1;
    loop {
        let byte = *all.get(at)?;
        if byte == quote {
            return Some((bytes, at + 1));
        }
        if !byte.is_ascii() {
            return None;
        }
        at += 1;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let escape = *all.get(at)?;
        at += 1;
        if escape == b'x' {
            let code = source.get(at..at + 2)?;
            bytes.push(u8::from_str_radix(code, 16).ok()?);
            at += 2;
        } else {
            bytes.push(u8::try_from(plain(char::from(escape))?).ok()?);
        }
    }
}

/// What an escape of one letter stands for.
fn plain(escape: char) -> Option<char> {
    Some(match escape {
        '\\' | '\'' | '"' => escape,
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        _ => return None,
    })
}
