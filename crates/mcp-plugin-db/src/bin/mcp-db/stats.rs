//! The server, what it takes to ask it, and the pool's figures.

use mcp_domain::{Error, PoolStats};
use mcp_plugin_db::{DatabasePlugin, PluginStats, ServerFacts};
use serde::Serialize;
use tokio::time::Instant;

use crate::print::{self, Style};

/// All that there is to tell.
#[derive(Serialize)]
struct Stats {
    server: ServerFacts,
    /// What one question took, on a session that was opened for it or was there.
    first_ms: f64,
    /// What the next question took.
    next_ms: f64,
    #[serde(flatten)]
    plugin: PluginStats,
}

/// Asks the server twice, and tells how that went.
pub(crate) async fn show(plugin: &DatabasePlugin, style: Style) -> Result<String, Error> {
    let start = Instant::now();
    let server = plugin.server().await?;
    let first = start.elapsed();
    plugin.server().await?;
    let next = start.elapsed() - first;
    let stats = Stats {
        server,
        first_ms: first.as_secs_f64() * 1e3,
        next_ms: next.as_secs_f64() * 1e3,
        plugin: plugin.stats(),
    };
    let rows = rows(&stats).into_iter();
    let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
    Ok(print::grid(&stats, style, &["figure", "value"], rows))
}

fn rows(stats: &Stats) -> Vec<(&'static str, String)> {
    let Stats {
        server,
        first_ms,
        next_ms,
        plugin,
    } = stats;
    let PoolStats {
        total_connections,
        available_connections,
        active_connections,
        max_connections,
        circuit_breaker_state,
        failure_count,
        opened,
        hits,
        shares,
        waits,
        connects,
        ..
    } = &plugin.pool;
    let dialect = server
        .dialect
        .clone()
        .unwrap_or_else(|| "none that is known".to_owned());
    let mut rows = vec![
        ("server", format!("{} {}", server.name, server.version)),
        ("protocol", server.revision.clone()),
        ("dialect", dialect),
        ("first answer", format!("{first_ms:.2} ms")),
        ("next answer", format!("{next_ms:.2} ms")),
        ("using pool", plugin.using_pool.to_string()),
    ];
    if plugin.using_pool {
        rows.extend([
            (
                "connections",
                format!("{total_connections} of {max_connections}"),
            ),
            ("available", available_connections.to_string()),
            ("active", active_connections.to_string()),
            ("opened", opened.to_string()),
            ("closed", plugin.pool.closed.total().to_string()),
            ("checkouts", (hits + shares + waits + connects).to_string()),
            ("circuit breaker", circuit_breaker_state.to_string()),
            ("failures", failure_count.to_string()),
        ]);
    }
    rows
}
