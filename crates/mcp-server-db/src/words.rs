//! The words of a search.

use mcp_domain::{Error, ErrorKind};

/// The words of a text.
///
/// # Errors
///
/// `ToolFailed` if there are none.
pub(crate) fn words(text: &str) -> Result<Vec<&str>, Error> {
    let between = |letter: char| letter.is_whitespace() || letter.is_control();
    let words: Vec<&str> = text
        .split(between)
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() {
        let message = "there is nothing to search for: `text` is empty";
        return Err(Error::new(ErrorKind::ToolFailed, message));
    }
    Ok(words)
}

/// What `LIKE` finds a word by, wherever it stands. Nothing in the word is a pattern
/// itself: that is escaped, by a backslash.
pub(crate) fn pattern(word: &str) -> String {
    let mut pattern = String::with_capacity(word.len() + 2);
    pattern.push('%');
    for letter in word.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_white_space_and_what_is_no_letter_at_all() {
        assert_eq!(words(" sturdy\n kettle ").unwrap(), ["sturdy", "kettle"]);
        assert_eq!(words("sturdy\0kettle\0").unwrap(), ["sturdy", "kettle"]);
        assert!(words(" \t\0").is_err());
    }

    #[test]
    fn nothing_in_a_word_is_a_pattern() {
        assert_eq!(pattern("100%_\\é"), "%100\\%\\_\\\\é%");
    }
}
