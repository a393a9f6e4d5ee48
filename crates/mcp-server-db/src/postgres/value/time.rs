//! PostgreSQL's dates and times as ISO 8601, to the microsecond.

const MICROS: i64 = 1_000_000;
const MICROS_A_DAY: i64 = 86_400 * MICROS;

/// Days from 0000-03-01, where this calendar's arithmetic begins, to 2000-01-01,
/// where PostgreSQL's does.
const EPOCH: i64 = 730_425;

/// Days since 2000-01-01.
pub(super) fn date(bytes: &[u8]) -> Option<String> {
    let days = i32::from_be_bytes(bytes.try_into().ok()?);
    match days {
        i32::MAX => Some("infinity".to_owned()),
        i32::MIN => Some("-infinity".to_owned()),
        days => Some(calendar(days.into(), "")),
    }
}

/// Microseconds since midnight.
pub(super) fn time(bytes: &[u8]) -> Option<String> {
    Some(clock(i64::from_be_bytes(bytes.try_into().ok()?)))
}

/// Microseconds since 2000-01-01, and what says of which zone.
pub(super) fn timestamp(bytes: &[u8], zone: &str) -> Option<String> {
    let micros = i64::from_be_bytes(bytes.try_into().ok()?);
    match micros {
        i64::MAX => Some("infinity".to_owned()),
        i64::MIN => Some("-infinity".to_owned()),
        micros => {
            let time = clock(micros.rem_euclid(MICROS_A_DAY));
            Some(calendar(
                micros.div_euclid(MICROS_A_DAY),
                &format!("T{time}{zone}"),
            ))
        }
    }
}

/// Microseconds, days and months: none can be told in terms of another.
pub(super) fn interval(bytes: &[u8]) -> Option<String> {
    let micros = i64::from_be_bytes(bytes.get(..8)?.try_into().ok()?);
    let days = i32::from_be_bytes(bytes.get(8..12)?.try_into().ok()?);
    let months = i32::from_be_bytes(bytes.get(12..)?.try_into().ok()?);
    let part = |count: i64, unit: char| match count {
        0 => String::new(),
        count => format!("{count}{unit}"),
    };
    let (years, months) = (i64::from(months / 12), i64::from(months % 12));
    let date = part(years, 'Y') + &part(months, 'M') + &part(days.into(), 'D');
    let seconds = micros / MICROS;
    let mut time = part(seconds / 3600, 'H') + &part(seconds / 60 % 60, 'M');
    let (second, fraction) = (seconds % 60, micros % MICROS);
    if second != 0 || fraction != 0 {
        let minus = if micros < 0 { "-" } else { "" };
        let fraction = decimals(fraction.abs());
        time.push_str(&format!("{minus}{}{fraction}S", second.abs()));
    }
    Some(match (date.is_empty(), time.is_empty()) {
        (true, true) => "PT0S".to_owned(),
        (_, true) => format!("P{date}"),
        _ => format!("P{date}T{time}"),
    })
}

/// `.5` for half a second; nothing for none.
fn decimals(micros: i64) -> String {
    if micros == 0 {
        return String::new();
    }
    let digits = format!(".{micros:06}");
    digits.trim_end_matches('0').to_owned()
}

fn clock(micros: i64) -> String {
    let seconds = micros / MICROS;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = decimals(micros % MICROS);
    format!("{hours:02}:{minutes:02}:{rest:02}{fraction}")
}

/// The day of the Gregorian calendar, followed by `time`. Years before the first are
/// told as PostgreSQL does, with `BC` at the end.
///
/// The year begins in March here, so that the leap day comes last.
fn calendar(days: i64, time: &str) -> String {
    const FOUR_CENTURIES: i64 = 146_097;
    let days = days + EPOCH;
    let (era, day) = (
        days.div_euclid(FOUR_CENTURIES),
        days.rem_euclid(FOUR_CENTURIES),
    );
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era * 400 + year + next_year;
    if year > 0 {
        format!("{year:04}-{month:02}-{of_month:02}{time}")
    } else {
        format!("{:04}-{month:02}-{of_month:02}{time} BC", 1 - year)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_of_the_calendar() {
        for (days, expected) in [
            (0, "2000-01-01"),
            (59, "2000-02-29"),
            (60, "2000-03-01"),
            (-1, "1999-12-31"),
            (-10_957, "1970-01-01"),
            (-36_524, "1900-01-01"),
            (-730_119, "0001-01-01"),
            (-730_120, "0001-12-31 BC"),
            (2_921_939, "9999-12-31"),
            (i32::MAX, "infinity"),
        ] {
            assert_eq!(date(&days.to_be_bytes()).unwrap(), expected, "{days}");
        }
    }

    #[test]
    fn times_are_told_to_the_microsecond() {
        for (micros, expected) in [
            (0, "2000-01-01T00:00:00Z"),
            (1, "2000-01-01T00:00:00.000001Z"),
            (-500_000, "1999-12-31T23:59:59.5Z"),
            (i64::MIN, "-infinity"),
        ] {
            assert_eq!(timestamp(&i64::to_be_bytes(micros), "Z").unwrap(), expected);
        }
        assert_eq!(
            time(&(24 * 3600 * MICROS).to_be_bytes()).unwrap(),
            "24:00:00"
        );
    }

    #[test]
    fn intervals_keep_their_three_parts() {
        for (micros, days, months, expected) in [
            (0, 0, 0, "PT0S"),
            (0, 3, 14, "P1Y2M3D"),
            (
                4 * 3600 * MICROS + 5 * 60 * MICROS + 6_789_000,
                0,
                0,
                "PT4H5M6.789S",
            ),
            (-500_000, 1, 0, "P1DT-0.5S"),
            (-61 * MICROS, 0, -1, "P-1MT-1M-1S"),
        ] {
            let bytes = [
                &i64::to_be_bytes(micros)[..],
                &i32::to_be_bytes(days),
                &i32::to_be_bytes(months),
            ];
            assert_eq!(interval(&bytes.concat()).unwrap(), expected);
        }
    }
}
