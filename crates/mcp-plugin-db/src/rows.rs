//! The answer to a query: rows, dynamic or typed.

mod de;

use std::{ops::Index, slice};

use mcp_domain::{Error, ErrorKind};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::Value;

/// The answer to a query.
///
/// ```no_run
/// # async fn example(shop: mcp_plugin_db::DatabasePlugin) -> Result<(), mcp_domain::Error> {
/// let rows = shop.query("SELECT name, price FROM products LIMIT 3", &[]).await?;
/// for row in rows.iter() {
///     println!("{} costs {}", row["name"], row["price"]);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Rows {
    /// The columns, in order. Empty if there are no rows and the server does not name
    /// the columns of nothing.
    pub columns: Vec<ResultColumn>,
    /// The rows, each in the order of the columns.
    pub rows: Vec<Vec<Value>>,
    /// How many rows there are here.
    pub row_count: usize,
    /// Was the answer cut at a limit of the server?
    pub truncated: bool,
    /// Where the next page begins, if the answer was cut and the server tells: for
    /// [`DatabasePlugin::page`](crate::DatabasePlugin::page).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A column of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResultColumn {
    /// Its name.
    pub name: String,
    /// The type as the database calls it; `None` for an expression, or where the
    /// server does not tell.
    #[serde(rename = "type")]
    pub declared_type: Option<String>,
}

impl ResultColumn {
    /// A column whose type is not told.
    pub fn untyped(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            declared_type: None,
        }
    }

    /// A column with the type as the database calls it.
    pub fn typed(name: String, declared_type: String) -> Self {
        Self {
            name,
            declared_type: Some(declared_type),
        }
    }
}

impl Rows {
    /// Rows, each as long as there are columns; `truncated` if the server cut them.
    pub fn new(columns: Vec<ResultColumn>, rows: Vec<Vec<Value>>, truncated: bool) -> Self {
        Self {
            columns,
            row_count: rows.len(),
            rows,
            truncated,
            next_cursor: None,
        }
    }

    /// The same, cut where the next page begins, if there is one.
    #[must_use]
    pub fn with_next_cursor(mut self, cursor: Option<String>) -> Self {
        self.next_cursor = cursor;
        self
    }

    /// The rows, with the names of their columns.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.rows.iter().map(|values| Row {
            columns: &self.columns,
            values,
        })
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows as values of a type of yours: a struct whose fields are named like the
    /// columns, a tuple in their order, or the type of the only column.
    ///
    /// What is NULL or has no column is an `Option`. A sequence takes the columns: the bytes
    /// of the only one are a `(Vec<u8>,)`. Types that take anything, such as
    /// `serde_json::Value` or what is behind `#[serde(flatten)]`, get decimals and times as
    /// text, and bytes as in the JSON of a [`Value`].
    ///
    /// # Errors
    ///
    /// `BadResponse` if a row does not fit; the error names the row and the column.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<Vec<T>, Error> {
        let numbered = (1..).zip(self.iter());
        let rows = numbered.map(|(number, row)| {
            row.parse().map_err(|error| {
                let wanted = std::any::type_name::<T>();
                let message = format!("row {number} of the answer is not a `{wanted}`");
                Error::new(ErrorKind::BadResponse, message).with_source(error)
            })
        });
        rows.collect()
    }
}

/// A row with the names of its columns. `row["name"]` is the value of a column.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    columns: &'a [ResultColumn],
    values: &'a [Value],
}

impl<'a> Row<'a> {
    /// The value of the first column of this name.
    pub fn get(&self, column: &str) -> Option<&'a Value> {
        let at = self.columns.iter().position(|c| c.name == column)?;
        self.values.get(at)
    }

    /// The values, in the order of the columns.
    pub fn values(&self) -> slice::Iter<'a, Value> {
        self.values.iter()
    }

    /// The values with the names of their columns.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let names = self.columns.iter().map(|column| column.name.as_str());
        names.zip(self.values)
    }

    /// The row as a value of a type of yours: see [`Rows::parse`].
    ///
    /// # Errors
    ///
    /// `BadResponse` if it does not fit; the error names the column.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        T::deserialize(de::RowReader::new(self)).map_err(|error| {
            let message = "the row does not fit";
            Error::new(ErrorKind::BadResponse, message).with_source(error)
        })
    }
}

/// The value of a column.
///
/// # Panics
///
/// If there is no such column; [`Row::get`] does not.
impl Index<&str> for Row<'_> {
    type Output = Value;

    fn index(&self, column: &str) -> &Value {
        let value = self.get(column);
        #[expect(clippy::panic, reason = "that is what indexing does")]
        value.unwrap_or_else(|| {
            let names: Vec<&str> = self.iter().map(|(name, _)| name).collect();
            panic!("there is no column `{column}`; there are {names:?}")
        })
    }
}

/// The value at a place, from 0.
///
/// # Panics
///
/// If there are fewer columns.
impl Index<usize> for Row<'_> {
    type Output = Value;

    fn index(&self, at: usize) -> &Value {
        &self.values[at]
    }
}

#[cfg(test)]
mod tests;
