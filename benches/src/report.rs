//! The figures, as tables and as JSON.

use std::{io::Write as _, path::Path};

use comfy_table::{CellAlignment, Table, presets};
use mcp_domain::{Error, ErrorKind, PoolStats};
use serde::Serialize;

use crate::{connection, machine::Machine, operations, sample::Summary, servers::Transport};

/// The layout of the JSON; rises when a field changes its meaning.
const SCHEMA: u32 = 1;

/// All that was measured in one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema: u32,
    machine: Machine,
    connection: Vec<connection::Row>,
    operations: Vec<operations::Row>,
    statistics: PoolStats,
}

impl Report {
    pub(crate) fn new(
        connection: Vec<connection::Row>,
        operations: Vec<operations::Row>,
        statistics: PoolStats,
    ) -> Self {
        Self {
            schema: SCHEMA,
            machine: Machine::this(),
            connection,
            operations,
            statistics,
        }
    }

    /// Writes the tables to standard output.
    pub(crate) fn print(&self) {
        let machine = &self.machine;
        let memory = machine.memory_gib.unwrap_or_default();
        let text = format!(
            "Measured on {}, {} cores, {memory} GiB, {}. Times are p50 / p99.\n\n\
             Connection time: until a usable connection is in hand (direct: and closed again)\n{}\n\n\
             Operations: direct opens and closes a session for each\n{}\n\n\
             Statistics of the last pool\n{}\n",
            machine.cpu,
            machine.cores,
            machine.os,
            self.connection_table(),
            self.operations_table(),
            self.statistics_table(),
        );
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }

    fn connection_table(&self) -> Table {
        let header = [
            "transport",
            "lifecycle",
            "direct",
            "pool, first",
            "pool, reuse",
            "improvement",
            "samples",
        ];
        let rows = self.connection.iter().map(|row| {
            vec![
                row.transport.name().to_owned(),
                row.lifecycle.to_owned(),
                times(&row.direct_us),
                times(&row.pool_first_us),
                times(&row.pool_reuse_us),
                format!("{:.0}x", row.improvement),
                format!("{} / {}", row.direct_us.n, row.pool_reuse_us.n),
            ]
        });
        table(&header, rows)
    }

    fn operations_table(&self) -> Table {
        let header = [
            "transport",
            "operation",
            "direct",
            "pooled",
            "improvement",
            "samples",
        ];
        let rows = self.operations.iter().map(|row| {
            vec![
                Transport::name(row.transport).to_owned(),
                row.operation.to_owned(),
                times(&row.direct_us),
                times(&row.pooled_us),
                format!("{:.1}x", row.improvement),
                row.direct_us.n.to_string(),
            ]
        });
        table(&header, rows)
    }

    fn statistics_table(&self) -> Table {
        let stats = &self.statistics;
        let header = [
            "total",
            "available",
            "active",
            "max",
            "breaker",
            "failures",
            "opened",
            "hits",
        ];
        let row = vec![
            stats.total_connections.to_string(),
            stats.available_connections.to_string(),
            stats.active_connections.to_string(),
            stats.max_connections.to_string(),
            stats.circuit_breaker_state.to_string(),
            stats.failure_count.to_string(),
            stats.opened.to_string(),
            stats.hits.to_string(),
        ];
        table(&header, std::iter::once(row))
    }

    /// Writes the figures to a file.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Error> {
        let cannot = |error: std::io::Error| {
            let message = format!("cannot write `{}`", file.display());
            Error::new(ErrorKind::InvalidInput, message).with_source(error)
        };
        let json = serde_json::to_string_pretty(self).map_err(|error| cannot(error.into()))?;
        std::fs::write(file, json + "\n").map_err(cannot)
    }
}

fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_header(header)
        .add_rows(rows);
    // Words to the left, figures to the right.
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn times(summary: &Summary) -> String {
    format!("{} / {}", time(summary.p50), time(summary.p99))
}

/// A time with three digits and the unit that suits it.
fn time(micros: f64) -> String {
    let (value, unit) = if micros < 1.0 {
        (micros * 1000.0, "ns")
    } else if micros < 1000.0 {
        (micros, "µs")
    } else {
        (micros / 1000.0, "ms")
    };
    let digits = match value {
        v if v < 10.0 => 2,
        v if v < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        assert_eq!(time(0.123), "123 ns");
        assert_eq!(time(1.5), "1.50 µs");
        assert_eq!(time(103_000.0), "103 ms");
    }
}
