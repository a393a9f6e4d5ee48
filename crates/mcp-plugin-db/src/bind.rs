//! Values into statements, for servers that bind no parameters.
//!
//! A placeholder is `?`, or `$1` and the like, outside of strings, quoted names and
//! comments. A value is written so that it cannot be anything but a value; what cannot
//! be written so is refused.

mod places;

use mcp_domain::{Error, ErrorKind};

pub(crate) use self::places::places;
use crate::Value;

/// Whose SQL it is, as far as it matters for writing values and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sql {
    DuckDb,
    /// MySQL's, too.
    MariaDb,
    Postgres,
    Sqlite,
    /// Somebody's: only what all agree on can be written.
    Unknown,
}

impl Sql {
    /// That of a database by its name, as servers write it.
    pub(crate) fn of(database: &str) -> Self {
        match database {
            "duckdb" => Self::DuckDb,
            "mariadb" | "mysql" => Self::MariaDb,
            "postgres" | "postgresql" => Self::Postgres,
            "sqlite" => Self::Sqlite,
            _ => Self::Unknown,
        }
    }

    /// A name, whatever is in it: in double quotes, as the standard has it, but for MySQL,
    /// which takes that for text.
    pub(crate) fn quoted(self, name: &str) -> String {
        match self {
            Self::MariaDb => format!("`{}`", name.replace('`', "``")),
            _ => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }
}

/// The statement with its values written in the places of its placeholders.
///
/// # Errors
///
/// `InvalidInput` if placeholders and values do not match, or if a value cannot be
/// written safely for this kind of SQL.
pub(crate) fn inline(sql: &str, parameters: &[Value], of: Sql) -> Result<String, Error> {
    // Elsewhere, `?` is an operator, too.
    if parameters.is_empty() && of != Sql::Sqlite {
        return Ok(sql.to_owned());
    }
    if matches!(of, Sql::MariaDb | Sql::Unknown) && sql.contains(['\\', '#']) {
        // MySQL begins comments and, unless it was told not to, escapes quotes with them;
        // others do not.
        return Err(refused(
            "a statement with `\\` or `#` cannot be given parameters at this server",
        ));
    }
    replace(sql, parameters.len(), |at| literal(&parameters[at], of))
}

/// The statement with its placeholders replaced, for parameters of this number.
///
/// # Errors
///
/// `InvalidInput` if placeholders and parameters do not match; what `with` returns.
pub(crate) fn replace(
    sql: &str,
    parameters: usize,
    with: impl Fn(usize) -> Result<String, Error>,
) -> Result<String, Error> {
    let places = places(sql);
    let wanted = places
        .iter()
        .map(|place| place.parameter + 1)
        .max()
        .unwrap_or(0);
    if wanted != parameters {
        return Err(refused(&format!(
            "the statement has {wanted} parameters, but {parameters} were given"
        )));
    }
    let mut text = String::with_capacity(sql.len() + 16 * parameters);
    let mut end = 0;
    for place in places {
        text.push_str(&sql[end..place.span.start]);
        text.push_str(&with(place.parameter)?);
        end = place.span.end;
    }
    text.push_str(&sql[end..]);
    Ok(text)
}

/// A value as SQL. In parentheses where it begins with a sign: `-?` must not begin a comment.
fn literal(value: &Value, of: Sql) -> Result<String, Error> {
    let cannot = |why: &str| {
        refused(&format!(
            "a parameter that is {why} cannot be written for this server"
        ))
    };
    Ok(match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(value) => match of {
            Sql::MariaDb | Sql::Sqlite | Sql::Unknown => u8::from(*value).to_string(),
            Sql::DuckDb | Sql::Postgres => value.to_string().to_uppercase(),
        },
        // The positive side of the smallest integer is none.
        Value::Integer(i64::MIN) => "(-9223372036854775807 - 1)".to_owned(),
        Value::Integer(value) if *value < 0 => format!("({value})"),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) if !value.is_finite() => return Err(cannot("not a finite number")),
        // A point makes a decimal.
        Value::Real(value) if of == Sql::MariaDb => format!("({value:e})"),
        // With a point or an exponent, so that it stays a real.
        Value::Real(value) => format!("({value:?})"),
        Value::Decimal(value) if value.as_str().ends_with(|last: char| last.is_ascii_digit()) => {
            format!("({value})")
        }
        Value::Bytes(bytes) => {
            let hex = hex(bytes);
            match of {
                Sql::DuckDb => format!("unhex('{hex}')"),
                Sql::Postgres => format!("decode('{hex}', 'hex')"),
                Sql::MariaDb | Sql::Sqlite => format!("x'{hex}'"),
                Sql::Unknown => return Err(cannot("bytes")),
            }
        }
        other => {
            let text = other.as_str().unwrap_or_default();
            if text.contains('\0') {
                return Err(cannot("text with a NUL"));
            }
            let quoted = text.replace('\'', "''");
            match of {
                _ if !text.contains('\\') => format!("'{quoted}'"),
                Sql::DuckDb | Sql::Sqlite => format!("'{quoted}'"),
                // The same whatever `sql_mode` says of backslashes.
                Sql::MariaDb => format!(" _utf8mb4 x'{}'", hex(text.as_bytes())),
                // The same whatever `standard_conforming_strings` says; the space
                // parts it from a name before it.
                Sql::Postgres => format!(" E'{}'", quoted.replace('\\', "\\\\")),
                Sql::Unknown => return Err(cannot("text with a backslash")),
            }
        }
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, why)
}

#[cfg(test)]
mod tests;
