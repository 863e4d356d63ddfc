//! Lists with ID cursors, read to their end.

use std::collections::HashSet;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::Anthropic;
use super::wire::IdPage;
use crate::adapters::http::Url;
use crate::ports::ProviderError;

/// Pages of one listing. At 1,000 objects a page that is far beyond any organization.
const MAX_PAGES: usize = 200;
/// A listing may take as long as this many requests that each use up their time.
const MAX_DEADLINES: u32 = 10;

/// Ends a listing that does not end by itself: too many pages, a cursor that comes again, or too much time.
pub(super) struct Leash {
    seen: HashSet<String>,
    pages: usize,
    most_pages: usize,
    until: Instant,
}

impl Leash {
    /// For a listing of at most `most_pages` pages, whose requests take at most `request` each.
    pub fn new(most_pages: usize, request: Duration) -> Self {
        Self {
            seen: HashSet::new(),
            pages: 0,
            most_pages,
            until: Instant::now() + request.saturating_mul(MAX_DEADLINES),
        }
    }

    /// Allows the page behind `cursor`, or says why not.
    pub fn follow(&mut self, cursor: Option<String>) -> Result<String, ProviderError> {
        let fail = |why: &str| Err(ProviderError::Malformed(why.to_owned()));
        self.pages += 1;
        let Some(cursor) = cursor.filter(|c| !c.is_empty()) else {
            return fail("a list says that it has more pages, but not where");
        };
        if !self.seen.insert(cursor.clone()) {
            return fail("the pages of a list go round in a circle");
        }
        if self.pages >= self.most_pages {
            return fail("a list has no end");
        }
        if Instant::now() >= self.until {
            return Err(ProviderError::Unreachable("a list took too long to read".to_owned()));
        }
        Ok(cursor)
    }
}

impl Anthropic {
    /// Every object of the list at `segments`, with `query` unchanged on every page.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, ProviderError> {
        let first: Url = self.endpoint(segments).query(query.iter().copied()).query([("limit", "1000")]);
        let mut leash = Leash::new(MAX_PAGES, self.settings.timeout);
        let mut all = Vec::new();
        let mut url = first.clone();
        loop {
            let page: IdPage<T> = self.get(url).await?;
            all.extend(page.data);
            if !page.has_more {
                return Ok(all);
            }
            url = first.clone().query([("after_id", leash.follow(page.last_id)?)]);
        }
    }
}
