//! The operations table: whole operations of the plugin, direct against pooled.

use std::time::Duration;

use mcp_domain::{Error, ErrorKind};
use mcp_plugin_db::{Access, DatabasePlugin};
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    Effort,
    progress::Progress,
    sample::{Samples, Summary},
    servers::{Servers, Transport},
};

/// One row of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) transport: Transport,
    pub(crate) operation: &'static str,
    pub(crate) direct_us: Summary,
    pub(crate) pooled_us: Summary,
    pub(crate) improvement: f64,
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Search,
    Listing,
    Retrieval,
    Query,
}

impl Operation {
    const ALL: [Self; 4] = [Self::Search, Self::Listing, Self::Retrieval, Self::Query];

    fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Listing => "resource listing",
            Self::Retrieval => "content retrieval",
            Self::Query => "query",
        }
    }

    /// Runs the operation, and makes sure that it did its work.
    async fn run(self, plugin: &DatabasePlugin) -> Result<(), Error> {
        let done = match self {
            Self::Search => {
                let found = plugin.search("sturdy kettle", Some("reviews"), 10).await?;
                found.hits.len() == 10
            }
            // 12 tables and a view, two resources each.
            Self::Listing => plugin.resources().await?.len() == 26,
            Self::Retrieval => !plugin.read("db://tables/orders/schema").await?.is_empty(),
            Self::Query => {
                let sql = "SELECT id, name, price FROM products WHERE category_id = ? LIMIT 10";
                plugin.query(sql, &[1.into()]).await?.row_count == 10
            }
        };
        if done {
            Ok(())
        } else {
            let message = format!("`{}` gave another answer than it should", self.name());
            Err(Error::new(ErrorKind::BadResponse, message))
        }
    }
}

pub(crate) async fn measure(
    servers: &Servers,
    effort: Effort,
    progress: &Progress,
) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for transport in Transport::ALL {
        let connector = servers.connector(transport)?;
        let plugin = |access| {
            let builder = DatabasePlugin::builder(connector.clone());
            builder.access(access).build()
        };
        let (direct, pooled) = (plugin(Access::Direct), plugin(Access::Pooled));
        for operation in Operation::ALL {
            let label = format!("{}: {}", operation.name(), transport.name());
            let row = compare(operation, &direct, &pooled, effort, progress, &label).await?;
            rows.push(row.of(transport));
        }
        pooled.close(Duration::from_secs(10)).await;
    }
    Ok(rows)
}

/// Both modes by turns, so that whatever else the machine does hits both alike.
async fn compare(
    operation: Operation,
    direct: &DatabasePlugin,
    pooled: &DatabasePlugin,
    effort: Effort,
    progress: &Progress,
    label: &str,
) -> Result<Comparison, Error> {
    for _ in 0..effort.operations.div_ceil(20) {
        operation.run(direct).await?;
        operation.run(pooled).await?;
    }
    let (mut direct_times, mut pooled_times) = (Samples::default(), Samples::default());
    let bar = progress.task(label, effort.operations);
    for _ in 0..effort.operations {
        let start = Instant::now();
        operation.run(direct).await?;
        direct_times.since(start);
        let start = Instant::now();
        operation.run(pooled).await?;
        pooled_times.since(start);
        bar.inc(1);
    }
    Ok(Comparison {
        operation,
        direct: direct_times.summary(),
        pooled: pooled_times.summary(),
    })
}

struct Comparison {
    operation: Operation,
    direct: Summary,
    pooled: Summary,
}

impl Comparison {
    fn of(self, transport: Transport) -> Row {
        Row {
            transport,
            operation: self.operation.name(),
            direct_us: self.direct,
            pooled_us: self.pooled,
            improvement: self.direct.times(&self.pooled),
        }
    }
}
