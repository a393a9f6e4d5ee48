//! From text to literals.

use super::{Literal, strings};

/// Deeper nesting is refused: each level costs stack.
const DEEPEST: usize = 64;

/// Reads literals from left to right.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.at == self.text.len()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Takes this character, after any space.
    fn take(&mut self, wanted: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    /// Takes characters for as long as they fit.
    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|letter| !fits(letter)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// The next literal; `None` if there is none.
    pub(super) fn literal(&mut self, depth: usize) -> Option<Literal<'a>> {
        if depth > DEEPEST {
            return None;
        }
        self.skip_space();
        let rest = self.rest();
        match rest.chars().next()? {
            '[' => self.list('[', ']', depth).map(Literal::List),
            '(' => self.list('(', ')', depth).map(Literal::List),
            '{' => self.braces(depth),
            '\'' | '"' => {
                let (text, length) = strings::text(rest)?;
                self.at += length;
                Some(Literal::Text(text))
            }
            'b' if rest[1..].starts_with(['\'', '"']) => {
                let (bytes, length) = strings::bytes(&rest[1..])?;
                self.at += 1 + length;
                Some(Literal::Bytes(bytes))
            }
            '-' | '+' | '.' | '0'..='9' => self.number(),
            letter if letter == '_' || letter.is_alphabetic() => self.name(depth),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Literal<'a>> {
        let start = self.at;
        self.take_while(|letter| letter == '-' || letter == '+');
        if self.rest().starts_with("inf") {
            self.at += 3;
            return Some(Literal::Name(&self.text[start..self.at]));
        }
        let digits = self.take_while(|l| l.is_ascii_digit() || l == '.');
        if digits.is_empty() {
            return None;
        }
        if self.rest().starts_with(['e', 'E']) {
            self.at += 1;
            self.take_while(|l| l.is_ascii_digit() || l == '-' || l == '+');
        }
        Some(Literal::Number(&self.text[start..self.at]))
    }

    /// A name, or a call of it.
    fn name(&mut self, depth: usize) -> Option<Literal<'a>> {
        let start = self.at;
        let name = self.take_while(|l| l == '_' || l == '.' || l.is_alphanumeric());
        if !self.rest().starts_with('(') {
            return Some(Literal::Name(name));
        }
        self.at += 1;
        let mut arguments = Vec::new();
        loop {
            if self.take(')') {
                let source = &self.text[start..self.at];
                return Some(Literal::Call {
                    name,
                    arguments,
                    source,
                });
            }
            if !arguments.is_empty() && !self.take(',') {
                return None;
            }
            let keyword = self.keyword();
            arguments.push((keyword, self.literal(depth + 1)?));
        }
    }

    /// `name=`, if that is what comes.
    fn keyword(&mut self) -> Option<&'a str> {
        self.skip_space();
        let start = self.at;
        let name = self.take_while(|l| l == '_' || l.is_alphanumeric());
        if !name.is_empty() && self.rest().starts_with('=') {
            self.at += 1;
            return Some(name);
        }
        self.at = start;
        None
    }

    fn list(&mut self, open: char, close: char, depth: usize) -> Option<Vec<Literal<'a>>> {
        if !self.take(open) {
            return None;
        }
        let mut items = Vec::new();
        loop {
            if self.take(close) {
                return Some(items);
            }
            if !items.is_empty() && !self.take(',') {
                return None;
            }
            // A tuple of one ends with a comma.
            if !items.is_empty() && self.take(close) {
                return Some(items);
            }
            items.push(self.literal(depth + 1)?);
        }
    }

    /// A dictionary or a set.
    fn braces(&mut self, depth: usize) -> Option<Literal<'a>> {
        self.take('{');
        let mut entries = Vec::new();
        let mut items = Vec::new();
        loop {
            if self.take('}') {
                return Some(if items.is_empty() {
                    Literal::Dict(entries)
                } else {
                    Literal::List(items)
                });
            }
            let first = entries.is_empty() && items.is_empty();
            if !first && !self.take(',') {
                return None;
            }
            let item = self.literal(depth + 1)?;
            if items.is_empty() && self.take(':') {
                entries.push((item, self.literal(depth + 1)?));
            } else if entries.is_empty() {
                items.push(item);
            } else {
                return None;
            }
        }
    }
}
