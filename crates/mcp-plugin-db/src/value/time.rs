//! What a column's type says of its values: dates, times, decimals, documents.

use super::{Decimal, Json, Value, json::from_json};

/// The value, in the light of the type of its column.
///
/// Servers write what JSON has no type for as strings; the column's type tells
/// what it is. A string that does not look like its type stays text: SQLite lets
/// any column hold any text.
pub(crate) fn typed(value: Value, declared: Option<&str>) -> Value {
    let (Value::Text(text), Some(declared)) = (&value, declared) else {
        return value;
    };
    let declared = declared.to_ascii_lowercase();
    let word = declared.split(['(', ' ']).next().unwrap_or_default();
    let read = match word {
        "date" => date(text).map(|day| Value::Date(day.to_owned())),
        "datetime" | "timestamp" | "timestamptz" => timestamp(text).map(Value::Timestamp),
        "time" | "timetz" => time(text).map(|time| Value::Time(time.to_owned())),
        "decimal" | "numeric" => text.parse::<Decimal>().ok().map(Value::Decimal),
        "bigint" | "hugeint" | "int8" | "integer" | "int" | "ubigint" => {
            from_json(text).filter(|value| matches!(value, Value::Integer(_) | Value::Decimal(_)))
        }
        "double" | "float" | "float4" | "float8" | "real" => text.parse().ok().map(Value::Real),
        "json" | "jsonb" => Json::new(text.as_str()).ok().map(Value::Json),
        _ => None,
    };
    read.unwrap_or(value)
}

/// `2026-11-21`.
pub(crate) fn date(text: &str) -> Option<&str> {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    shape.then_some(text)
}

/// `08:30`, `08:30:00.25`, `08:30:00+01`.
fn time(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let shape = bytes.len() >= 5
        && bytes[2] == b':'
        && [0, 1, 3, 4].iter().all(|&at| bytes[at].is_ascii_digit())
        && bytes[5..]
            .iter()
            .all(|byte| byte.is_ascii_digit() || b":.+-Z".contains(byte));
    shape.then_some(text)
}

/// A moment in the one form that all libraries read: `T` between day and time, seconds,
/// an offset with its minutes.
pub(crate) fn timestamp(text: &str) -> Option<String> {
    let (day, rest) = text.split_at_checked(10)?;
    let day = date(day)?;
    let clock = time(rest.strip_prefix(['T', 't', ' '])?)?;
    let offset = clock.find(['+', '-', 'Z']).unwrap_or(clock.len());
    let (clock, offset) = clock.split_at(offset);
    let seconds = if clock.len() == 5 { ":00" } else { "" };
    let offset = match offset.len() {
        3 => format!("{offset}:00"),
        5 => format!("{}:{}", &offset[..3], &offset[3..]),
        _ => offset.to_owned(),
    };
    Some(format!("{day}T{clock}{seconds}{offset}"))
}
