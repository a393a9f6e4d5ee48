//! The addresses of resources: `db://tables/NAME/PART`.

use std::fmt;

const PREFIX: &str = "db://tables/";

/// What of a table is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Csv,
    Markdown,
    Schema,
}

impl Part {
    pub(super) const ALL: [Self; 3] = [Self::Schema, Self::Csv, Self::Markdown];

    fn path(self) -> &'static str {
        match self {
            Self::Csv => "rows",
            Self::Markdown => "rows.md",
            Self::Schema => "schema",
        }
    }

    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Csv => "rows",
            Self::Markdown => "rows as Markdown",
            Self::Schema => "schema",
        }
    }

    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Csv | Self::Markdown => "First rows",
            Self::Schema => "Columns, keys and indexes",
        }
    }

    pub(super) fn mime_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Markdown => "text/markdown",
            Self::Schema => "application/json",
        }
    }
}

/// Where a part of a table is read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) table: String,
    pub(super) part: Part,
}

impl Address {
    pub(super) fn of(table: &str, part: Part) -> Self {
        let table = table.to_owned();
        Self { table, part }
    }

    /// What an address says, if it is one.
    pub(super) fn read(uri: &str) -> Option<Self> {
        let (table, path) = uri.strip_prefix(PREFIX)?.rsplit_once('/')?;
        let part = Part::ALL.into_iter().find(|part| part.path() == path)?;
        let table = decode(table)?;
        Some(Self { table, part })
    }

    /// The pattern of all addresses of this part.
    pub(super) fn template(part: Part) -> String {
        format!("{PREFIX}{{table}}/{}", part.path())
    }
}

/// The name with all but the unreserved characters of RFC 3986 percent-encoded.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        for byte in self.table.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        write!(f, "/{}", self.part.path())
    }
}

/// The text without its percent-encoding.
pub(crate) fn decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let (digits, tail) = tail.split_at_checked(2)?;
            let digit = |digit: u8| char::from(digit).to_digit(16);
            let value = digit(digits[0])? * 16 + digit(digits[1])?;
            bytes.push(u8::try_from(value).ok()?);
            rest = tail;
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_survives_its_address() {
        for name in ["orders", "a b/c%d", "naïve\"'", "表", "", "a.b", "rows.md"] {
            for part in Part::ALL {
                let address = Address::of(name, part);
                assert_eq!(Address::read(&address.to_string()), Some(address));
            }
        }
    }

    #[test]
    fn other_addresses_are_none() {
        for uri in [
            "",
            "db://tables/",
            "db://tables/orders",
            "db://tables/orders/",
            "db://tables/orders/nope",
            "db://tables/%zz/schema",
            "db://tables/%e4/schema",
            "db://tables/%+1/schema",
            "file:///orders/schema",
        ] {
            let address = Address::read(uri);
            assert!(address.is_none(), "{uri}: {address:?}");
        }
    }
}
