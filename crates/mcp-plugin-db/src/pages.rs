//! Answers that a server cuts at a limit, and how to go on.

use mcp_domain::{Error, ErrorKind, Operation};

use crate::{DatabasePlugin, Dialect, Rows, Value, operations::ask};

const PAGE: Operation = Operation::new("page").repeatable();

impl DatabasePlugin {
    /// The answer to a statement that reads, page by page, however long it is.
    ///
    /// Asks for nothing yet. A page is as long as the server's own limits have it.
    ///
    /// Servers keep nothing between two pages: the statement is run anew for each one,
    /// and what was told before is left out. So it should put its rows in an order that
    /// is always the same (`ORDER BY id`), and where something is written meanwhile, rows
    /// may be told twice or never. Statements that pick their own page
    /// (`WHERE id > ? ORDER BY id LIMIT 1000`) do without all that, and cost less.
    ///
    /// ```no_run
    /// # async fn example(shop: mcp_plugin_db::DatabasePlugin) -> Result<(), mcp_domain::Error> {
    /// let mut pages = shop.pages("SELECT id, name FROM events ORDER BY id", &[]);
    /// while let Some(page) = pages.next().await? {
    ///     println!("{} rows more", page.row_count);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn pages(&self, sql: &str, parameters: &[Value]) -> Pages {
        Pages {
            plugin: self.clone(),
            sql: sql.to_owned(),
            parameters: parameters.to_vec(),
            place: Place::Beginning,
        }
    }

    /// One page of the answer to a statement that reads: the one that begins where
    /// another one was cut, by its [`next_cursor`](Rows::next_cursor).
    ///
    /// A cursor belongs to its statement and parameters, and to nothing else: not to a
    /// connection, nor to this plugin. See [`pages`](Self::pages) for what holds a whole
    /// answer together.
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query); `Unsupported` if the server has no cursors.
    ///
    /// # Cancel safety
    ///
    /// As [`query`](Self::query).
    pub async fn page(&self, sql: &str, parameters: &[Value], cursor: &str) -> Result<Rows, Error> {
        let go_on = |dialect: &dyn Dialect| dialect.go_on(sql, parameters, cursor);
        ask(&self.way, PAGE, go_on).await
    }
}

/// The pages of an answer: see [`DatabasePlugin::pages`].
#[derive(Clone, Debug)]
#[must_use = "nothing is asked for before the first `next`"]
pub struct Pages {
    plugin: DatabasePlugin,
    sql: String,
    parameters: Vec<Value>,
    place: Place,
}

/// Where the next page begins.
#[derive(Clone, Debug)]
enum Place {
    Beginning,
    At(String),
    /// There is more, but only the server knows where; it has told so many rows.
    Unknown(usize),
    End,
}

impl Pages {
    /// The next page; none after the last one.
    ///
    /// A page that failed is asked for again by the next call.
    ///
    /// # Errors
    ///
    /// As [`DatabasePlugin::query`]; `Unsupported` if the server has cut the answer and
    /// does not tell how to go on; `BadResponse` if it leads back to where it was.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the next call asks for the same page.
    pub async fn next(&mut self) -> Result<Option<Rows>, Error> {
        let (sql, parameters) = (&self.sql, &self.parameters);
        let page = match &self.place {
            Place::Beginning => self.plugin.query(sql, parameters).await?,
            Place::At(cursor) => {
                let page = self.plugin.page(sql, parameters, cursor).await?;
                if page.next_cursor.as_ref() == Some(cursor) {
                    let message = "the server's pages go round in circles";
                    return Err(Error::new(ErrorKind::BadResponse, message));
                }
                page
            }
            Place::Unknown(rows) => {
                let message = format!(
                    "the server has cut the answer at {rows} rows, and does not tell how to go \
                     on; ask for fewer, for instance by LIMIT and OFFSET"
                );
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
            Place::End => return Ok(None),
        };
        self.place = match (&page.next_cursor, page.truncated) {
            (Some(cursor), _) => Place::At(cursor.clone()),
            (None, true) => Place::Unknown(page.row_count),
            (None, false) => Place::End,
        };
        Ok(Some(page))
    }

    /// All pages that are left, as one answer, which may take a lot of memory.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up.
    pub async fn all(mut self) -> Result<Rows, Error> {
        let mut all = self.next().await?.unwrap_or_default();
        while let Some(page) = self.next().await? {
            all.rows.extend(page.rows);
        }
        Ok(Rows::new(all.columns, all.rows, false))
    }
}
