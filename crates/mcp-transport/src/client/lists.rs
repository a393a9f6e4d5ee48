//! Lists, all pages of them.

use std::collections::HashSet;

use mcp_domain::{Error, ErrorKind};
use rmcp::model::{ClientRequest, PaginatedRequestParams, ServerResult};

use super::{Client, read};

/// A list may have this many pages; a server that gives more is not to be trusted.
const MOST_PAGES: usize = 1000;

/// A page, and where the next one is.
pub(super) type Page<W> = (Vec<W>, Option<String>);

impl Client {
    /// All pages of a list, in the time that one call may take.
    pub(super) async fn list<W, T: From<W>>(
        &self,
        what: &str,
        request: fn(Option<String>) -> ClientRequest,
        read: fn(ServerResult) -> Option<Page<W>>,
    ) -> Result<Vec<T>, Error> {
        let mut how = self.how();
        how.within = how.timeout;
        let until = how.within.map(|limit| tokio::time::Instant::now() + limit);
        let mut all = Vec::new();
        let mut seen = HashSet::new();
        let mut next = None;
        for _ in 0..MOST_PAGES {
            let answer = self.ask_once(request(next), &how, until).await?;
            let (page, cursor) = read(answer).ok_or_else(|| read::unfit(what))?;
            all.extend(page.into_iter().map(T::from));
            let Some(cursor) = cursor else {
                return Ok(all);
            };
            if !seen.insert(cursor.clone()) {
                let message = format!("the server's list of {what} goes round in circles");
                return Err(Error::new(ErrorKind::BadResponse, message));
            }
            next = Some(cursor);
        }
        let message = format!("the server's list of {what} has more than {MOST_PAGES} pages");
        Err(Error::new(ErrorKind::BadResponse, message))
    }
}

/// What asks for a page.
pub(super) fn page(cursor: Option<String>) -> PaginatedRequestParams {
    let mut params = PaginatedRequestParams::default();
    params.cursor = cursor;
    params
}
