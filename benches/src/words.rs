//! Figures as a reader wants them: three digits, and the unit that suits.

use crate::{
    sample::{Ratio, Summary},
    section::Cell,
};

/// A cell as text.
pub(crate) fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Bytes(values) => arrow(values, bytes),
        Cell::Count(count) => count.to_string(),
        Cell::Counts(values) => arrow(values, |value| value.to_string()),
        Cell::Missing(why) => why.clone(),
        Cell::Rate(rate) => format!("{}/s", digits(*rate)),
        Cell::Ratio(value) => ratio(value),
        Cell::Span(least, most) if least == most => least.to_string(),
        Cell::Span(least, most) => format!("{least}–{most}"),
        Cell::Times(summary) => times(summary),
        Cell::Told(word) | Cell::Word(word) => word.clone(),
    }
}

/// Before and after, and how many times as much that is.
fn arrow(values: &[u64], one: impl Fn(u64) -> String) -> String {
    let mut shown: Vec<_> = values.iter().map(|value| one(*value)).collect();
    shown.dedup();
    let mut text = shown.join(" → ");
    if let ([first, .., last], true) = (values, shown.len() > 1 && values[0] > 0) {
        let times = factor(*last as f64 / *first as f64);
        text.push_str(&format!(" ({times}x)"));
    }
    text
}

fn times(summary: &Summary) -> String {
    format!("{} / {}", time(summary.p50), time(summary.p99))
}

/// The ratio, and what it may be by the spread of the samples.
pub(crate) fn ratio(ratio: &Ratio) -> String {
    let (low, high) = (factor(ratio.low), factor(ratio.high));
    let value = factor(ratio.value);
    if ratio.n == 1 {
        format!("{value}x (one sample)")
    } else if low == high {
        format!("{value}x")
    } else {
        format!("{value}x ({low}–{high})")
    }
}

/// A factor with as many digits as can be meant.
pub(crate) fn factor(value: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else if value < 1.995 {
        format!("{value:.2}")
    } else if value < 9.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

/// A count, shortened where it is long.
pub(crate) fn count(value: f64) -> String {
    match value {
        v if v >= 10_000.0 => format!("{:.0}k", v / 1e3),
        v if v >= 1_000.0 => format!("{}k", round(v / 1e3)),
        v => round(v),
    }
}

/// A figure with three digits, and no zeros behind the point.
pub(crate) fn round(value: f64) -> String {
    let text = digits(value);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A time with three digits and the unit that suits it.
pub(crate) fn time(micros: f64) -> String {
    let (value, unit) = if micros < 1.0 {
        (micros * 1e3, "ns")
    } else if micros < 1e3 {
        (micros, "µs")
    } else if micros < 1e6 {
        (micros / 1e3, "ms")
    } else {
        (micros / 1e6, "s")
    };
    format!("{} {unit}", digits(value))
}

/// A time in minutes and seconds.
pub(crate) fn minutes(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

/// Bytes in binary units.
pub(crate) fn bytes(bytes: u64) -> String {
    let kib = bytes as f64 / 1024.0;
    let (value, unit) = if kib < 1024.0 {
        (kib, "KiB")
    } else if kib < 1024.0 * 1024.0 {
        (kib / 1024.0, "MiB")
    } else {
        (kib / 1024.0 / 1024.0, "GiB")
    };
    format!("{} {unit}", digits(value))
}

fn digits(value: f64) -> String {
    let digits = match value {
        v if v < 10.0 => 2,
        v if v < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        assert_eq!(time(0.123), "123 ns");
        assert_eq!(time(1.5), "1.50 µs");
        assert_eq!(time(103_000.0), "103 ms");
        assert_eq!(time(2_168_000.0), "2.17 s");
        assert_eq!(minutes(22.4), "22 s");
        assert_eq!(minutes(246.2), "4 min 6 s");
    }

    #[test]
    fn bytes_and_their_growth_read_well() {
        assert_eq!(bytes(512), "0.50 KiB");
        let grown = Cell::Bytes(vec![1 << 20, 3 << 29]);
        assert_eq!(cell(&grown), "1.00 MiB → 1.50 GiB (1536x)");
        let from_nothing = Cell::Counts(vec![0, 9]);
        assert_eq!(cell(&from_nothing), "0 → 9");
        let same = Cell::Counts(vec![9, 9]);
        assert_eq!(cell(&same), "9");
        assert_eq!(cell(&Cell::Span(1, 6)), "1–6");
        assert_eq!(cell(&Cell::Span(6, 6)), "6");
    }

    #[test]
    fn a_ratio_tells_its_spread() {
        assert_eq!(ratio(&Ratio::of([641.8, 642.0, 642.1])), "642x");
        assert_eq!(ratio(&Ratio::of([1.25, 1.5, 12.0])), "1.50x (1.25–12)");
        assert_eq!([0.0, 0.004].map(factor), ["0", "0.00"]);
        // Nothing is known of its spread.
        let alone = Ratio {
            n: 1,
            ..Ratio::of([2.0; 3])
        };
        assert_eq!(ratio(&alone), "2.0x (one sample)");
    }
}
