//! What the constructors mean that database drivers write.

use super::Literal;
use crate::{Decimal, Value};

type Arguments<'a> = [(Option<&'a str>, Literal<'a>)];

/// The value that a call makes; `None` if it is none that we know.
pub(super) fn value(name: &str, arguments: &Arguments<'_>) -> Option<Value> {
    let name = name.rsplit('.').next()?;
    match name {
        "Decimal" => text(arguments)?.parse::<Decimal>().ok().map(Value::Decimal),
        "date" => Some(Value::Date(day(arguments)?)),
        "time" => {
            let clock = clock(arguments, 0)?;
            Some(Value::Time(format!("{clock}{}", zone(arguments)?)))
        }
        "datetime" => {
            let (day, clock) = (day(arguments)?, clock(arguments, 3)?);
            Some(Value::Timestamp(format!(
                "{day}T{clock}{}",
                zone(arguments)?
            )))
        }
        "timedelta" => Some(duration(arguments).into()),
        "bytearray" | "memoryview" => match arguments {
            [(None, Literal::Bytes(bytes))] => Some(bytes.as_slice().into()),
            _ => None,
        },
        // UUID('…'), IPv4Address('…') and their like: what they say is what they are.
        _ => text(arguments).map(Value::from),
    }
}

/// The only argument, if it is text.
fn text<'a>(arguments: &'a Arguments<'_>) -> Option<&'a str> {
    match arguments {
        [(None, Literal::Text(text))] => Some(text),
        _ => None,
    }
}

/// A whole number, by place or by name.
fn number(arguments: &Arguments<'_>, place: usize, name: &str) -> Option<i64> {
    let by_name = arguments.iter().find(|(keyword, _)| *keyword == Some(name));
    let by_place = || {
        arguments
            .get(place)
            .filter(|(keyword, _)| keyword.is_none())
    };
    match by_name.or_else(by_place)? {
        (_, Literal::Number(digits)) => digits.parse().ok(),
        _ => None,
    }
}

fn day(arguments: &Arguments<'_>) -> Option<String> {
    let year = number(arguments, 0, "year")?;
    let month = number(arguments, 1, "month")?;
    let day = number(arguments, 2, "day")?;
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

/// Hours to microseconds, the first of them at this place.
fn clock(arguments: &Arguments<'_>, first: usize) -> Option<String> {
    let hour = number(arguments, first, "hour")?;
    let part = |place, name| number(arguments, first + place, name).unwrap_or(0);
    let (minute, second, micro) = (part(1, "minute"), part(2, "second"), part(3, "microsecond"));
    let clock = format!("{hour:02}:{minute:02}:{second:02}");
    if micro == 0 {
        return Some(clock);
    }
    let fraction = format!("{micro:06}");
    Some(format!("{clock}.{}", fraction.trim_end_matches('0')))
}

/// The offset of a `tzinfo`: `Z`, `+01:00`, or the name of the zone in brackets, where
/// the offset is for whoever knows the zone to say.
fn zone(arguments: &Arguments<'_>) -> Option<String> {
    let zone = arguments
        .iter()
        .find(|(keyword, _)| *keyword == Some("tzinfo"));
    let (name, inner) = match zone {
        None | Some((_, Literal::Name("None"))) => return Some(String::new()),
        Some((_, Literal::Name(name))) if name.ends_with(".utc") => return Some("Z".to_owned()),
        Some((
            _,
            Literal::Call {
                name, arguments, ..
            },
        )) => (name, arguments),
        Some(_) => return None,
    };
    match (name.rsplit('.').next()?, inner.first()?) {
        ("ZoneInfo", (_, Literal::Text(zone))) => Some(match zone.as_str() {
            "UTC" | "Etc/UTC" | "GMT" | "Etc/GMT" => "Z".to_owned(),
            zone => format!("[{zone}]"),
        }),
        ("timezone" | "tzoffset", (_, offset)) => {
            let Literal::Call { arguments, .. } = offset else {
                return None;
            };
            let days = number(arguments, 0, "days").unwrap_or(0);
            let seconds = number(arguments, 1, "seconds").unwrap_or(0);
            let seconds = days.checked_mul(86_400)?.checked_add(seconds)?;
            let sign = if seconds < 0 { '-' } else { '+' };
            let minutes = seconds.unsigned_abs() / 60;
            Some(format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60))
        }
        _ => None,
    }
}

/// A span of time as ISO 8601 has it: `P1DT7384.5S`.
fn duration(arguments: &Arguments<'_>) -> String {
    let part = |place, name| number(arguments, place, name).unwrap_or(0);
    let (days, seconds, micro) = (part(0, "days"), part(1, "seconds"), part(2, "microseconds"));
    let fraction = match micro {
        0 => String::new(),
        micro => format!(".{}", format!("{micro:06}").trim_end_matches('0')),
    };
    format!("P{days}DT{seconds}{fraction}S")
}
