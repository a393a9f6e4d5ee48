//! What a new connection is told, and what its role may not be.

use deadpool_postgres::HookError;
use tokio_postgres::Client;

use super::functions::Functions;
use crate::limits::Limits;

/// Nothing is written by accident, nothing runs for ever, and the database looks now
/// and then whether we are still there (since PostgreSQL 14).
const SETTINGS: &str = "
    SELECT pg_catalog.set_config(name, CASE name
        WHEN 'default_transaction_read_only' THEN 'on'
        WHEN 'client_connection_check_interval' THEN '1000'
        WHEN 'idle_in_transaction_session_timeout' THEN '600000'
        ELSE $1 END, false)
    FROM pg_catalog.pg_settings
    WHERE name IN ('client_connection_check_interval', 'default_transaction_read_only',
        'idle_in_transaction_session_timeout', 'statement_timeout')";

/// What makes a role more than a reader: it could reach beyond the database.
const POWERS: &str = "
    SELECT CASE WHEN r.rolsuper THEN 'is a superuser' ELSE 'is a member of ' || p.rolname END
    FROM pg_catalog.pg_roles r
    LEFT JOIN pg_catalog.pg_roles p
        ON p.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
        AND pg_catalog.pg_has_role(r.rolname, p.oid, 'MEMBER')
    WHERE r.rolname IN (current_user, session_user) AND (r.rolsuper OR p.rolname IS NOT NULL)
    LIMIT 1";

/// Prepares a new connection.
///
/// # Errors
///
/// If the role could do more than work with the tables, and that was not asked for.
pub(super) async fn prepare(
    client: &Client,
    limits: &Limits,
    any_role: bool,
    functions: &Functions,
) -> Result<(), HookError> {
    // Zero would mean no limit.
    let time = limits
        .time
        .as_millis()
        .clamp(1, i32::MAX as u128)
        .to_string();
    client
        .query(SETTINGS, &[&time])
        .await
        .map_err(HookError::Backend)?;
    let power = client
        .query_opt(POWERS, &[])
        .await
        .map_err(HookError::Backend)?;
    if let Some(row) = power.filter(|_| !any_role) {
        let power: String = row.get(0);
        let message = format!(
            "the role of this connection {power}, and so could reach beyond the database; \
             connect as a role that can only read (CREATE ROLE reader LOGIN PASSWORD '…'; \
             GRANT pg_read_all_data TO reader), or allow any role expressly"
        );
        return Err(HookError::message(message));
    }
    functions.learn(client).await.map_err(HookError::Backend)
}
