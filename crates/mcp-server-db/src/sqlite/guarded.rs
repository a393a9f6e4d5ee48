//! Functions whose work is a product of what they are given.
//!
//! The clock is looked at between the steps of a statement, and a call of a function is
//! one step, however long. Most take as long as their values are, which is bounded. These
//! do not: `trim` compares each letter with each other one, `instr` and `replace` can
//! compare all of one text at each place of the other. With a megabyte on both sides that
//! is an hour. So they are refused where the product of the lengths is too large, and
//! else are what they always were: the engine's own, called on a connection beside.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{
    Connection, ToSql,
    functions::{Context, FunctionFlags},
    limits::Limit,
    types::{ToSqlOutput, ValueRef},
};

/// The functions, with how many values they take. Of `trim` and its like, those that are
/// told which letters to take away.
const GUARDED: [(&str, u8); 7] = [
    ("instr", 2),
    ("json_patch", 2),
    ("jsonb_patch", 2),
    ("ltrim", 2),
    ("replace", 3),
    ("rtrim", 2),
    ("trim", 2),
];

/// The largest product of two lengths: a second, for the slowest of them.
const MOST_WORK: usize = 1 << 28;

/// How the engine marks text that is JSON.
const JSON: u32 = b'J' as u32;

/// Puts guards before the functions of a connection, whose values may have `longest` bytes.
pub(super) fn guard(connection: &Connection, longest: i32) -> rusqlite::Result<()> {
    // Opened when it is needed: most statements call none of them.
    let beside: Arc<Mutex<Option<Connection>>> = Arc::default();
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS
        | FunctionFlags::SQLITE_RESULT_SUBTYPE;
    for (name, arguments) in GUARDED {
        let beside = Arc::clone(&beside);
        let places = if arguments == 2 { "?, ?" } else { "?, ?, ?" };
        let sql = format!("SELECT {name}({places})");
        let subtype = (name == "json_patch").then_some(JSON);
        let call = move |context: &Context<'_>| {
            if work(context) > MOST_WORK {
                let message = format!("the values of {name}() are too long together");
                return Err(rusqlite::Error::UserFunctionError(message.into()));
            }
            let mut beside = beside.lock().unwrap_or_else(PoisonError::into_inner);
            let beside = match &mut *beside {
                Some(beside) => beside,
                none => none.insert(open(longest)?),
            };
            let mut statement = beside.prepare_cached(&sql)?;
            let values = (0..context.len()).map(|place| Given(context.get_raw(place)));
            let told = statement.query_row(rusqlite::params_from_iter(values), |row| {
                row.get_ref(0).map(Told::of)
            });
            told.map(|told| (told, subtype))
        };
        connection.create_scalar_function(name, i32::from(arguments), flags, call)?;
    }
    Ok(())
}

fn open(longest: i32) -> rusqlite::Result<Connection> {
    let beside = Connection::open_in_memory()?;
    beside.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest)?;
    Ok(beside)
}

fn work(context: &Context<'_>) -> usize {
    let length = |place| match context.get_raw(place) {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
        _ => 1,
    };
    length(0).saturating_mul(length(1))
}

/// A value on its way in, as it is.
struct Given<'a>(ValueRef<'a>);

impl ToSql for Given<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

/// A value on its way out. Text need not be UTF-8.
enum Told {
    Null,
    Integer(i64),
    Text(Vec<u8>),
    Bytes(Vec<u8>),
}

impl Told {
    fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Integer(integer) => Self::Integer(integer),
            ValueRef::Text(text) => Self::Text(text.to_vec()),
            ValueRef::Blob(bytes) => Self::Bytes(bytes.to_vec()),
            // No guarded function tells reals.
            ValueRef::Null | ValueRef::Real(_) => Self::Null,
        }
    }
}

impl ToSql for Told {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Text(text) => ValueRef::Text(text),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a statement tells, of whatever type, or why it does not.
    fn told(connection: &Connection, sql: &str) -> String {
        let told = connection.query_row(sql, [], |row| {
            row.get_ref(0).map(|value| format!("{value:?}"))
        });
        told.unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn guarded_functions_are_what_they_were() {
        let plain = Connection::open_in_memory().unwrap();
        let guarded = Connection::open_in_memory().unwrap();
        guard(&guarded, 1_000_000).unwrap();
        let values = [
            "NULL",
            "''",
            "'a'",
            "'banana'",
            "'ñandú ñ'",
            "'ñ'",
            "5",
            "-1.5e300",
            "0.1",
            "1e15",
            "x''",
            "x'61'",
            "x'f1ff'",
            "CAST(x'ff61ff' AS TEXT)",
            "'{\"a\":{\"b\":1}}'",
            "'{\"a\":null,\"c\":[1]}'",
            "jsonb('{\"d\":2}')",
        ];
        for a in values {
            for b in values {
                for call in [
                    "instr",
                    "trim",
                    "ltrim",
                    "rtrim",
                    "json_patch",
                    "jsonb_patch",
                ] {
                    let sql = format!("SELECT {call}({a}, {b})");
                    assert_eq!(told(&guarded, &sql), told(&plain, &sql), "{sql}");
                }
                for c in ["NULL", "''", "'xyz'", "7.25", "x'ff'"] {
                    let sql = format!("SELECT replace({a}, {b}, {c})");
                    assert_eq!(told(&guarded, &sql), told(&plain, &sql), "{sql}");
                }
            }
        }
        for sql in [
            "SELECT trim('  a ')",
            "SELECT typeof(json_patch('{}', '{}'))",
            "SELECT json_array(json_patch('{}', '{\"a\":1}'), 1)",
            "SELECT replace(replace('abc', 'a', 'b'), 'b', 'c')",
        ] {
            assert_eq!(told(&guarded, sql), told(&plain, sql), "{sql}");
        }
    }
}
