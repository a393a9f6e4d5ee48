//! What PostgreSQL and the way to it fail with, in words for the caller.

use std::error::Error as _;

use deadpool_postgres::{HookError, PoolError, TimeoutType};
use mcp_domain::{Error, ErrorKind};
use tokio_postgres::error::{DbError, SqlState};

use super::Postgres;
use crate::engine::UNKNOWN;

/// The most of a message that is told: it can quote the values of a statement.
const LONGEST: usize = 1000;

/// A statement failed. PostgreSQL's own words are the most helpful ones.
pub(super) fn failed(error: tokio_postgres::Error) -> Error {
    let message = match error.as_db_error() {
        Some(said) => words(said),
        None => match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    };
    Error::new(ErrorKind::ToolFailed, shortened(message)).with_source(error)
}

/// A transaction could not be ended. The database's own word is that it is undone; if
/// there is none, the answer was lost, and nobody knows.
pub(super) fn uncommitted(error: tokio_postgres::Error) -> Error {
    if error.as_db_error().is_some() {
        return failed(error);
    }
    let lost = failed(error);
    Error::new(lost.kind(), format!("{lost}{UNKNOWN}")).with_source(lost)
}

/// Was the statement stopped because its time was up?
pub(super) fn timed_out(error: &Error) -> bool {
    error
        .source()
        .and_then(|cause| cause.downcast_ref::<tokio_postgres::Error>())
        .and_then(tokio_postgres::Error::as_db_error)
        .is_some_and(|said| match said.code() {
            &SqlState::QUERY_CANCELED => said.message().contains("statement timeout"),
            // Its time was up between two steps: the failure of the first went unheard.
            code => *code == SqlState::IN_FAILED_SQL_TRANSACTION,
        })
}

fn words(said: &DbError) -> String {
    let code = said.code();
    if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        return format!("{}: the database is open for reading only", said.message());
    }
    if *code == SqlState::SYNTAX_ERROR && said.message().contains("multiple commands") {
        return "only one statement is allowed per call".to_owned();
    }
    let mut words = said.message().to_owned();
    for (label, more) in [("detail", said.detail()), ("hint", said.hint())] {
        if let Some(more) = more {
            words.push_str(&format!("; {label}: {more}"));
        }
    }
    words
}

fn shortened(mut message: String) -> String {
    if message.len() > LONGEST {
        let whole = (0..=LONGEST)
            .rev()
            .find(|end| message.is_char_boundary(*end));
        message.truncate(whole.unwrap_or_default());
        message.push('…');
    }
    message
}

impl Postgres {
    /// There is no connection to be had.
    pub(super) fn no_session(&self, error: PoolError) -> Error {
        let place = &self.place;
        let message = match error {
            PoolError::Timeout(TimeoutType::Wait) => {
                let all = self.limits.statements;
                format!("all {all} connections to the database are busy; try again later")
            }
            PoolError::Timeout(_) => format!("the database {place} does not answer"),
            PoolError::PostCreateHook(HookError::Message(message)) => {
                format!("the database {place} is not served: {message}")
            }
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
                let failed = failed(error);
                format!("cannot connect to the database {place}: {failed}")
            }
            other => format!("cannot connect to the database {place}: {other}"),
        };
        Error::new(ErrorKind::ToolFailed, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_cut_between_letters() {
        assert_eq!(shortened("é".repeat(10)), "é".repeat(10));
        let long = shortened("é".repeat(10_000));
        assert!(long.len() <= LONGEST + 4 && long.ends_with("é…"));
    }
}
