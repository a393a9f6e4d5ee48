//! Lists, all pages of them.

use std::{collections::HashSet, time::Duration};

use mcp_domain::{Error, ErrorKind};
use rmcp::model::{ClientRequest, PaginatedRequestParams, ServerResult};

use super::{Client, ask::from_now, read};

/// A list may have this many pages; a server that gives more is not to be trusted.
const MOST_PAGES: usize = 1000;

/// A list, and how long it may be taken for what the server has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed<T> {
    /// The list.
    pub items: Vec<T>,
    /// For how long the server says that it is fresh: the shortest time among its pages,
    /// none at all if a server of revision 2026-07-28 says nothing. `None` on earlier
    /// revisions, where servers have no way to say.
    pub fresh_for: Option<Duration>,
}

/// A page, where the next one is, and for how many milliseconds it is fresh.
pub(super) type Page<W> = (Vec<W>, Option<String>, Option<u64>);

impl Client {
    /// All pages of a list, in the time that one call may take.
    pub(super) async fn list<W, T: From<W>>(
        &self,
        what: &str,
        request: fn(Option<String>) -> ClientRequest,
        read: fn(ServerResult) -> Option<Page<W>>,
    ) -> Result<Listed<T>, Error> {
        let mut how = self.how();
        how.within = how.timeout;
        let until = from_now(how.within);
        let mut all = Vec::new();
        let mut seen = HashSet::new();
        let mut next = None;
        let mut fresh_ms = (!self.revision.has_initialize()).then_some(u64::MAX);
        for _ in 0..MOST_PAGES {
            let answer = self.ask_once(request(next).into(), &how, until).await?;
            let (page, cursor, ttl_ms) = read(answer).ok_or_else(|| read::unfit(what))?;
            all.extend(page.into_iter().map(T::from));
            fresh_ms = fresh_ms.map(|known| known.min(ttl_ms.unwrap_or(0)));
            let Some(cursor) = cursor else {
                return Ok(Listed {
                    items: all,
                    fresh_for: fresh_ms.map(Duration::from_millis),
                });
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
