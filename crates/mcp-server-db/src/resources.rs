//! Every table as resources: its schema as JSON, its first rows as CSV or Markdown.

mod address;
mod text;

use mcp_domain::{Error, ErrorKind};
use rmcp::model::{CompletionInfo, Resource, ResourceContents, ResourceTemplate};

#[cfg(feature = "postgres")]
pub(crate) use self::address::decode;
use self::address::{Address, Part};
use crate::{answer::TableName, cursor::Cursor, engine::Engine};

/// How many rows of a table are shown.
const ROWS_SHOWN: usize = 50;

/// How many resources a page of the list holds.
const PAGE: usize = 100;

/// What is listed of each table. The rows as Markdown are the same rows once more.
const LISTED: [Part; 2] = [Part::Schema, Part::Csv];

/// One page of the list, and where the next one begins.
pub(crate) async fn list(
    database: &Engine,
    cursor: Option<&str>,
) -> Result<(Vec<Resource>, Option<String>), Error> {
    let place = Cursor::read(cursor, &"resources")?;
    let tables = database.tables().await?;
    let all = tables
        .iter()
        .flat_map(|table| LISTED.map(|part| resource(table, part)));
    let page: Vec<Resource> = all.skip(place.skip).take(PAGE).collect();
    let end = place.skip.saturating_add(page.len());
    let more = end < LISTED.len() * tables.len();
    let next = more.then(|| place.after(page.len()));
    Ok((page, next))
}

fn resource(table: &TableName, part: Part) -> Resource {
    let name = &table.name;
    let address = Address::of(name, part);
    Resource::new(address.to_string(), format!("{name} ({})", part.noun()))
        .with_description(format!("{} of {name}", part.description()))
        .with_mime_type(part.mime_type())
}

/// The patterns that the addresses follow.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    Part::ALL
        .map(|part| {
            let name = format!("table {}", part.noun());
            ResourceTemplate::new(Address::template(part), name)
                .with_description(format!("{} of a table", part.description()))
                .with_mime_type(part.mime_type())
        })
        .to_vec()
}

/// Reads one resource.
///
/// # Errors
///
/// `InvalidInput` if there is no such resource.
pub(crate) async fn read(database: &Engine, uri: &str) -> Result<ResourceContents, Error> {
    let unknown = || {
        let message = format!("there is no resource `{uri}`");
        Error::new(ErrorKind::InvalidInput, message)
    };
    let Address { table, part } = Address::read(uri).ok_or_else(unknown)?;
    // Found by their exact names only: an address that works is one that is listed.
    let tables = database.tables().await?;
    if !tables.iter().any(|known| known.name == table) {
        return Err(unknown());
    }
    let text = match part {
        Part::Schema => {
            let table = database.describe(table).await?;
            serde_json::to_string_pretty(&table).unwrap_or_default()
        }
        Part::Csv => text::csv(&database.first_rows(table, ROWS_SHOWN).await?),
        Part::Markdown => text::markdown(&database.first_rows(table, ROWS_SHOWN).await?),
    };
    Ok(ResourceContents::text(text, uri).with_mime_type(part.mime_type()))
}

/// Names of tables that begin like this, for the `{table}` of a template.
///
/// # Errors
///
/// `InvalidInput` if there is no such template or it has no such place.
pub(crate) async fn complete(
    database: &Engine,
    template: &str,
    argument: &str,
    beginning: &str,
) -> Result<CompletionInfo, Error> {
    if !Part::ALL
        .map(Address::template)
        .iter()
        .any(|t| t == template)
    {
        let message = format!("there is no resource template `{template}`");
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    if argument != "table" {
        let message = format!("`{template}` has no `{argument}`, only `table`");
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let beginning = beginning.to_lowercase();
    let tables = database.tables().await?.into_iter();
    let mut names: Vec<String> = tables
        .map(|table| table.name)
        .filter(|name| name.to_lowercase().starts_with(&beginning))
        .collect();
    let total = names.len();
    names.truncate(CompletionInfo::MAX_VALUES);
    let more = names.len() < total;
    CompletionInfo::with_pagination(names, u32::try_from(total).ok(), more)
        .map_err(|message| Error::new(ErrorKind::BadResponse, message))
}
