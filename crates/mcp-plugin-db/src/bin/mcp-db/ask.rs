//! The commands that ask a server.

use std::time::Duration;

use mcp_domain::Error;
use mcp_plugin_db::{DatabasePlugin, Value};

use crate::{
    args::Ask,
    print::{self, Style},
    report,
};

/// How long closing may take.
pub(crate) const CLOSE: Duration = Duration::from_secs(10);

/// Asks one question; gives the answer as text.
pub(crate) async fn answer(
    plugin: &DatabasePlugin,
    style: Style,
    ask: Ask,
) -> Result<String, Error> {
    Ok(match ask {
        Ask::Tables => print::tables(&plugin.tables().await?, style),
        Ask::Describe { table } => print::table(&plugin.describe(&table).await?, style),
        Ask::Query {
            sql,
            parameters,
            all,
        } => {
            let parameters = values(parameters);
            let rows = match all {
                true => plugin.pages(&sql, &parameters).all().await?,
                false => plugin.query(&sql, &parameters).await?,
            };
            let count = rows.row_count;
            let more = format!(
                "there are more than these {count} rows: `mcp-db query --all` asks for all"
            );
            report::cut(rows.truncated, style, &more);
            print::rows(&rows, style)
        }
        Ask::Execute { sql, parameters } => {
            let changes = plugin.execute(&sql, &values(parameters)).await?;
            let told = &changes.returned;
            let count = told.row_count;
            let more = format!("there are more than these {count} rows: all were written");
            report::cut(told.truncated, style, &more);
            print::changes(&changes, style)
        }
        Ask::Explain { sql, parameters } => {
            print::plan(&plugin.explain(&sql, &values(parameters)).await?, style)
        }
        Ask::Search {
            words,
            table,
            limit,
        } => {
            let found = plugin.search(&words, table.as_deref(), limit).await?;
            let count = found.hits.len();
            let more = format!(
                "there may be more than these {count} rows: --limit asks for more, and --table \
                 or more words for less"
            );
            report::cut(found.truncated, style, &more);
            report::not_searched(&found.not_searched, style);
            print::hits(&found, style)
        }
        Ask::Resources => print::resources(&plugin.resources().await?, style),
        Ask::Read { uri } => print::contents(&plugin.read(&uri).await?, style),
    })
}

/// What reads as JSON is JSON, everything else is text. So are whole numbers of more than
/// 64 bits, which would lose digits: databases that have such read them from text.
fn values(parameters: Vec<String>) -> Vec<Value> {
    let value = |text: String| match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(serde_json::Value::Number(number)) if number.is_f64() && is_whole(&text) => text.into(),
        Ok(value) => value.into(),
        Err(_) => text.into(),
    };
    parameters.into_iter().map(value).collect()
}

fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().all(|byte| byte.is_ascii_digit())
}
