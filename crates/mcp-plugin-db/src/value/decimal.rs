//! Numbers that are exact to any digit.

use std::{fmt, str::FromStr};

/// A number as the database wrote it, exact to any digit: `12345678901234567890.1234`.
///
/// Read it with the decimal library of your choice: [`as_str`](Self::as_str), or
/// by serde, which hands it over as a string.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal(String);

impl Decimal {
    /// The digits, with sign, point and exponent as the database wrote them.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// Takes what databases write: `-12.50`, `1e-7`, `NaN`, `Infinity`.
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let text = text.trim();
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let special = ["nan", "inf", "infinity"];
        let special = special
            .iter()
            .any(|word| unsigned.eq_ignore_ascii_case(word));
        if special || is_number(unsigned) {
            Ok(Self(text.to_owned()))
        } else {
            Err(DecimalError)
        }
    }
}

fn is_number(unsigned: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let exponent = exponent.is_none_or(|e| digits(e.strip_prefix(['-', '+']).unwrap_or(e)));
    let mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, "")) => digits(whole),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(mantissa),
    };
    mantissa && exponent
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecimalError;

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a number; it must be digits, with a sign, a point and an exponent or without",
        )
    }
}

impl std::error::Error for DecimalError {}
