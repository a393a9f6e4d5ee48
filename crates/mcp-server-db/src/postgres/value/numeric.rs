//! PostgreSQL's decimals: exact, to any length.

/// Each digit of the binary form holds four decimal ones.
const DIGITS: usize = 4;

/// The decimal as PostgreSQL writes it.
///
/// The binary form is: count of digits, weight of the first, sign, decimal places,
/// and then the digits, to base 10,000.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let mut words = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let count = usize::from(words.next()?);
    let weight = i32::from(words.next()?.cast_signed());
    let sign = words.next()?;
    let places = usize::from(words.next()?);
    let digits: Vec<u16> = words.collect();
    if digits.len() != count || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let minus = match sign {
        0x0000 => "",
        0x4000 => "-",
        0xC000 => return Some("NaN".to_owned()),
        0xD000 => return Some("Infinity".to_owned()),
        0xF000 => return Some("-Infinity".to_owned()),
        _ => return None,
    };
    // The digit at a power of 10,000; nought where none is written.
    let digit = |power: i32| {
        let place = usize::try_from(weight - power).ok();
        place
            .and_then(|place| digits.get(place))
            .copied()
            .unwrap_or(0)
    };
    let mut text = minus.to_owned();
    let whole: String = (0..=weight.max(0))
        .rev()
        .map(|power| format!("{:04}", digit(power)))
        .collect();
    let whole = whole.trim_start_matches('0');
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if places > 0 {
        let groups = i32::try_from(places.div_ceil(DIGITS)).ok()?;
        let fraction: String = (1..=groups)
            .map(|power| format!("{:04}", digit(-power)))
            .collect();
        text.push('.');
        text.push_str(fraction.get(..places)?);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &[u16], expected: Option<&str>) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        assert_eq!(text(&bytes).as_deref(), expected);
    }

    #[test]
    fn every_digit_is_told() {
        check(&[0, 0, 0, 0], Some("0"));
        check(&[0, 0, 0, 2], Some("0.00"));
        check(&[2, 0, 0, 2, 1, 1000], Some("1.10"));
        check(&[2, 0, 0x4000, 5, 123, 4567], Some("-123.45670"));
        check(&[1, 2, 0, 0, 5], Some("500000000"));
        // 0.00000001: the weight of its only digit is -2.
        check(&[1, 0xfffe, 0, 8, 1], Some("0.00000001"));
        check(&[3, 1, 0, 3, 1, 2, 3000], Some("10002.300"));
        check(&[0, 0, 0xC000, 0], Some("NaN"));
        check(&[0, 0, 0xF000, 0], Some("-Infinity"));
    }

    #[test]
    fn what_is_cut_short_is_none() {
        check(&[], None);
        check(&[2, 0, 0, 0, 1], None);
        check(&[0, 0, 7, 0], None);
    }
}
